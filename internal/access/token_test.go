package access_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

const (
	issuerURL = "https://issuer.example"
	audience  = "sluice"
)

// object is a JSON object.
type object = map[string]any

// Making an RSA key takes long.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwkOf writes a public key as a JWK.
func jwkOf(t *testing.T, id string, key crypto.Signer) object {
	t.Helper()
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		return object{"kty": "RSA", "kid": id, "use": "sig", "n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		require.NoError(t, err)
		size := len(point) / 2
		return object{"kty": "EC", "kid": id, "crv": public.Params().Name, "x": encode(point[1 : 1+size]), "y": encode(point[1+size:])}
	case ed25519.PublicKey:
		return object{"kty": "OKP", "kid": id, "crv": "Ed25519", "x": encode(public)}
	}
	t.Fatal("no such key")
	return nil
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}

func setOf(t *testing.T, keys ...object) string {
	t.Helper()
	return string(marshal(t, object{"keys": keys}))
}

// sign makes a token.
func sign(t *testing.T, header, claims object, key crypto.Signer) string {
	t.Helper()
	input := encode(marshal(t, header)) + "." + encode(marshal(t, claims))
	alg, _ := header["alg"].(string)
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[max(len(alg)-3, 0):]]
	digest := []byte(input)
	if hash != 0 {
		h := hash.New()
		h.Write([]byte(input))
		digest = h.Sum(nil)
	}
	var signature []byte
	var err error
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		r, s, errSign := ecdsa.Sign(rand.Reader, k, digest)
		size := (k.Params().BitSize + 7) / 8
		signature, err = append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...), errSign
	case ed25519.PrivateKey:
		signature = ed25519.Sign(k, []byte(input))
	case *rsa.PrivateKey:
		var opts crypto.SignerOpts = hash
		if strings.HasPrefix(alg, "PS") {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		}
		signature, err = k.Sign(rand.Reader, digest, opts)
	}
	require.NoError(t, err)
	return input + "." + encode(signature)
}

