package access

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"

	"github.com/go-json-experiment/json"
)

// algorithm is a signature algorithm of RFC 7518 and RFC 8037. Only those with
// a public key are here: with HS256 whoever can verify a token can forge one,
// and "none" verifies nothing.
type algorithm struct {
	hash  crypto.Hash // 0 for Ed25519, which hashes by itself
	pss   bool
	curve elliptic.Curve
}

var algorithms = map[string]algorithm{
	"RS256": {hash: crypto.SHA256}, "RS384": {hash: crypto.SHA384}, "RS512": {hash: crypto.SHA512},
	"PS256": {hash: crypto.SHA256, pss: true}, "PS384": {hash: crypto.SHA384, pss: true}, "PS512": {hash: crypto.SHA512, pss: true},
	"ES256": {hash: crypto.SHA256, curve: elliptic.P256()},
	"ES384": {hash: crypto.SHA384, curve: elliptic.P384()},
	"ES512": {hash: crypto.SHA512, curve: elliptic.P521()},
	"EdDSA": {}, "Ed25519": {},
}

// minRSA is the shortest RSA key that is taken, in bits (RFC 7518, 3.3).
const minRSA = 2048

// jwk is a key of a JWK set that can verify signatures.
type jwk struct {
	id, alg string
	public  crypto.PublicKey
}

// jwks are the keys of an issuer.
type jwks []jwk

// parseJWKS reads a JWK set (RFC 7517). Keys of other kinds and for other uses
// are left out, as its section 5 wants; a set without any key is an error.
func parseJWKS(text []byte) (jwks, error) {
	var set struct {
		Keys []struct {
			Kty string `json:"kty"`
			Kid string `json:"kid"`
			Use string `json:"use"`
			Alg string `json:"alg"`
			Crv string `json:"crv"`
			N   string `json:"n"`
			E   string `json:"e"`
			X   string `json:"x"`
			Y   string `json:"y"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		// The error would quote what it found.
		return nil, errors.New("is not a JWK set")
	}
	var keys jwks
	for _, k := range set.Keys {
		if k.Use != "" && k.Use != "sig" {
			continue
		}
		var public crypto.PublicKey
		switch k.Kty {
		case "RSA":
			public = rsaKey(k.N, k.E)
		case "EC":
			public = ecKey(k.Crv, k.X, k.Y)
		case "OKP":
			public = edKey(k.Crv, k.X)
		}
		if public != nil {
			keys = append(keys, jwk{id: k.Kid, alg: k.Alg, public: public})
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("has no key that verifies signatures")
	}
	return keys, nil
}

func rsaKey(n, e string) crypto.PublicKey {
	modulus, errN := base64.RawURLEncoding.DecodeString(n)
	exponent, errE := base64.RawURLEncoding.DecodeString(e)
	if errN != nil || errE != nil || len(exponent) > 4 {
		return nil
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())}
	if key.N.BitLen() < minRSA || key.N.BitLen() > 16384 || key.E < 3 || key.E%2 == 0 {
		return nil
	}
	return key
}

func ecKey(crv, x, y string) crypto.PublicKey {
	curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[crv]
	if curve == nil {
		return nil
	}
	size := (curve.Params().BitSize + 7) / 8
	point := []byte{4} // An uncompressed point: both coordinates follow.
	for _, c := range []string{x, y} {
		coordinate, err := base64.RawURLEncoding.DecodeString(c)
		if err != nil || len(coordinate) != size {
			return nil
		}
		point = append(point, coordinate...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil // Not a point of the curve.
	}
	return key
}

func edKey(crv, x string) crypto.PublicKey {
	key, err := base64.RawURLEncoding.DecodeString(x)
	if err != nil || crv != "Ed25519" || len(key) != ed25519.PublicKeySize {
		return nil
	}
	return ed25519.PublicKey(key)
}

// signed is a token in the compact form (RFC 7515), taken apart and not yet
// verified.
type signed struct {
	alg, kid  string
	input     string // what is signed
	payload   []byte
	signature []byte
}

// parseSigned takes a token apart, and refuses what could be taken for one and
// is something else.
func parseSigned(token string) (*signed, error) {
	last := strings.LastIndexByte(token, '.')
	head, body, ok := strings.Cut(token[:max(last, 0)], ".")
	if !ok {
		return nil, errors.New("has not three parts")
	}
	var header struct {
		Alg  string   `json:"alg"`
		Kid  string   `json:"kid"`
		Typ  string   `json:"typ"`
		Crit []string `json:"crit"`
	}
	decoded, err := base64.RawURLEncoding.DecodeString(head)
	if err == nil {
		err = json.Unmarshal(decoded, &header)
	}
	if err != nil {
		return nil, errors.New("has no header")
	}
	s := &signed{alg: header.Alg, kid: header.Kid, input: token[:last]}
	if _, ok := algorithms[s.alg]; !ok {
		return nil, errors.New("is not signed with an algorithm that is taken")
	}
	if header.Crit != nil {
		return nil, errors.New("asks for an extension (crit) that is not known")
	}
	// A logout token or an event is signed by the same issuer, and is no proof
	// of who sends it (RFC 8725, 3.11).
	switch typ := strings.ToLower(header.Typ); typ {
	case "", "jwt", "at+jwt", "application/jwt", "application/at+jwt":
	default:
		return nil, errors.New("is of a type that is not an access token")
	}
	if s.payload, err = base64.RawURLEncoding.DecodeString(body); err != nil {
		return nil, errors.New("has no payload")
	}
	if s.signature, err = base64.RawURLEncoding.DecodeString(token[last+1:]); err != nil {
		return nil, errors.New("has no signature")
	}
	return s, nil
}

// errKey says that no key of the set has the token's id, and a newer set may.
var (
	errKey       = errors.New("is signed with a key that is not known")
	errSignature = errors.New("has a signature that is wrong")
)

// verify checks the signature with the key that the token names, or with each
// where it names none.
func (k jwks) verify(s *signed) error {
	err := errKey
	for _, key := range k {
		if s.kid != "" && key.id != s.kid {
			continue
		}
		if key.verify(s) {
			return nil
		}
		if s.kid != "" {
			err = errSignature
		}
	}
	return err
}

// verify reports whether the key is one for the token's algorithm, and has
// signed it. The algorithm is never chosen by the token alone.
func (k jwk) verify(s *signed) bool {
	a := algorithms[s.alg]
	if k.alg != "" && k.alg != s.alg {
		return false
	}
	var digest []byte
	if a.hash != 0 {
		h := a.hash.New()
		_, _ = h.Write([]byte(s.input)) // A hash takes everything.
		digest = h.Sum(nil)
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		switch {
		case a.hash == 0 || a.curve != nil:
			return false
		case a.pss:
			return rsa.VerifyPSS(public, a.hash, digest, s.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(public, a.hash, digest, s.signature) == nil
	case *ecdsa.PublicKey:
		size := len(s.signature) / 2
		if a.curve != public.Curve || len(s.signature) != 2*((public.Curve.Params().BitSize+7)/8) {
			return false
		}
		return ecdsa.Verify(public, digest, new(big.Int).SetBytes(s.signature[:size]), new(big.Int).SetBytes(s.signature[size:]))
	case ed25519.PublicKey:
		return a.hash == 0 && ed25519.Verify(public, []byte(s.input), s.signature)
	}
	return false
}
