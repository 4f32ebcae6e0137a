package access_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

func mustURL(t *testing.T, target string) *http.Request {
	t.Helper()
	return httptest.NewRequest(http.MethodGet, target, nil)
}

// certificate is one as the TLS listener hands it on, after it has verified it.
func certificate(t *testing.T, cn string, dns []string, uris []string) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{Subject: pkix.Name{CommonName: cn}, DNSNames: dns}
	for _, text := range uris {
		u, err := url.Parse(text)
		require.NoError(t, err)
		c.URIs = append(c.URIs, u)
	}
	return c
}

func withCertificate(c *x509.Certificate) *http.Request {
	r := request()
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}, VerifiedChains: [][]*x509.Certificate{{c}}}
	return r
}

func TestNamesOfCertificates(t *testing.T) {
	_, log := newLog()
	a, err := access.New(access.Config{MTLS: access.MTLS{CAFile: write(t, "ca.pem", pemOfAuthority(t))}, Principals: everything}, log)
	require.NoError(t, err)
	require.NotNil(t, a.ClientCAs())
	for want, c := range map[string]*x509.Certificate{
		"spiffe://example/shop": certificate(t, "cn", []string{"dns"}, []string{"spiffe://example/shop", "spiffe://example/other"}),
		"shop.example":          certificate(t, "cn", []string{"shop.example", "x"}, nil),
		"cn":                    certificate(t, "cn", nil, nil),
	} {
		p, err := a.Authenticate(withCertificate(c))
		require.NoError(t, err)
		require.Equal(t, want, p.Name())
	}
	for name, r := range map[string]*http.Request{
		"no name":         withCertificate(certificate(t, "", nil, nil)),
		"a star":          withCertificate(certificate(t, "*", nil, nil)),
		"a line feed":     withCertificate(certificate(t, "a\nb", nil, nil)),
		"a worse bearer":  withKey(withCertificate(certificate(t, "cn", nil, nil))),
		"not verified":    unverified(withCertificate(certificate(t, "cn", nil, nil))),
		"no TLS":          request(),
		"no certificates": emptyTLS(),
	} {
		_, err := a.Authenticate(r)
		require.Error(t, err, name)
	}
	_, err = access.New(access.Config{MTLS: access.MTLS{CAFile: write(t, "ca.pem", pemOfAuthority(t)[:100])}, Principals: everything}, log)
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
