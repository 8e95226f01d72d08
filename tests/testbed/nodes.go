package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// cinder is the name of OpenStack's volume driver, which a Magnum cluster has.
const cinder = "cinder.csi.openstack.org"

// join makes the nodes, which kwok then keeps Ready, and declares the cloud's
// volume driver, as its Helm chart would.
func join(ctx context.Context, client kubernetes.Interface, nodes int) error {
	for i := range nodes {
		node := worker(i)
		_, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
		if ignoreExists(err) != nil {
			return err
		}
	}
	// attachRequired would be true in OpenStack. Here nothing attaches, and an
	// attachment that never ends would only puzzle whoever looks.
	attach := false
	driver := &storagev1.CSIDriver{
		ObjectMeta: metav1.ObjectMeta{Name: cinder},
		Spec:       storagev1.CSIDriverSpec{AttachRequired: &attach},
	}
	_, err := client.StorageV1().CSIDrivers().Create(ctx, driver, metav1.CreateOptions{})
	return ignoreExists(err)
}

// worker describes an ordinary worker: 4 CPUs, 16 GiB, 110 pods, and the
// well-known labels (https://kubernetes.io/docs/reference/labels-annotations-taints/)
// that a cloud's node has, with the availability zone of the guide, nova.
func worker(i int) *corev1.Node {
	name := fmt.Sprintf("worker-%d", i+1)
	size := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("4"),
		corev1.ResourceMemory:           resource.MustParse("16Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("50Gi"),
		corev1.ResourcePods:             resource.MustParse("110"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname:           name,
				corev1.LabelOSStable:           "linux",
				corev1.LabelArchStable:         "amd64",
				corev1.LabelInstanceTypeStable: "testbed.medium",
				corev1.LabelTopologyRegion:     "RegionOne",
				corev1.LabelTopologyZone:       "nova",
			},
			// So that nobody takes it for a machine; upstream kwok's own mark.
			Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
		},
		Spec:   corev1.NodeSpec{PodCIDR: fmt.Sprintf("10.244.%d.0/24", i)},
		Status: corev1.NodeStatus{Capacity: size, Allocatable: size},
	}
}
