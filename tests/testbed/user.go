package main

import (
	"context"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// user makes a person who is admin of one namespace and nothing else, and prints
// the path of that person's kubeconfig: for tests of missing rights. The
// namespace is made if it is missing, as its owner could not make it.
func user(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: user DIR NAME NAMESPACE")
	}
	dir, name, namespace := args[0], args[1], args[2]
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, "admin.kubeconfig"))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx := context.Background()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); ignoreExists(err) != nil {
		return err
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "testbed-admin-" + name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: name}},
		RoleRef:    rbacv1.RoleRef{Kind: "ClusterRole", APIGroup: rbacv1.GroupName, Name: "admin"},
	}
	if _, err := client.RbacV1().RoleBindings(namespace).Create(ctx, binding, metav1.CreateOptions{}); ignoreExists(err) != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("user-%s-%s.kubeconfig", name, namespace))
	if err := kubeconfig(dir, config.Host, namespace, pkix.Name{CommonName: name}, path); err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// ignoreExists makes creating idempotent.
func ignoreExists(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
