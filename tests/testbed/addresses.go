package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// noAddressAnnotation keeps one Service pending, as NO_LB=1 does all of them.
const noAddressAnnotation = "testbed.helm-iris/no-address"

// assignAddresses gives each LoadBalancer the address it asks for, or a free one
// of 192.0.2.0/24 (RFC 5737: for documentation, so it leads nowhere), and takes
// it away from a Service that is no LoadBalancer any more.
func (c *cloud) assignAddresses(ctx context.Context) error {
	services, err := c.services.List(labels.Everything())
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, service := range services {
		used[address(service)] = true
	}
	var failed []error
	for _, service := range services {
		want, err := c.addressFor(service, used)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if want == address(service) || service.DeletionTimestamp != nil {
			continue
		}
		used[want] = true
		changed := service.DeepCopy()
		changed.Status.LoadBalancer.Ingress = nil
		if want != "" {
			changed.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: want}}
		}
		_, err = c.client.CoreV1().Services(service.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// addressFor says which address a Service should have; "" is none.
func (c *cloud) addressFor(service *corev1.Service, used map[string]bool) (string, error) {
	has := address(service)
	switch {
	case service.Spec.Type != corev1.ServiceTypeLoadBalancer:
		return "", nil
	case service.Spec.LoadBalancerClass != nil: // some other controller's
		return has, nil
	case c.noAddresses || service.Annotations[noAddressAnnotation] == "true": // pending, but nothing is taken away
		return has, nil
	case service.Spec.LoadBalancerIP != "":
		// The API takes any text here. Text that is no address leaves the
		// Service pending, as in a cloud.
		if net.ParseIP(service.Spec.LoadBalancerIP) == nil {
			return has, nil
		}
		return service.Spec.LoadBalancerIP, nil
	case has != "":
		return has, nil
	}
	for i := 1; i < 255; i++ {
		if free := fmt.Sprintf("192.0.2.%d", i); !used[free] {
			return free, nil
		}
	}
	return "", errors.New("192.0.2.0/24 is used up")
}

// address is the one that a Service has; "" is none.
func address(service *corev1.Service) string {
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		return ingress.IP
	}
	return ""
}
