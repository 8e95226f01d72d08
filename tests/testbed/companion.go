package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// cloud does what the cloud around a cluster would do, for as much of it as
// Helm and helm-iris can see: it joins nodes, provisions volumes and gives
// LoadBalancers their addresses.
type cloud struct {
	client   kubernetes.Interface
	classes  storagelisters.StorageClassLister
	claims   corelisters.PersistentVolumeClaimLister
	volumes  corelisters.PersistentVolumeLister
	services corelisters.ServiceLister
	// noAddresses is a cloud with no floating IP left: NO_LB=1.
	noAddresses bool
}

// companion runs the cloud until it is told to stop.
func companion(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: companion KUBECONFIG NODES")
	}
	nodes, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", args[0])
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400 // the client's own defaults (5, 10) are felt in tests
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	if err := join(ctx, client, nodes); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	core, storage := factory.Core().V1(), factory.Storage().V1()
	c := &cloud{
		client:      client,
		classes:     storage.StorageClasses().Lister(),
		claims:      core.PersistentVolumeClaims().Lister(),
		volumes:     core.PersistentVolumes().Lister(),
		services:    core.Services().Lister(),
		noAddresses: os.Getenv("NO_LB") == "1",
	}
	// Any change wakes the one loop below. It looks at everything and mends what
	// differs, which is simple, and quick enough for the size of a test cluster.
	changed := make(chan struct{}, 1)
	wake := func() {
		select {
		case changed <- struct{}{}:
		default: // already awake
		}
	}
	for _, informer := range []cache.SharedIndexInformer{
		storage.StorageClasses().Informer(), core.PersistentVolumeClaims().Informer(),
		core.PersistentVolumes().Informer(), core.Services().Informer(),
	} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { wake() },
			UpdateFunc: func(any, any) { wake() },
			DeleteFunc: func(any) { wake() },
		}); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	var retry <-chan time.Time
	var before string
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-retry:
		}
		retry = nil
		err := errors.Join(c.provisionVolumes(ctx), c.reclaimVolumes(ctx), c.assignAddresses(ctx))
		if err == nil || ctx.Err() != nil {
			continue
		}
		// Most often a conflict with another writer: the next round sees the newer object.
		retry = time.After(500 * time.Millisecond)
		if err.Error() != before {
			before = err.Error()
			log.Print(before)
		}
	}
}
