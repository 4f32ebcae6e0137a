package access_test

import (
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

func withCookie(c *http.Cookie, headers ...string) *http.Request {
	return request(append(headers, "Cookie", c.Name+"="+c.Value)...)
}

func TestTheCookieOfASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openOffice(t, "", "*")
		cookie, ends, err := o.tickets.Session(o.me)
		require.NoError(t, err)
		require.Equal(t, time.Now().Add(12*time.Hour), ends.UTC().Local())
		text := cookie.String()
		require.NoError(t, cookie.Valid())
		for _, attribute := range []string{"__Host-sluice_session=", "; Path=/;", "; Max-Age=43200;", "; HttpOnly;", "; Secure;", "; SameSite=Strict"} {
			require.Contains(t, text, attribute)
		}
		require.NotContains(t, text, "Domain")
		require.Less(t, len(text), 4096, "browsers keep no longer ones")

		gone := access.NoSession().String()
		require.Contains(t, gone, "__Host-sluice_session=;")
		require.Contains(t, gone, "; Max-Age=0;")

		i := identify(t, o.Authenticator, withCookie(cookie), o.tickets)
		require.Same(t, o.me.Principal(), i.Principal())
		require.False(t, i.Ticket())
		require.True(t, i.May(access.Read|access.Write|access.Operate, "any"))
		require.Nil(t, i.Topics())
		require.Equal(t, ends, i.Until())

		// It makes tickets and sessions, none of which outlasts it.
		time.Sleep(12*time.Hour - 10*time.Second)
		_, expires, err := o.tickets.Issue(i, access.TicketRequest{Topics: []string{"orders"}})
		require.NoError(t, err)
		require.Equal(t, ends, expires)
		again, _, err := o.tickets.Session(i)
		require.NoError(t, err)
		require.Equal(t, 10, again.MaxAge)
		time.Sleep(10 * time.Second)
		require.Equal(t, access.ErrBadCredential, i.Valid())
		for _, c := range []*http.Cookie{cookie, again} {
			_, err = o.Identify(withCookie(c), o.tickets)
			require.Equal(t, access.ErrBadCredential, err)
		}
	})
}

// Revoking the key ends the session, and what it has opened.
func TestASessionEndsWithItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openOffice(t, "", "*")
		cookie, _, err := o.tickets.Session(o.me)
		require.NoError(t, err)
		i := identify(t, o.Authenticator, withCookie(cookie), o.tickets)
		require.NoError(t, os.WriteFile(o.keys, nil, 0o600))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, access.ErrBadCredential, i.Valid())
		_, err = o.Identify(withCookie(cookie), o.tickets)
		require.Equal(t, access.ErrBadCredential, err)
		_, _, err = o.tickets.Session(o.me)
		require.Equal(t, access.ErrBadCredential, err)
	})
}

// A browser sends its cookie by itself: it counts where nothing else does.
func TestWhenASessionCounts(t *testing.T) {
	shop, shopLine := newKey(t, "shop")
	bank, bankLine := newKey(t, "bank")
	root := newRoot(t)
	_, log := newLog()
	a, err := access.New(access.Config{
		KeysFile: write(t, "keys", shopLine+bankLine), MTLS: access.MTLS{CAFile: write(t, "ca.pem", pemOf(root))}, Principals: everything,
	}, log)
	require.NoError(t, err)
	tickets := openTickets(t, "", a)
	cookie, _, err := tickets.Session(identify(t, a, bearer(shop), nil))
	require.NoError(t, err)
	forged := *cookie
	forged.Value = forged.Value[:len(forged.Value)-2] + "AA"
	ticket, _, err := tickets.Issue(identify(t, a, bearer(shop), nil), access.TicketRequest{Topics: []string{"orders"}})
	require.NoError(t, err)
	mixed := *cookie
	mixed.Value = ticket
	certified := func(c *http.Cookie) *http.Request {
		r := withCertificate(certificate(t, "till", nil, nil), root)
		r.AddCookie(c)
		return r
	}
	for name, c := range map[string]struct {
		r        *http.Request
		sessions *access.Tickets
		want     string
		err      error
	}{
		"alone":                          {withCookie(cookie), tickets, "shop", nil},
		"beside others":                  {request("Cookie", "a=b; "+cookie.Name+"="+cookie.Value+"; c=d"), tickets, "shop", nil},
		"where none are taken":           {withCookie(cookie), nil, "", access.ErrNoCredential},
		"beside a key":                   {withCookie(cookie, "X-API-Key", bank), tickets, "bank", nil},
		"beside a bearer":                {withCookie(cookie, "Authorization", "Bearer "+bank), tickets, "bank", nil},
		"beside a key that is wrong":     {withCookie(cookie, "X-API-Key", "sluice_x"), tickets, "", access.ErrBadCredential},
		"beside a certificate":           {certified(cookie), tickets, "till", nil},
		"a bad one beside a key":         {withCookie(&forged, "X-API-Key", bank), tickets, "bank", nil},
		"a bad one beside a certificate": {certified(&forged), tickets, "till", nil},
		"a bad one":                      {withCookie(&forged), tickets, "", access.ErrBadCredential},
		"an empty one":                   {withCookie(access.NoSession()), tickets, "", access.ErrBadCredential},
		"a ticket instead":               {withCookie(&mixed), tickets, "", access.ErrBadCredential},
		"two":                            {request("Cookie", cookie.Name+"="+cookie.Value+"; "+cookie.Name+"="+cookie.Value), tickets, "", access.ErrBadCredential},
		"another cookie":                 {request("Cookie", "sluice_session="+cookie.Value), tickets, "", access.ErrNoCredential},
	} {
		t.Run(name, func(t *testing.T) {
			i, err := a.Identify(c.r, c.sessions)
			require.Equal(t, c.err, err)
			require.Equal(t, c.want, i.Principal().Name())
		})
	}
}

func TestSessionsOfAnybody(t *testing.T) {
	tickets := openTickets(t, "", nil)
	cookie, ends, err := tickets.Session(nil)
	require.NoError(t, err)
	require.NotEmpty(t, cookie.Value)
	require.Greater(t, time.Until(ends), 11*time.Hour)
}
