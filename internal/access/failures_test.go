package access_test

import (
	"crypto/elliptic"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

// Whoever guesses leaves numbers, one line a second, and nothing of what was
// tried.
func TestFailuresAreCountedAndBarelyLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, line := newKey(t, "shop")
		signer := newEC(t, elliptic.P256())
		out, log := newLog()
		cfg := oidc(write(t, "jwks", setOf(t, jwkOf(t, "1", signer))))
		cfg.KeysFile = write(t, "keys", line)
		a, err := access.New(cfg, log)
		require.NoError(t, err)
		reg := prometheus.NewRegistry()
		reg.MustRegister(a)

		token := sign(t, object{"alg": "ES256"}, good(object{"iss": "https://secret-issuer.example"}), signer)
		tried := []string{key + "x", "hunter2", token, strings.Split(token, ".")[1], "secret-issuer"}
		for i := range 1000 {
			for _, secret := range tried {
				r := bearer(secret)
				r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:1", i/256, i%256)
				_, err := a.Authenticate(r)
				require.Equal(t, access.ErrBadCredential, err)
				_, err = a.Authenticate(basic("user-of-mine", secret))
				require.Equal(t, access.ErrBadCredential, err)
				_, err = a.Authenticate(request("Authorization", secret))
				require.Equal(t, access.ErrBadCredential, err)
			}
		}
		require.Equal(t, 1, strings.Count(out.String(), "was not authenticated"))
		time.Sleep(time.Second)
		_, err = a.Authenticate(request())
		require.Equal(t, access.ErrNoCredential, err)
		require.Equal(t, 2, strings.Count(out.String(), "was not authenticated"))
		require.Contains(t, out.String(), "unlogged=14999")
		for _, secret := range append(tried, key, "user-of-mine", strings.TrimPrefix(strings.Fields(line)[1], "sha256:")) {
			require.NotContains(t, out.String(), secret)
		}
		families, err := reg.Gather()
		require.NoError(t, err)
		require.Len(t, families, 1)
		require.Equal(t, "sluice_auth_failures_total", families[0].GetName())
		counts := map[string]float64{}
		for _, m := range families[0].GetMetric() {
			counts[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
		require.Equal(t, map[string]float64{
			"missing": 1, "malformed": 5000, "unknown_key": 9000, "bad_token": 1000,
			"ended_token": 0, "bad_certificate": 0, "bad_session": 0, "bad_ticket": 0, "unavailable": 0,
		}, counts)
	})
}

// An authority may name any number of principals.
func TestPrincipalsAreForgotten(t *testing.T) {
	_, log := newLog()
	grants := access.Grants{{Name: "*", Topics: []string{"*"}, Rights: []string{"write"}, Limits: access.Limits{InFlight: 10}}}
	root := newRoot(t)
	a, err := access.New(access.Config{MTLS: access.MTLS{CAFile: write(t, "ca.pem", pemOf(root))}, Principals: grants}, log)
	require.NoError(t, err)
	named := func(name string) *access.Principal {
		p, err := a.Authenticate(withCertificate(certificate(t, name, nil, nil), root))
		require.NoError(t, err)
		return p
	}
	busy := named("busy")
	require.True(t, busy.Hold(10))
	for i := range 10_100 {
		named(fmt.Sprint("user-", i))
	}
	require.Less(t, a.Others(), 10_000)
	require.Same(t, busy, named("busy"), "it holds something")
}
