package access

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"time"
)

// authorities are those whose client certificates are taken.
type authorities struct {
	pool *x509.CertPool
	// roots are the SHA-256 of their public keys: an authority whose own
	// certificate is renewed with the same key is the same.
	roots map[[sha256.Size]byte]bool
}

// certificate returns the name in the client certificate that the TLS listener
// has verified: its first URI, else its first DNS name, else its common name.
// It was verified when the connection began, which may be long ago: whether it
// has ended since then, or its authority was taken out, is seen by the proof.
func (a *Authenticator) certificate(r *http.Request) (claim, failure, error) {
	if a.cas == nil || r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return claim{}, noCredential, errors.New("no credential")
	}
	chain, ends := longest(r.TLS.VerifiedChains)
	cert, root := chain[0], chain[len(chain)-1]
	name := cert.Subject.CommonName
	switch {
	case len(cert.URIs) > 0:
		name = cert.URIs[0].String()
	case len(cert.DNSNames) > 0:
		name = cert.DNSNames[0]
	}
	if !validName(name) {
		return claim{}, badCertificate, errors.New("a client certificate without a name")
	}
	by := proof{byCertificate, sha256.Sum256(root.RawSubjectPublicKeyInfo)}
	if !time.Now().Before(ends) || !a.holds(name, by) {
		return claim{}, badCertificate, errors.New("a client certificate that has ended, or whose authority is not taken any more")
	}
	return claim{name: name, proof: by, until: ends}, "", nil
}

// longest returns the chain that holds for longest, and when it ends: with the
// first of its certificates that does.
func longest(chains [][]*x509.Certificate) (chain []*x509.Certificate, ends time.Time) {
	for _, c := range chains {
		end := c[0].NotAfter
		for _, cert := range c[1:] {
			if cert.NotAfter.Before(end) {
				end = cert.NotAfter
			}
		}
		if chain == nil || end.After(ends) {
			chain, ends = c, end
		}
	}
	return chain, ends
}

// parseCAs reads the certificates of authorities. What else is in the file is
// left out, as x509.CertPool.AppendCertsFromPEM does.
func parseCAs(text []byte) (authorities, error) {
	all := authorities{pool: x509.NewCertPool(), roots: map[[sha256.Size]byte]bool{}}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue
		}
		all.pool.AddCert(cert)
		all.roots[sha256.Sum256(cert.RawSubjectPublicKeyInfo)] = true
	}
	if len(all.roots) == 0 {
		return authorities{}, errors.New("has no certificate in PEM form")
	}
	return all, nil
}
