package access

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// No keys file makes the parser panic; what it takes has names and hashes, and
// its errors say nothing of what stands in it.
func FuzzKeysFile(f *testing.F) {
	const digits = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	_, line, err := NewKey("shop", time.Unix(0, 0))
	require.NoError(f, err)
	for _, seed := range []string{
		"", line, line + "\n" + line, "# nothing\n\n shop sha256:" + digits + " # old\r\n", "shop sha256:" + digits[1:], "shop md5:" + digits, "a sha256:" + digits + "\nb sha256:" + digits,
		"* sha256:" + digits, "sluice_secret", "\xff sha256:" + digits, "shop sha256:" + strings.ToUpper(digits), "shop\tsha256:" + digits + " more",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeys(text)
		if err != nil {
			require.Regexp(t, `^line \d+: [a-zA-Z0-9 :']+$`, err.Error())
			return
		}
		for hash, entry := range keys {
			require.Equal(t, hash, entry.hash)
			require.True(t, validName(entry.name))
		}
		_, found := keys.owner(string(text))
		require.False(t, found && len(text) == 0)
		key, line, err := NewKey("shop", time.Unix(0, 0))
		require.NoError(t, err)
		again, err := parseKeys([]byte(line + "\n" + string(text)))
		require.NoError(t, err)
		e, ok := again.owner(key)
		require.True(t, ok)
		require.Equal(t, "shop", e.name)
	})
}

// signedToken signs claims with a key of the test.
func signedToken(private ed25519.PrivateKey, header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	return text + "." + encode(ed25519.Sign(private, []byte(text)))
}

// A token is taken only where the issuer has signed it, for us, with a name
// and an end; nothing else gets in, and nothing makes the parser panic.
func FuzzToken(f *testing.F) {
	seed := sha256.Sum256([]byte("a test"))
	private := ed25519.NewKeyFromSeed(seed[:])
	public := base64.RawURLEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
	keys, err := parseJWKS([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"` + public + `"}]}`))
	require.NoError(f, err)
	const header = `{"alg":"EdDSA","kid":"1"}`
	for _, claims := range []string{
		`{"iss":"https://i.example","aud":"sluice","sub":"shop","exp":4000000000}`, `{"iss":"https://i.example","aud":["a","sluice"],"sub":"shop","exp":4e9,"nbf":1.5}`,
		`{"iss":"https://i.example","aud":"sluice","sub":"*","exp":4000000000}`, `{"iss":"https://i.example","aud":"sluice","sub":"shop","exp":1e300}`,
		`{"iss":"https://i.example","aud":"sluice","sub":"shop","exp":"4000000000"}`, `{"iss":"https://i.example","aud":"sluice","sub":"shop","exp":4000000000,"sluice_filter":"key == 'a'"}`, `{"iss":"https://i.example","aud":"sluice","sub":"shop","exp":4000000000,"sluice_filter":1}`,
		`{}`, `null`, ``, `{"sub":"a","sub":"b"}`, "{\"sub\":\"\xff\"}",
	} {
		f.Add(header, claims, "")
	}
	f.Add(`{"alg":"none"}`, `{}`, "")
	f.Add(`{"alg":"HS256","kid":"1"}`, `{}`, "")
	f.Add(header, `{}`, "a.b.c")
	f.Add(`{"alg":"EdDSA","typ":"logout+jwt","crit":["a"]}`, `{}`, "..")
	cfg := OIDC{Issuer: "https://i.example", Audience: "sluice", PrincipalClaim: "sub"}
	f.Fuzz(func(t *testing.T, header, claims, text string) {
		tokens := &tokens{cfg: cfg, keys: fixedKeys(keys)}
		if c, err := tokens.verify(t.Context(), text); err == nil {
			t.Fatalf("a token that nobody has signed is taken: %q %s", text, c.name)
		}
		c, err := tokens.verify(t.Context(), signedToken(private, header, claims))
		name := c.name
		if err != nil {
			require.Zero(t, c)
			return
		}
		require.LessOrEqual(t, len(c.filter), maxFilter)
		require.NoError(t, keys.knows(c.proof.hash))
		require.True(t, validName(name))
		var said struct {
			Issuer string `json:"iss"`
			Sub    string
			Exp    float64
		}
		require.NoError(t, json.Unmarshal([]byte(claims), &said))
		require.Equal(t, cfg.Issuer, said.Issuer)
		require.Equal(t, name, said.Sub)
		require.Greater(t, said.Exp, 1e9)
		require.Contains(t, header, "EdDSA")
		again, err := tokens.verify(t.Context(), signedToken(private, header, claims))
		require.NoError(t, err, "remembered")
		require.Equal(t, c, again)
	})
}

func fixedKeys(keys jwks) *keysFile {
	k := &keysFile{file: &file[jwks]{}}
	k.file.current.Store(&keys)
	return k
}

// No JWK set makes the parser panic, and what it takes are public keys.
func FuzzJWKS(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"keys":[]}`, `{"keys":[{"kty":"oct","k":"AAAA"}]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"enc"},1,null]}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`,
		`{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`, `{"keys":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseJWKS(text)
		if err != nil {
			require.Empty(t, keys)
			return
		}
		require.NotEmpty(t, keys)
		for _, key := range keys {
			require.True(t, key.Valid() && key.IsPublic() && !weak(key.JSONWebKey))
		}
	})
}
