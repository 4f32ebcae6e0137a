package access_test

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

func mustURL(t *testing.T, target string) *http.Request {
	t.Helper()
	return httptest.NewRequest(http.MethodGet, target, nil)
}

// newRoot makes the certificate of an authority.
func newRoot(t *testing.T) *x509.Certificate {
	t.Helper()
	key := newEC(t, elliptic.P256())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(1000 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	root, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return root
}

// pemOf writes certificates as a file has them.
func pemOf(certs ...*x509.Certificate) string {
	var text []byte
	for _, c := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return string(text)
}

// certificate is one as the TLS listener hands it on, after it has verified it.
func certificate(t *testing.T, cn string, dns []string, uris []string) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{Subject: pkix.Name{CommonName: cn}, DNSNames: dns, NotAfter: time.Now().Add(time.Hour)}
	for _, text := range uris {
		u, err := url.Parse(text)
		require.NoError(t, err)
		c.URIs = append(c.URIs, u)
	}
	return c
}

// withCertificate is a request on a connection whose client has shown the
// certificates: its own first, then those that lead to an authority.
func withCertificate(chain ...*x509.Certificate) *http.Request {
	r := request()
	r.TLS = &tls.ConnectionState{PeerCertificates: chain[:1], VerifiedChains: [][]*x509.Certificate{chain}}
	return r
}

func TestNamesOfCertificates(t *testing.T) {
	_, log := newLog()
	root := newRoot(t)
	a, err := access.New(access.Config{MTLS: access.MTLS{CAFile: write(t, "ca.pem", "some text\n"+pemOf(root))}, Principals: everything}, log)
	require.NoError(t, err)
	require.NotNil(t, a.ClientCAs())
	for want, c := range map[string]*x509.Certificate{
		"spiffe://example/shop": certificate(t, "cn", []string{"dns"}, []string{"spiffe://example/shop", "spiffe://example/other"}),
		"shop.example":          certificate(t, "cn", []string{"shop.example", "x"}, nil),
		"cn":                    certificate(t, "cn", nil, nil),
	} {
		p, err := a.Authenticate(withCertificate(c, root))
		require.NoError(t, err)
		require.Equal(t, want, p.Name())
	}
	for name, r := range map[string]*http.Request{
		"no name":         withCertificate(certificate(t, "", nil, nil), root),
		"a star":          withCertificate(certificate(t, "*", nil, nil), root),
		"a line feed":     withCertificate(certificate(t, "a\nb", nil, nil), root),
		"a worse bearer":  withKey(withCertificate(certificate(t, "cn", nil, nil), root)),
		"not verified":    unverified(withCertificate(certificate(t, "cn", nil, nil), root)),
		"ended":           withCertificate(&x509.Certificate{Subject: pkix.Name{CommonName: "cn"}, NotAfter: time.Now()}, root),
		"another's":       withCertificate(certificate(t, "cn", nil, nil), newRoot(t)),
		"no TLS":          request(),
		"no certificates": emptyTLS(),
	} {
		_, err := a.Authenticate(r)
		require.Error(t, err, name)
	}
	_, err = access.New(access.Config{MTLS: access.MTLS{CAFile: write(t, "ca.pem", pemOf(root)[:100])}, Principals: everything}, log)
	require.ErrorContains(t, err, "auth.mtls.ca_file")
}

func withKey(r *http.Request) *http.Request {
	r.Header.Set("X-Api-Key", "sluice_x")
	return r
}

func unverified(r *http.Request) *http.Request {
	r.TLS.VerifiedChains = nil
	return r
}

func emptyTLS() *http.Request {
	r := request()
	r.TLS = &tls.ConnectionState{}
	return r
}
