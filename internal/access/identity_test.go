package access_test

import (
	"crypto/elliptic"
	"crypto/x509"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

// identify returns who a request comes from.
func identify(t *testing.T, a *access.Authenticator, r *http.Request, sessions *access.Tickets) *access.Identity {
	t.Helper()
	i, err := a.Identify(r, sessions)
	require.NoError(t, err)
	return i
}

func TestAnybody(t *testing.T) {
	var i *access.Identity
	require.NoError(t, i.Valid())
	require.Zero(t, i.Until())
	require.Nil(t, i.Principal())
	require.Nil(t, i.Topics())
	require.Nil(t, i.Filters())
	require.False(t, i.Ticket())
	require.True(t, i.May(access.Read|access.Write|access.Operate, "any"))
	require.Nil(t, access.IdentityFrom(t.Context()))
	require.Nil(t, access.From(t.Context()))
}

func TestContext(t *testing.T) {
	key, line := newKey(t, "shop")
	_, log := newLog()
	a, err := access.New(access.Config{KeysFile: write(t, "keys", line), Principals: everything}, log)
	require.NoError(t, err)
	i := identify(t, a, bearer(key), nil)
	ctx := access.WithIdentity(t.Context(), i)
	require.Same(t, i, access.IdentityFrom(ctx))
	require.Same(t, i.Principal(), access.From(ctx))
	ctx = access.With(t.Context(), i.Principal())
	require.Same(t, i.Principal(), access.From(ctx))
	require.NoError(t, access.IdentityFrom(ctx).Valid())
}

// A stream that was opened with a key ends when the key is taken out of its
// file, within two looks at it, and not when another one is.
func TestAKeyIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, oneLine := newKey(t, "shop")
		_, twoLine := newKey(t, "shop")
		path := write(t, "keys", oneLine+twoLine)
		_, log := newLog()
		a, err := access.New(access.Config{KeysFile: path, Principals: everything}, log)
		require.NoError(t, err)
		start(t, a)
		for name, r := range map[string]*http.Request{"bearer": bearer(one), "header": request("X-API-Key", one), "basic": basic("shop", one)} {
			i := identify(t, a, r, nil)
			require.NoError(t, i.Valid(), name)
			require.Zero(t, i.Until(), name)
			require.True(t, i.May(access.Write, "any"), name)
		}
		i := identify(t, a, bearer(one), nil)
		require.NoError(t, os.WriteFile(path, []byte(oneLine), 0o600))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.NoError(t, i.Valid(), "another key of the name was taken out")
		require.NoError(t, os.WriteFile(path, []byte(twoLine), 0o600))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, access.ErrBadCredential, i.Valid())

		// The hash now stands for somebody else.
		require.NoError(t, os.WriteFile(path, []byte("bank"+oneLine[len("shop"):]), 0o600))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, access.ErrBadCredential, i.Valid())
		require.NoError(t, os.WriteFile(path, []byte(oneLine), 0o600))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.NoError(t, i.Valid(), "it is there again")
	})
}

func TestATokenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newEC(t, elliptic.P256())
		_, log := newLog()
		a, err := access.New(oidc(write(t, "jwks", setOf(t, jwkOf(t, "1", key)))), log)
		require.NoError(t, err)
		token := sign(t, object{"alg": "ES256"}, good(object{"exp": time.Now().Add(time.Hour).Unix()}), key)
		i := identify(t, a, bearer(token), nil)
		require.Equal(t, time.Now().Add(time.Hour+time.Minute).Unix(), i.Until().Unix(), "clocks may differ by a minute")
		require.Empty(t, i.Filters())
		time.Sleep(time.Hour + 59*time.Second)
		require.NoError(t, i.Valid())
		identify(t, a, bearer(token), nil)
		time.Sleep(time.Second)
		require.Equal(t, access.ErrBadCredential, i.Valid())
		_, err = a.Identify(bearer(token), nil)
		require.Equal(t, access.ErrBadCredential, err, "a new request is told the same")
	})
}

