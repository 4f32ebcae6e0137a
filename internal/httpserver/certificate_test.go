package httpserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
	"sluice/internal/httpserver"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{next: 1}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	a.key = key
	a.cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	return a
}

// issue signs a certificate and returns it and its key in PEM form.
func (a *authority) issue(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	a.next++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, private.Public(), a.key)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// save writes a file as tools do that renew certificates: at once.
func save(t *testing.T, path string, text []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", text, 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// files writes a certificate of the authority's.
func (a *authority) files(t *testing.T) httpserver.TLS {
	t.Helper()
	dir := t.TempDir()
	f := httpserver.TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	cert, key := a.issue(t, "server")
	save(t, f.CertFile, cert)
	save(t, f.KeyFile, key)
	return f
}

// client is one that trusts the authority, and has a certificate where it is
// given one.
func (a *authority) client(t *testing.T, certs ...tls.Certificate) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: certs}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func read(t *testing.T, c *http.Client, url string) (answer, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	require.NoError(t, err)
	return do(t, c, r)
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	s, url := newServerWith(t, httpserver.Options{HTTP: httpserver.Config{TLS: a.files(t), Connections: 2}}, whoami)
	secure := strings.Replace(url, "http://", "https://", 1)
	resp, body := read(t, a.client(t), secure+"/whoami/1")
	require.Equal(t, "HTTP/2.0", resp.Proto)
	require.Equal(t, ":1:", body)

	one := a.client(t)
	one.Transport.(*http.Transport).ForceAttemptHTTP2 = false
	one.Transport.(*http.Transport).TLSClientConfig.NextProtos = []string{"http/1.1"}
	resp, _ = read(t, one, secure+"/whoami/1")
	require.Equal(t, "HTTP/1.1", resp.Proto)

	// Idle connections make room also when they are encrypted.
	rests(t, s, 2)
	resp, _ = read(t, a.client(t), secure+"/whoami/1")
	require.Equal(t, 200, resp.StatusCode)

	rests(t, s, 2)
	_, err := tls.Dial("tcp", strings.TrimPrefix(url, "http://"), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	require.ErrorContains(t, err, "protocol version")
	plain, _ := get(t, url+"/whoami/1")
	require.Equal(t, 400, plain)
}

func TestCertificateIsReadAgain(t *testing.T) {
	a, out := newAuthority(t), &output{}
	f := a.files(t)
	_, url := newServerWith(t, httpserver.Options{HTTP: httpserver.Config{TLS: f}, Log: out.logger()}, whoami)
	serial := func() int64 {
		pool := x509.NewCertPool()
		pool.AddCert(a.cert)
		conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "http://"), &tls.Config{RootCAs: pool})
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	first := serial()
	// Half of a new pair: the old one stays.
	cert, key := a.issue(t, "server")
	save(t, f.CertFile, cert)
	require.Eventually(t, func() bool {
		require.Equal(t, first, serial())
		return strings.Contains(out.String(), "the new certificate is bad")
	}, time.Minute, 10*time.Millisecond)
	save(t, f.KeyFile, key)
	require.Eventually(t, func() bool { return serial() == first+1 }, time.Minute, 10*time.Millisecond)
	require.Equal(t, 1, strings.Count(out.String(), "the new certificate is bad"))
	require.NotContains(t, out.String(), "PRIVATE")

	require.NoError(t, os.WriteFile(f.CertFile, []byte("nonsense"), 0o600))
	s := httpserver.New(httpserver.Options{Listen: []string{"127.0.0.1:0"}, Setting: "test.listen", HTTP: httpserver.Config{TLS: f}, Log: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, s.Listen(t.Context()), "http.tls")
}

func TestClientCertificates(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	cas := filepath.Join(t.TempDir(), "ca.pem")
	save(t, cas, a.pem())
	auth, err := access.New(access.Config{MTLS: access.MTLS{CAFile: cas}, Principals: everybody}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, url := newServerWith(t, httpserver.Options{HTTP: httpserver.Config{TLS: a.files(t)}, Auth: auth}, whoami)
	url = strings.Replace(url, "http://", "https://", 1)

	pair := func(by *authority) tls.Certificate {
		c, err := tls.X509KeyPair(by.issue(t, "till-7"))
		require.NoError(t, err)
		return c
	}
	resp, body := read(t, a.client(t, pair(a)), url+"/whoami/1")
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, "till-7:1:", body)
	resp, _ = read(t, a.client(t), url+"/whoami/1")
	require.Equal(t, 401, resp.StatusCode, "without one there may be another credential")
	resp, _ = read(t, a.client(t), url+"/open")
	require.Equal(t, 200, resp.StatusCode)

	stranger := a.client(t)
	foreign := pair(other)
	stranger.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &foreign, nil
	}
	shown, err := stranger.Get(url + "/open")
	if err == nil {
		_ = shown.Body.Close()
	}
	require.Error(t, err, "one of another authority is shown the door")

	// The authorities are read again, too, and count for the next connection.
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = auth.Run(ctx) }) // It has no error.
	defer wg.Wait()
	defer cancel()
	save(t, cas, other.pem())
	require.Eventually(t, func() bool {
		shown, err := stranger.Get(url + "/whoami/1")
		if err != nil {
			return false
		}
		_ = shown.Body.Close()
		return shown.StatusCode == http.StatusOK
	}, time.Minute, 10*time.Millisecond)
}
