package access_test

import (
	"crypto/elliptic"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

// fakeIssuer answers discovery and keys, as an http.Handler or without a
// network.
type fakeIssuer struct {
	url     string
	away    atomic.Bool
	fetches atomic.Int64 // of keys
	mu      sync.Mutex
	set     string
}

func (f *fakeIssuer) hold(set string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set = set
}

func (f *fakeIssuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case f.away.Load():
		http.Error(w, "away", http.StatusBadGateway)
	case r.URL.Path == "/.well-known/openid-configuration":
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%s/keys"}`, f.url, f.url)
	case r.URL.Path == "/keys":
		f.fetches.Add(1)
		f.mu.Lock()
		defer f.mu.Unlock()
		_, _ = io.WriteString(w, f.set)
	default:
		http.NotFound(w, r)
	}
}

func (f *fakeIssuer) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.away.Load() {
		return nil, errors.New("nobody there")
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result(), nil
}

func discovered(issuer string) access.Config {
	return access.Config{OIDC: access.OIDC{Issuer: issuer, Audience: audience, PrincipalClaim: "sub"}, Principals: everything}
}

// With a server on the network, as it is.
func TestDiscovery(t *testing.T) {
	key := newEC(t, elliptic.P256())
	f := &fakeIssuer{set: setOf(t, jwkOf(t, "1", key))}
	server := httptest.NewServer(f)
	defer server.Close()
	f.url = server.URL
	_, log := newLog()
	a, err := access.New(discovered(server.URL), log)
	require.NoError(t, err)
	start(t, a)
	require.Eventually(t, func() bool { return a.Ready() == nil }, time.Minute, time.Millisecond)
	p, err := a.Authenticate(bearer(sign(t, object{"alg": "ES256", "kid": "1"}, good(object{"iss": server.URL}), key)))
	require.NoError(t, err)
	require.Equal(t, "shop", p.Name())
}

// An issuer that is away does not stop the start: tokens are refused with
// "cannot tell" until it answers.
func TestIssuerIsAwayAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newEC(t, elliptic.P256())
		f := &fakeIssuer{url: issuerURL, set: setOf(t, jwkOf(t, "1", key))}
		f.away.Store(true)
		out, log := newLog()
		a, err := access.New(discovered(issuerURL), log)
		require.NoError(t, err)
		a.SetTransport(f)
		start(t, a)
		synctest.Wait()
		token := sign(t, object{"alg": "ES256", "kid": "1"}, good(nil), key)
		_, err = a.Authenticate(bearer(token))
		require.Equal(t, access.ErrUnavailable, err)
		require.Error(t, a.Ready())
		_, err = a.Authenticate(bearer("no.such.token"))
		require.Equal(t, access.ErrBadCredential, err, "what is not a token needs no issuer")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Less(t, strings.Count(out.String(), "could not be fetched"), 20)

		f.away.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.NoError(t, a.Ready())
		_, err = a.Authenticate(bearer(token))
		require.NoError(t, err)

		// It may go away again: what is known is believed.
		f.away.Store(true)
		time.Sleep(30 * time.Minute)
		_, err = a.Authenticate(bearer(sign(t, object{"alg": "ES256", "kid": "1"}, good(nil), key)))
		require.NoError(t, err)
		_, err = a.Authenticate(bearer(sign(t, object{"alg": "ES256", "kid": "new"}, good(nil), key)))
		require.Equal(t, access.ErrUnavailable, err, "it may be a new key of the issuer's")
	})
}

// Made-up key ids do not become requests to the issuer.
func TestUnknownKeyIDsDoNotHammerTheIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, next := newEC(t, elliptic.P256()), newEC(t, elliptic.P256())
		f := &fakeIssuer{url: issuerURL, set: setOf(t, jwkOf(t, "1", key))}
		_, log := newLog()
		a, err := access.New(discovered(issuerURL), log)
		require.NoError(t, err)
		a.SetTransport(f)
		start(t, a)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		require.EqualValues(t, 1, f.fetches.Load())

		for range 10 {
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					_, err := a.Authenticate(bearer(sign(t, object{"alg": "ES256", "kid": fmt.Sprint("made up ", i)}, good(nil), key)))
					require.Equal(t, access.ErrBadCredential, err)
				})
			}
			wg.Wait()
			time.Sleep(5 * time.Second)
		}
		require.EqualValues(t, 2, f.fetches.Load(), "one in fifty seconds")

		// A key that the issuer has really added is found, and one that it has
		// taken away is not believed for long.
		f.hold(setOf(t, jwkOf(t, "2", next)))
		old := sign(t, object{"alg": "ES256", "kid": "1"}, good(nil), key)
		_, err = a.Authenticate(bearer(old))
		require.NoError(t, err)
		time.Sleep(time.Minute)
		_, err = a.Authenticate(bearer(sign(t, object{"alg": "ES256", "kid": "2"}, good(nil), next)))
		require.NoError(t, err)
		require.EqualValues(t, 3, f.fetches.Load())
		_, err = a.Authenticate(bearer(old))
		require.Equal(t, access.ErrBadCredential, err, "also one that was verified before")
	})
}

// A token that was verified is not verified again, and ends all the same.
func TestVerifiedTokensEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newEC(t, elliptic.P256())
		_, log := newLog()
		a, err := access.New(oidc(write(t, "jwks", setOf(t, jwkOf(t, "1", key)))), log)
		require.NoError(t, err)
		token := sign(t, object{"alg": "ES256"}, good(object{"exp": time.Now().Add(time.Minute).Unix()}), key)
		_, err = a.Authenticate(bearer(token))
		require.NoError(t, err)
		time.Sleep(119 * time.Second)
		_, err = a.Authenticate(bearer(token))
		require.NoError(t, err, "within the leeway")
		time.Sleep(2 * time.Second)
		_, err = a.Authenticate(bearer(token))
		require.Equal(t, access.ErrBadCredential, err)
	})
}

// What an issuer must not lead to.
func TestDiscoveryThatIsRefused(t *testing.T) {
	key := newEC(t, elliptic.P256())
	set := setOf(t, jwkOf(t, "1", key))
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"another issuer": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"issuer":"https://other.example","jwks_uri":"https://issuer.example/keys"}`)
		},
		"plain http": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"issuer":"https://issuer.example","jwks_uri":"http://issuer.example/keys"}`)
		},
		"plain http on this host": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"issuer":"https://issuer.example","jwks_uri":"http://127.0.0.1/keys"}`)
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://issuer.example/keys", http.StatusFound)
		},
		"an endless answer": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/keys","pad":"`+strings.Repeat("x", 2<<20)+`"}`)
		},
		"not JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, log := newLog()
				a, err := access.New(discovered(issuerURL), log)
				require.NoError(t, err)
				a.SetTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
					w := httptest.NewRecorder()
					if r.URL.Path == "/keys" {
						_, _ = io.WriteString(w, set)
					} else {
						answer(w, r)
					}
					return w.Result(), nil
				}))
				start(t, a)
				time.Sleep(time.Minute)
				synctest.Wait()
				require.Error(t, a.Ready())
			})
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