// What an issuer has signed with a key that it then withdraws is not believed
// any more, from a file and by discovery.
func TestASigningKeyIsWithdrawn(t *testing.T) {
	for name, fetched := range map[string]bool{"from a file": false, "by discovery": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one, two := newEC(t, elliptic.P256()), newEC(t, elliptic.P256())
				both, second := setOf(t, jwkOf(t, "1", one), jwkOf(t, "2", two)), setOf(t, jwkOf(t, "2", two))
				f := &fakeIssuer{url: issuerURL, set: both}
				path := write(t, "jwks", both)
				cfg := oidc(path)
				if fetched {
					cfg = discovered(issuerURL)
				}
				_, log := newLog()
				a, err := access.New(cfg, log)
				require.NoError(t, err)
				if fetched {
					a.SetTransport(f)
				}
				start(t, a)
				synctest.Wait()
				first := identify(t, a, bearer(sign(t, object{"alg": "ES256", "kid": "1"}, good(nil), one)), nil)
				other := identify(t, a, bearer(sign(t, object{"alg": "ES256"}, good(nil), two)), nil)
				f.hold(second)
				require.NoError(t, os.WriteFile(path, []byte(second), 0o600))
				time.Sleep(11 * time.Minute)
				synctest.Wait()
				require.Equal(t, access.ErrBadCredential, first.Valid())
				require.NoError(t, other.Valid())
			})
		})
	}
}

func TestFiltersOfTokens(t *testing.T) {
	key := newEC(t, elliptic.P256())
	_, log := newLog()
	a, err := access.New(oidc(write(t, "jwks", setOf(t, jwkOf(t, "1", key)))), log)
	require.NoError(t, err)
	with := func(filter any) *http.Request {
		return bearer(sign(t, object{"alg": "ES256"}, good(object{"sluice_filter": filter}), key))
	}
	long := make([]byte, 1025)
	for i := range long {
		long[i] = 'a'
	}
	for name, filter := range map[string]any{
		"a number": 1, "a list": []string{"key == 'a'"}, "empty": "", "blank": " \n", "too long": string(long), "false": false,
	} {
		_, err := a.Identify(with(filter), nil)
		require.Equal(t, access.ErrBadCredential, err, "%s: it must not be taken for no filter", name)
	}
	for range 2 { // The second time it is remembered.
		i := identify(t, a, with(`value.customer == "42"`), nil)
		require.Equal(t, []string{`value.customer == "42"`}, i.Filters())
		require.True(t, i.May(access.Read|access.Write, "any"))
	}
	require.Len(t, identify(t, a, with(string(long[:1024])), nil).Filters(), 1)
}

func TestACertificateEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, second := newRoot(t), newRoot(t)
		path := write(t, "ca.pem", pemOf(root))
		_, log := newLog()
		a, err := access.New(access.Config{MTLS: access.MTLS{CAFile: path}, Principals: everything}, log)
		require.NoError(t, err)
		start(t, a)

		brief := withCertificate(certificate(t, "till", nil, nil), root)
		i := identify(t, a, brief, nil)
		require.Equal(t, time.Now().Add(time.Hour), i.Until())
		time.Sleep(time.Hour)
		require.Equal(t, access.ErrBadCredential, i.Valid())
		_, err = a.Identify(brief, nil)
		require.Equal(t, access.ErrBadCredential, err, "also on a connection that is open since then")

		// The longest of its chains counts, and ends with the first certificate in it.
		leaf := certificate(t, "till", nil, nil)
		leaf.NotAfter = time.Now().Add(100 * time.Hour)
		middle := &x509.Certificate{NotAfter: time.Now().Add(2 * time.Hour)}
		r := withCertificate(leaf, &x509.Certificate{NotAfter: time.Now().Add(time.Minute)}, root)
		r.TLS.VerifiedChains = append(r.TLS.VerifiedChains, []*x509.Certificate{leaf, middle, root})
		i = identify(t, a, r, nil)
		require.Equal(t, middle.NotAfter, i.Until())

		// Its authority is joined by another, and then taken out.
		require.NoError(t, os.WriteFile(path, []byte(pemOf(second, root)), 0o600))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.NoError(t, i.Valid())
		require.NoError(t, os.WriteFile(path, []byte(pemOf(second)), 0o600))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, access.ErrBadCredential, i.Valid())
		_, err = a.Identify(r, nil)
		require.Equal(t, access.ErrBadCredential, err)
	})
}

// Ten thousand streams ask every few seconds.
func TestAskingAllocatesNothing(t *testing.T) {
	key, line := newKey(t, "shop")
	_, log := newLog()
	a, err := access.New(access.Config{KeysFile: write(t, "keys", line), Principals: everything}, log)
	require.NoError(t, err)
	tickets, err := access.NewTickets("", a, log)
	require.NoError(t, err)
	text, _, err := tickets.Issue(identify(t, a, bearer(key), nil), access.TicketRequest{Topics: []string{"orders"}})
	require.NoError(t, err)
	i, err := tickets.Redeem(t.Context(), text, "")
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if i.Valid() != nil {
			t.Error("it is valid")
		}
	}))
}
