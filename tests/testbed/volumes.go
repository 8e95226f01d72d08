package main

import (
	"context"
	"errors"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/reference"
)

// The contract between Kubernetes and a CSI provisioner, as the sidecar
// kubernetes-csi/external-provisioner keeps it: the volume controller writes the
// first on a claim that a driver outside Kubernetes shall serve (with the CSI
// name also where the class says kubernetes.io/cinder), the scheduler writes the
// second once a pod that uses a WaitForFirstConsumer claim has found its node,
// and the provisioner writes the third on the volumes that it made.
const (
	provisionerAnnotation   = "volume.kubernetes.io/storage-provisioner"
	selectedNodeAnnotation  = "volume.kubernetes.io/selected-node"
	provisionedByAnnotation = "pv.kubernetes.io/provisioned-by"
)

// provisionVolumes makes a volume for each claim that asks for one. It serves
// every driver outside Kubernetes itself; a class whose claims must stay Pending
// can use the provisioner kubernetes.io/no-provisioner.
func (c *cloud) provisionVolumes(ctx context.Context) error {
	claims, err := c.claims.List(labels.Everything())
	if err != nil {
		return err
	}
	var failed []error
	for _, claim := range claims {
		driver := claim.Annotations[provisionerAnnotation]
		if driver == "" || strings.HasPrefix(driver, "kubernetes.io/") ||
			claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil || claim.Spec.StorageClassName == nil {
			continue
		}
		class, err := c.classes.Get(*claim.Spec.StorageClassName)
		if err != nil {
			continue // the class is gone again; its return wakes us
		}
		waits := class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
		if waits && claim.Annotations[selectedNodeAnnotation] == "" {
			continue
		}
		volume, err := volumeFor(claim, class, driver)
		if err == nil {
			_, err = c.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
		}
		failed = append(failed, ignoreExists(err)) // made already, not yet bound
	}
	return errors.Join(failed...)
}

// volumeFor is the volume as the class's driver would make it, meant for its claim.
func volumeFor(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, driver string) (*corev1.PersistentVolume, error) {
	owner, err := reference.GetReference(scheme.Scheme, claim)
	if err != nil {
		return nil, err
	}
	reclaim := corev1.PersistentVolumeReclaimDelete // the API's default
	if class.ReclaimPolicy != nil {
		reclaim = *class.ReclaimPolicy
	}
	name := "pvc-" + string(claim.UID)
	// A name with a slash is that of a provisioner from before CSI, such as
	// rancher.io/local-path, which makes volumes of the older kinds.
	source := corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: name}}
	if strings.Contains(driver, "/") {
		source = corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/testbed/" + name}}
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedByAnnotation: driver}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      claim.Spec.Resources.Requests,
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    claim.Spec.VolumeMode,
			ClaimRef:                      owner,
			StorageClassName:              class.Name,
			MountOptions:                  class.MountOptions,
			PersistentVolumeReclaimPolicy: reclaim,
			PersistentVolumeSource:        source,
		},
	}, nil
}

// reclaimVolumes deletes the volumes whose claim is gone, where the class said
// Delete. Those to Retain stay, Released, as they would in a cloud.
func (c *cloud) reclaimVolumes(ctx context.Context) error {
	volumes, err := c.volumes.List(labels.Everything())
	if err != nil {
		return err
	}
	var failed []error
	for _, volume := range volumes {
		if volume.Annotations[provisionedByAnnotation] == "" || volume.DeletionTimestamp != nil ||
			volume.Status.Phase != corev1.VolumeReleased ||
			volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
			continue
		}
		err := c.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
		if !apierrors.IsNotFound(err) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
