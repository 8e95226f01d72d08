package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// identity is a certificate with its key, as PEM.
type identity struct{ cert, key []byte }

// pki writes into DIR what the components need to trust each other, and an
// admin kubeconfig for the API at URL. Everything is made anew for each testbed
// and worthless outside it.
func pki(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: pki DIR URL")
	}
	dir, url := args[0], args[1]
	ca, err := issue(nil, template("testbed-ca"))
	if err != nil {
		return err
	}
	// The names by which pods would call the API too, although none does.
	server := template("kube-apiserver")
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)}
	server.DNSNames = []string{"localhost", "kubernetes.default.svc"}
	for file, t := range map[string]*x509.Certificate{"apiserver": server, "service-accounts": template("service-accounts")} {
		id, err := issue(&ca, t)
		if err != nil {
			return err
		}
		if err := id.write(dir, file); err != nil {
			return err
		}
	}
	if err := ca.write(dir, "ca"); err != nil {
		return err
	}
	// The users and groups that the built-in RBAC bindings name:
	// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#core-component-roles
	for file, subject := range map[string]pkix.Name{
		"admin":              {CommonName: "admin", Organization: []string{"system:masters"}},
		"companion":          {CommonName: "companion", Organization: []string{"system:masters"}},
		"controller-manager": {CommonName: "system:kube-controller-manager"},
		"scheduler":          {CommonName: "system:kube-scheduler"},
	} {
		if err := kubeconfig(dir, url, "default", subject, filepath.Join(dir, file+".kubeconfig")); err != nil {
			return err
		}
	}
	return nil
}

// kubeconfig writes a 0600 kubeconfig for a client certificate signed by DIR's CA.
func kubeconfig(dir, url, namespace string, subject pkix.Name, path string) error {
	var ca identity
	var err error
	if ca.cert, err = os.ReadFile(filepath.Join(dir, "ca.crt")); err != nil {
		return err
	}
	if ca.key, err = os.ReadFile(filepath.Join(dir, "ca.key")); err != nil {
		return err
	}
	t := template(subject.CommonName)
	t.Subject = subject
	client, err := issue(&ca, t)
	if err != nil {
		return err
	}
	config := api.NewConfig()
	config.Clusters["testbed"] = &api.Cluster{Server: url, CertificateAuthorityData: ca.cert}
	config.AuthInfos[subject.CommonName] = &api.AuthInfo{ClientCertificateData: client.cert, ClientKeyData: client.key}
	config.Contexts["testbed"] = &api.Context{Cluster: "testbed", AuthInfo: subject.CommonName, Namespace: namespace}
	config.CurrentContext = "testbed"
	return clientcmd.WriteToFile(*config, path) // writes 0600
}

// template is a certificate good for a year, and from yesterday on, so that a
// clock set back a little does not break a running testbed.
func template(commonName string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: commonName},
		NotBefore:    time.Now().AddDate(0, 0, -1),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

// issue makes a key and signs the template with it (parent nil: a CA) or with parent.
func issue(parent *identity, t *x509.Certificate) (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	issuer, signer := t, key
	if parent == nil {
		t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		certPEM, _ := pem.Decode(parent.cert)
		keyPEM, _ := pem.Decode(parent.key)
		if issuer, err = x509.ParseCertificate(certPEM.Bytes); err != nil {
			return identity{}, err
		}
		if signer, err = x509.ParseECPrivateKey(keyPEM.Bytes); err != nil {
			return identity{}, err
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, issuer, &key.PublicKey, signer)
	if err != nil {
		return identity{}, err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	return identity{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}),
	}, err
}

func (id identity) write(dir, name string) error {
	if err := os.WriteFile(filepath.Join(dir, name+".crt"), id.cert, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".key"), id.key, 0o600)
}
