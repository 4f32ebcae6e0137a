package access

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// algorithms are those of RFC 7518 and RFC 8037 that have a public key: with
// HS256 whoever can verify a token can forge one, and "none" verifies nothing.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// minRSA is the shortest RSA key that is taken, in bits (RFC 7518, 3.3).
const minRSA = 2048

// jwks are the keys of an issuer that can verify signatures.
type jwks []verifier

// verifier is one of them, and its thumbprint (RFC 7638).
type verifier struct {
	jose.JSONWebKey
	thumbprint [sha256.Size]byte
}

// parseJWKS reads a JWK set (RFC 7517). Keys of other kinds and for other uses
// are left out, as its section 5 wants; a set without any key is an error.
func parseJWKS(text []byte) (jwks, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		// The error would quote what it found.
		return nil, errors.New("is not a JWK set")
	}
	var keys jwks
	for _, text := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(text) != nil || !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" || weak(key) {
			continue
		}
		if thumbprint, err := key.Thumbprint(crypto.SHA256); err == nil {
			keys = append(keys, verifier{key, [sha256.Size]byte(thumbprint)})
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("has no key that verifies signatures")
	}
	return keys, nil
}

func weak(key jose.JSONWebKey) bool {
	public, ok := key.Key.(*rsa.PublicKey)
	return ok && (public.N.BitLen() < minRSA || public.E < 3)
}

// signed is a token, taken apart and not yet verified.
type signed struct{ *jose.JSONWebSignature }

// parseSigned takes a token apart, and refuses what could be taken for one and
// is something else.
func parseSigned(token string) (*signed, error) {
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		// The error may quote the token.
		return nil, errors.New("is not a token that is signed with an algorithm that is taken")
	}
	s := &signed{jws}
	// A logout token or an event is signed by the same issuer, and is no proof
	// of who sends it (RFC 8725, 3.11).
	typ, _ := s.header().ExtraHeaders[jose.HeaderType].(string)
	switch strings.ToLower(typ) {
	case "", "jwt", "at+jwt", "application/jwt", "application/at+jwt":
		return s, nil
	}
	return nil, errors.New("is of a type that is not an access token")
}

// header is the one of the compact form, which has one signature.
func (s *signed) header() jose.Header { return s.Signatures[0].Protected }

// errKey says that no key of the set has the token's id, and a newer set may.
var (
	errKey       = errors.New("is signed with a key that is not known")
	errSignature = errors.New("has a signature that is wrong")
)

// verify checks the signature with the key that the token names, or with each
// where it names none, and returns what was signed, and the thumbprint of the
// key that did it.
func (k jwks) verify(s *signed) (payload []byte, by [sha256.Size]byte, err error) {
	err = errKey
	header := s.header()
	for _, key := range k {
		if header.KeyID != "" && key.KeyID != header.KeyID {
			continue
		}
		if key.Algorithm == "" || key.Algorithm == header.Algorithm {
			if payload, wrong := s.Verify(key.Key); wrong == nil {
				return payload, key.thumbprint, nil
			}
		}
		if header.KeyID != "" {
			err = errSignature
		}
	}
	return nil, by, err
}
