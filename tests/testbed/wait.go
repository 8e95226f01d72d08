package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// waitFor returns when the API answers /readyz and as many nodes as asked are
// Ready (0: the API only), or fails after a minute with what was missing.
func waitFor(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: wait KUBECONFIG NODES")
	}
	want, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", args[0])
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	missing := readiness(ctx, client, want)
	for missing != nil && ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
		if err := readiness(ctx, client, want); err == nil || ctx.Err() == nil {
			missing = err // keep the last real reason, not "context deadline exceeded"
		}
	}
	return missing
}

func readiness(ctx context.Context, client kubernetes.Interface, want int) error {
	if _, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
		return fmt.Errorf("the API server is not ready: %w", err)
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	ready := 0
	for _, node := range nodes.Items {
		// A node is of use when it is Ready and the controller manager has
		// taken the not-ready taint off again.
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue && len(node.Spec.Taints) == 0 {
				ready++
			}
		}
	}
	if ready < want {
		return fmt.Errorf("%d of %d nodes are ready", ready, want)
	}
	return nil
}

// ports prints free loopback ports, one a line. They are taken below the range
// from which Linux hands out ports to clients (32768 upwards), so that no
// outgoing connection can grab one before the server that it is for binds it.
func ports(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: ports N")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	for range 1000 {
		if n == 0 {
			return nil
		}
		port := 20000 + rand.IntN(10000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer listener.Close() // held to the end, so that none is given twice
		fmt.Println(port)
		n--
	}
	return errors.New("no free loopback ports between 20000 and 30000")
}
