package access

import (
	"crypto/x509"
	"errors"
	"net/http"
)

// certificate returns the name in the client certificate that the TLS listener
// has verified: its first URI, else its first DNS name, else its common name.
func (a *Authenticator) certificate(r *http.Request) (string, failure, error) {
	if a.cas == nil || r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return "", noCredential, errors.New("no credential")
	}
	cert := r.TLS.VerifiedChains[0][0]
	name := cert.Subject.CommonName
	switch {
	case len(cert.URIs) > 0:
		name = cert.URIs[0].String()
	case len(cert.DNSNames) > 0:
		name = cert.DNSNames[0]
	}
	if !validName(name) {
		return "", badCertificate, errors.New("a client certificate without a name")
	}
	return name, "", nil
}

func parseCAs(text []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("has no certificate in PEM form")
	}
	return pool, nil
}