// good are the claims of a token that is taken, with changes.
func good(changes object) object {
	claims := object{"iss": issuerURL, "aud": audience, "sub": "shop", "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

func oidc(file string) access.Config {
	return access.Config{
		OIDC:       access.OIDC{Issuer: issuerURL, JWKSFile: file, Audience: audience, PrincipalClaim: "sub"},
		Principals: everything,
	}
}

func newEC(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	return key
}

func TestAlgorithms(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	keys := map[string]crypto.Signer{
		"RS256": rsaKey(), "RS384": rsaKey(), "RS512": rsaKey(), "PS256": rsaKey(), "PS384": rsaKey(), "PS512": rsaKey(),
		"ES256": newEC(t, elliptic.P256()), "ES384": newEC(t, elliptic.P384()), "ES512": newEC(t, elliptic.P521()),
		"EdDSA": ed,
	}
	var set []object
	for alg, key := range keys {
		set = append(set, jwkOf(t, alg, key))
	}
	// Others have keys that are not for this, and that must not do harm.
	set = append(set, object{"kty": "oct", "kid": "oct", "k": encode([]byte("secret"))},
		object{"kty": "EC", "crv": "secp256k1", "kid": "k1"}, object{"kty": "OKP", "crv": "Ed448", "kid": "448"},
		object{"kty": "RSA", "use": "enc", "kid": "enc"}, object{"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"},
		object{"kty": "EC", "crv": "P-256", "kid": "off", "x": encode(make([]byte, 32)), "y": encode(make([]byte, 32))})
	_, log := newLog()
	a, err := access.New(oidc(write(t, "jwks", setOf(t, set...))), log)
	require.NoError(t, err)
	for alg, key := range keys {
		for _, kid := range []any{alg, nil} {
			header := object{"alg": alg, "typ": "JWT"}
			if kid != nil {
				header["kid"] = kid
			}
			token := sign(t, header, good(nil), key)
			p, err := a.Authenticate(bearer(token))
			require.NoError(t, err, alg)
			require.Equal(t, "shop", p.Name())
			again, err := a.Authenticate(bearer(token))
			require.NoError(t, err)
			require.Same(t, p, again)
			// One bit, in the signature or in what is signed.
			parts := strings.Split(token, ".")
			signature, err := base64.RawURLEncoding.DecodeString(parts[2])
			require.NoError(t, err)
			signature[len(signature)/2] ^= 1
			_, err = a.Authenticate(bearer(parts[0] + "." + parts[1] + "." + encode(signature)))
			require.Equal(t, access.ErrBadCredential, err, alg)
			_, err = a.Authenticate(bearer(parts[0] + "." + encode(marshal(t, good(object{"sub": "root"}))) + "." + parts[2]))
			require.Equal(t, access.ErrBadCredential, err, alg)
		}
		// A key is not for an algorithm of another kind, whatever the token says.
		for other := range keys {
			if (other[:2] == "RS" || other[:2] == "PS") && (alg[:2] == "RS" || alg[:2] == "PS") {
				continue
			}
			token := sign(t, object{"alg": alg, "kid": other}, good(nil), key)
			if other != alg {
				_, err := a.Authenticate(bearer(token))
				require.Equal(t, access.ErrBadCredential, err, "%s as %s", alg, other)
			}
		}
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	key := newEC(t, elliptic.P256())
	es := object{"alg": "ES256", "kid": "1"}
	out, log := newLog()
	cfg := oidc(write(t, "jwks", setOf(t, jwkOf(t, "1", key))))
	a, err := access.New(cfg, log)
	require.NoError(t, err)
	point, err := key.PublicKey.Bytes()
	require.NoError(t, err)
	symmetric := func(header object) string {
		input := encode(marshal(t, header)) + "." + encode(marshal(t, good(nil)))
		mac := hmac.New(sha256.New, point)
		mac.Write([]byte(input))
		return input + "." + encode(mac.Sum(nil))
	}
	unsigned := func(alg string) string {
		return encode(marshal(t, object{"alg": alg, "kid": "1"})) + "." + encode(marshal(t, good(nil))) + "."
	}
	seconds := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	tokens := map[string]string{
		"none":                      unsigned("none"),
		"None":                      unsigned("None"),
		"no signature":              unsigned("ES256"),
		"HS256 with the public key": symmetric(object{"alg": "HS256", "kid": "1"}),
		"no algorithm":              sign(t, object{"kid": "1", "alg": ""}, good(nil), key),
		"unknown key":               sign(t, object{"alg": "ES256", "kid": "2"}, good(nil), key),
		"another's signature":       sign(t, es, good(nil), newEC(t, elliptic.P256())),
		"crit":                      sign(t, object{"alg": "ES256", "kid": "1", "crit": []string{"b64"}, "b64": false}, good(nil), key),
		"a logout token":            sign(t, object{"alg": "ES256", "kid": "1", "typ": "logout+jwt"}, good(nil), key),
		"other issuer":              sign(t, es, good(object{"iss": issuerURL + "/"}), key),
		"no issuer":                 sign(t, es, good(object{"iss": nil}), key),
		"other audience":            sign(t, es, good(object{"aud": "other"}), key),
		"other audiences":           sign(t, es, good(object{"aud": []string{"other", ""}}), key),
		"no audience":               sign(t, es, good(object{"aud": nil}), key),
		"a number as audience":      sign(t, es, good(object{"aud": 1}), key),
		"no exp":                    sign(t, es, good(object{"exp": nil}), key),
		"exp as text":               sign(t, es, good(object{"exp": "9999999999"}), key),
		"exp beyond all times":      sign(t, es, good(object{"exp": 1e300}), key),
		"ended":                     sign(t, es, good(object{"exp": seconds(-61 * time.Second)}), key),
		"not yet":                   sign(t, es, good(object{"nbf": seconds(70 * time.Second)}), key),
		"nbf as text":               sign(t, es, good(object{"nbf": "soon"}), key),
		"no subject":                sign(t, es, good(object{"sub": nil}), key),
		"empty subject":             sign(t, es, good(object{"sub": ""}), key),
		"everybody else":            sign(t, es, good(object{"sub": "*"}), key),
		"a line in the subject":     sign(t, es, good(object{"sub": "a\nb"}), key),
		"a number as subject":       sign(t, es, good(object{"sub": 1}), key),
		"claims in another case":    sign(t, es, good(object{"sub": nil, "SUB": "shop"}), key),
		"not base64":                "%%.%%.%%",
		"empty parts":               "..",
		"too long":                  sign(t, es, good(object{"pad": strings.Repeat("x", 20_000)}), key),
	}
	for name, token := range tokens {
		_, err := a.Authenticate(bearer(token))
		require.Equal(t, access.ErrBadCredential, err, name)
	}
	for name, claims := range map[string]object{
		"within the leeway": good(object{"exp": seconds(-50 * time.Second), "nbf": seconds(50 * time.Second)}),
		"among audiences":   good(object{"aud": []string{"other", audience}}),
		"a fraction":        good(object{"exp": float64(seconds(time.Hour)) + 0.5}),
	} {
		_, err := a.Authenticate(bearer(sign(t, es, claims, key)))
		require.NoError(t, err, name)
	}
	for name, token := range tokens {
		require.NotContains(t, out.String(), token, name)
	}

	cfg.OIDC.PrincipalClaim = "client_id"
	a, err = access.New(cfg, log)
	require.NoError(t, err)
	p, err := a.Authenticate(bearer(sign(t, es, good(object{"client_id": "till"}), key)))
	require.NoError(t, err)
	require.Equal(t, "till", p.Name())
}

func TestKeySetsThatAreBad(t *testing.T) {
	_, log := newLog()
	for _, text := range []string{"", "[]", "{}", `{"keys":[]}`, `{"keys":[{"kty":"oct","k":"AAAA"}]}`} {
		_, err := access.New(oidc(write(t, "jwks", text)), log)
		require.ErrorContains(t, err, "auth.oidc.jwks_file", text)
	}
}
