package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// keys are the files that the API server and its clients prove themselves with. All are
// new for each start, and worth nothing after it.
type keys struct {
	authority         string
	serverCertificate string
	serverKey         string
	accountKey        string
	accountPublic     string
	tokens            string
	// token is the bearer token of a member of system:masters.
	token string
}

func writeKeys(dir string) (*keys, error) {
	k := &keys{
		authority:         filepath.Join(dir, "ca.crt"),
		serverCertificate: filepath.Join(dir, "server.crt"),
		serverKey:         filepath.Join(dir, "server.key"),
		accountKey:        filepath.Join(dir, "accounts.key"),
		accountPublic:     filepath.Join(dir, "accounts.pub"),
		tokens:            filepath.Join(dir, "tokens.csv"),
	}
	authorityKey, err := newKey("")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "controlplane"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(30 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if err := writeCertificate(k.authority, authority, authority, &authorityKey.PublicKey, authorityKey); err != nil {
		return nil, err
	}
	serverKey, err := newKey(k.serverKey)
	if err != nil {
		return nil, err
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1),
		Subject:      pkix.Name{CommonName: "kube-apiserver"},
		NotBefore:    authority.NotBefore,
		NotAfter:     authority.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost", "kubernetes.default.svc"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if err := writeCertificate(k.serverCertificate, server, authority, &serverKey.PublicKey, authorityKey); err != nil {
		return nil, err
	}
	accountKey, err := newKey(k.accountKey)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&accountKey.PublicKey)
	if err != nil {
		return nil, err
	}
	if err := writePEM(k.accountPublic, "PUBLIC KEY", public); err != nil {
		return nil, err
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	k.token = hex.EncodeToString(random)
	line := fmt.Sprintf("%s,admin,admin,system:masters\n", k.token)
	return k, os.WriteFile(k.tokens, []byte(line), 0o600)
}

// newKey makes a key and, unless path is empty, writes it there.
func newKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil || path == "" {
		return key, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(path, "EC PRIVATE KEY", der)
}

func writeCertificate(path string, certificate, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, certificate, parent, public, signer)
	if err != nil {
		return err
	}
	return writePEM(path, "CERTIFICATE", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
