// Command testbed is a Kubernetes control plane for tests, in one binary.
//
// It is started by scripts/testbed.sh, which knows how the parts fit together.
// What runs is chosen by the first argument, or by the name the program is
// called by: the real kube-apiserver, kube-controller-manager, kube-scheduler
// and etcd, and a few small helpers of ours. One program costs one link instead
// of four; the parts still run as separate processes, each with its own flags.
//
// No container runs here: nodes and pods are simulated by kwok. What is real is
// everything that Helm and helm-iris talk to: the API, admission, RBAC,
// controllers, the scheduler, and volume binding.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// helpers are our own subcommands: arguments in, error out.
var helpers = map[string]func(args []string) error{
	"ports":     ports,     // N: print N free loopback ports
	"pki":       pki,       // DIR URL: certificates and kubeconfigs of the components
	"user":      user,      // DIR NAME NAMESPACE: kubeconfig of a namespace admin
	"wait":      waitFor,   // KUBECONFIG NODES: until the API and so many nodes are ready
	"companion": companion, // KUBECONFIG NODES: what a cloud would do: nodes, volumes, addresses
	"repo":      repo,      // DIR ADDR: serve packaged charts
}

func main() {
	name := filepath.Base(os.Args[0])
	if name == "testbed" && len(os.Args) > 1 {
		os.Args = os.Args[1:]
		name = os.Args[0]
	}
	switch name {
	case "etcd":
		etcdmain.Main(os.Args) // exits by itself
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	}
	helper, known := helpers[name]
	if !known {
		fmt.Fprintf(os.Stderr, "testbed: no such part: %s (see main.go for the list)\n", name)
		os.Exit(2)
	}
	if err := helper(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "testbed %s: %v\n", name, err)
		os.Exit(1)
	}
}
