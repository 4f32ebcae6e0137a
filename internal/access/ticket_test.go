package access_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

const (
	page   = "https://app.example"
	filter = `value.customer == "42"`
)

// sealKey is the line of a file of keys for tickets.
func sealKey(letter string) string { return strings.Repeat(letter, 44) + "\n" }

// office is an authenticator with one key, and its tickets.
type office struct {
	*access.Authenticator
	tickets *access.Tickets
	keys    string // the file
	line    string
	me      *access.Identity
}

// openOffice makes one whose principal "shop" may what the grant says. It runs
// until the test ends.
func openOffice(t *testing.T, sealKeys string, topics ...string) *office {
	t.Helper()
	key, line := newKey(t, "shop")
	o := &office{line: line, keys: write(t, "keys", line)}
	_, log := newLog()
	var err error
	o.Authenticator, err = access.New(access.Config{KeysFile: o.keys, Principals: access.Grants{{Name: "shop", Topics: topics, Rights: []string{"read", "write", "operate"}}}}, log)
	require.NoError(t, err)
	o.tickets = openTickets(t, sealKeys, o.Authenticator)
	start(t, o.Authenticator)
	o.me = identify(t, o.Authenticator, bearer(key), nil)
	return o
}

// openTickets runs them until the test ends. Without a file, "", they have a
// key of their own.
func openTickets(t *testing.T, sealKeys string, a *access.Authenticator) *access.Tickets {
	t.Helper()
	_, log := newLog()
	tickets, err := access.NewTickets(sealKeys, a, log)
	require.NoError(t, err)
	ctx := t.Context()
	done := make(chan struct{})
	go func() { defer close(done); _ = tickets.Run(ctx) }() // It has no error.
	t.Cleanup(func() { <-done })
	return tickets
}

func (o *office) issue(t *testing.T, q access.TicketRequest) string {
	t.Helper()
	text, _, err := o.tickets.Issue(o.me, q)
	require.NoError(t, err)
	return text
}

func TestATicketNarrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openOffice(t, "", "orders", "invoices")
		text, expires, err := o.tickets.Issue(o.me, access.TicketRequest{Topics: []string{"orders"}, Filter: filter, Origin: page})
		require.NoError(t, err)
		require.Equal(t, time.Now().Add(30*time.Second), expires.UTC().Local())
		require.Regexp(t, `^[A-Za-z0-9_-]+$`, text, "it goes into a URL")
		for range 2 { // It has no store that could remember it.
			i, err := o.tickets.Redeem(t.Context(), text, page)
			require.NoError(t, err)
			require.Same(t, o.me.Principal(), i.Principal(), "limits are shared")
			require.Equal(t, []string{"orders"}, i.Topics())
			require.Equal(t, []string{filter}, i.Filters())
			require.True(t, i.Ticket())
			require.True(t, i.May(access.Read, "orders"))
			require.False(t, i.May(access.Read, "invoices"), "the principal may, the ticket not")
			require.False(t, i.May(access.Write, "orders"), "a ticket only reads")
			require.False(t, i.May(access.Read|access.Operate, "orders"))
			require.Zero(t, i.Until())
		}
		// Nothing of it can be read by who has it.
		raw, err := base64.RawURLEncoding.DecodeString(text)
		require.NoError(t, err)
		for _, secret := range []string{"shop", "orders", "customer", "app.example"} {
			require.NotContains(t, string(raw), secret)
		}
		require.NotEqual(t, text, o.issue(t, access.TicketRequest{Topics: []string{"orders"}, Filter: filter, Origin: page}))

		i, err := o.tickets.Redeem(t.Context(), text, page)
		require.NoError(t, err)
		time.Sleep(30*time.Second - time.Millisecond)
		_, err = o.tickets.Redeem(t.Context(), text, page)
		require.NoError(t, err)
		time.Sleep(time.Millisecond)
		_, err = o.tickets.Redeem(t.Context(), text, page)
		require.Equal(t, access.ErrTicketExpired, err)
		time.Sleep(24 * time.Hour)
		require.NoError(t, i.Valid(), "what it has opened lasts")
	})
}

// Revoking the key ends the streams that its tickets have opened, and the
// tickets themselves.
func TestATicketEndsWithItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openOffice(t, "", "*")
		text := o.issue(t, access.TicketRequest{Topics: []string{"orders"}})
		i, err := o.tickets.Redeem(t.Context(), text, "")
		require.NoError(t, err)
		require.NoError(t, i.Valid())
		require.NoError(t, os.WriteFile(o.keys, nil, 0o600))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, access.ErrBadCredential, i.Valid())
		_, err = o.tickets.Redeem(t.Context(), text, "")
		require.Equal(t, access.ErrTicketRevoked, err)
		require.ErrorIs(t, err, access.ErrBadCredential)
		_, _, err = o.tickets.Issue(o.me, access.TicketRequest{Topics: []string{"orders"}})
		require.Equal(t, access.ErrBadCredential, err)
	})
}

func TestATicketEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newEC(t, elliptic.P256())
		_, log := newLog()
		a, err := access.New(oidc(write(t, "jwks", setOf(t, jwkOf(t, "1", key)))), log)
		require.NoError(t, err)
		tickets := openTickets(t, "", a)
		token := sign(t, object{"alg": "ES256"}, good(object{"exp": time.Now().Add(time.Minute).Unix(), "sluice_filter": "key != ''"}), key)
		me := identify(t, a, bearer(token), nil)
		text, _, err := tickets.Issue(me, access.TicketRequest{Topics: []string{"orders"}, Filter: filter})
		require.NoError(t, err)
		i, err := tickets.Redeem(t.Context(), text, "")
		require.NoError(t, err)
		require.Equal(t, []string{"key != ''", filter}, i.Filters(), "the token's own stays")
		require.Equal(t, []string{"key != ''"}, me.Filters())
		require.Equal(t, me.Until(), i.Until().UTC().Local())

		time.Sleep(2*time.Minute - 10*time.Second)
		_, expires, err := tickets.Issue(me, access.TicketRequest{Topics: []string{"orders"}})
		require.NoError(t, err)
		require.Equal(t, me.Until(), expires.UTC().Local(), "a ticket does not outlast the token")
		time.Sleep(10 * time.Second)
		require.Equal(t, access.ErrBadCredential, i.Valid())
	})
}

// Another replica may have seen the issuer's new key first.
func TestATicketOfATokenWhoseKeyIsNewHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := newEC(t, elliptic.P256()), newEC(t, elliptic.P256())
		f := &fakeIssuer{url: issuerURL, set: setOf(t, jwkOf(t, "1", one))}
		seals := write(t, "seals", sealKey("a"))
		_, log := newLog()
		var replicas [2]*access.Authenticator
		var tickets [2]*access.Tickets
		for n := range replicas {
			a, err := access.New(discovered(issuerURL), log)
			require.NoError(t, err)
			a.SetTransport(f)
			start(t, a)
			replicas[n], tickets[n] = a, openTickets(t, seals, a)
		}
		synctest.Wait()
		time.Sleep(2 * time.Minute)
		f.hold(setOf(t, jwkOf(t, "1", one), jwkOf(t, "2", two)))
		me := identify(t, replicas[0], bearer(sign(t, object{"alg": "ES256", "kid": "2"}, good(nil), two)), nil)
		text, _, err := tickets[0].Issue(me, access.TicketRequest{Topics: []string{"orders"}})
		require.NoError(t, err)
		f.away.Store(true)
		_, err = tickets[1].Redeem(t.Context(), text, "")
		require.Equal(t, access.ErrUnavailable, err)
		f.away.Store(false)
		_, err = tickets[1].Redeem(t.Context(), text, "")
		require.Equal(t, access.ErrUnavailable, err, "the issuer is not asked more than once a minute")
		time.Sleep(time.Minute)
		text, _, err = tickets[0].Issue(me, access.TicketRequest{Topics: []string{"orders"}})
		require.NoError(t, err)
		i, err := tickets[1].Redeem(t.Context(), text, "")
		require.NoError(t, err)
		require.Equal(t, "shop", i.Principal().Name())
	})
}

func TestATicketOfACertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := newRoot(t)
		_, log := newLog()
		a, err := access.New(access.Config{MTLS: access.MTLS{CAFile: write(t, "ca.pem", pemOf(root))}, Principals: everything}, log)
		require.NoError(t, err)
		tickets := openTickets(t, "", a)
		text, _, err := tickets.Issue(identify(t, a, withCertificate(certificate(t, "till", nil, nil), root), nil), access.TicketRequest{Topics: []string{"orders"}})
		require.NoError(t, err)
		i, err := tickets.Redeem(t.Context(), text, "")
		require.NoError(t, err)
		require.Equal(t, "till", i.Principal().Name())
		time.Sleep(time.Hour)
		require.Equal(t, access.ErrBadCredential, i.Valid())
	})
}

func TestTicketsThatAreRefused(t *testing.T) {
	o, other := openOffice(t, "", "*"), openOffice(t, "", "*")
	good := o.issue(t, access.TicketRequest{Topics: []string{"orders"}, Origin: page})
	cookie, _, err := o.tickets.Session(o.me)
	require.NoError(t, err)
	changed := func(at int) string {
		raw, err := base64.RawURLEncoding.DecodeString(good)
		require.NoError(t, err)
		if at < 0 {
			at += len(raw)
		}
		raw[at] ^= 1
		return encode(raw)
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":                  {"", access.ErrTicketDamaged},
		"nonsense":                 {"nonsense", access.ErrTicketDamaged},
		"not base64":               {"%%%", access.ErrTicketDamaged},
		"another base64":           {strings.Repeat("+/", 50), access.ErrTicketDamaged},
		"cut off":                  {good[:len(good)-4], access.ErrTicketDamaged},
		"half of it":               {good[:len(good)/2], access.ErrTicketDamaged},
		"with more behind it":      {good + "AAAA", access.ErrTicketDamaged},
		"with a line feed":         {good + "\n", access.ErrTicketDamaged},
		"far too long":             {strings.Repeat("A", 1<<20), access.ErrTicketDamaged},
		"another version":          {changed(0), access.ErrTicketDamaged},
		"another length":           {changed(2), access.ErrTicketDamaged},
		"another key":              {changed(3), access.ErrTicketKey},
		"another salt":             {changed(12), access.ErrTicketForged},
		"a bit of the content":     {changed(40), access.ErrTicketForged},
		"a bit of the seal":        {changed(-1), access.ErrTicketForged},
		"a session":                {cookie.Value, access.ErrTicketForged},
		"of another replica's key": {other.issue(t, access.TicketRequest{Topics: []string{"orders"}, Origin: page}), access.ErrTicketKey},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := o.tickets.Redeem(t.Context(), c.text, page)
			require.Equal(t, c.want, err)
			require.ErrorIs(t, err, access.ErrBadCredential)
			require.Contains(t, err.Error(), "the ticket ")
		})
	}
	_, err = o.tickets.Redeem(t.Context(), good, page)
	require.NoError(t, err)
}

func TestOriginsOfTickets(t *testing.T) {
	o := openOffice(t, "", "*")
	for name, c := range map[string]struct {
		made    string
		host    string
		headers []string
		ok      bool
	}{
		"the page":                           {page, "", []string{"Origin", page}, true},
		"the page in capitals":               {"https://App.Example", "", []string{"Origin", page}, true},
		"another page":                       {page, "", []string{"Origin", "https://evil.example"}, false},
		"another scheme":                     {page, "", []string{"Origin", "http://app.example"}, false},
		"another port":                       {page, "", []string{"Origin", page + ":8443"}, false},
		"a page without an origin":           {page, "", []string{"Origin", "null"}, false},
		"two origins":                        {page, "", []string{"Origin", page, "Origin", page}, false},
		"no header, of another host":         {page, "sluice.example", nil, false},
		"no header, of this host":            {page, "app.example", nil, true},
		"no header, of this host and port":   {"http://localhost:8001", "localhost:8001", nil, true},
		"no header, of another port":         {"http://localhost:3000", "localhost:8001", nil, false},
		"no header, and a page of elsewhere": {page, "app.example", []string{"Sec-Fetch-Site", "cross-site"}, false},
		"no header, and a neighbour's page":  {page, "app.example", []string{"Sec-Fetch-Site", "same-site"}, false},
		"no header, and a page of this host": {page, "app.example", []string{"Sec-Fetch-Site", "same-origin"}, true},
		"a program's":                        {"", "", nil, true},
		"a program's, in a page":             {"", "", []string{"Origin", page}, false},
	} {
		t.Run(name, func(t *testing.T) {
			text := o.issue(t, access.TicketRequest{Topics: []string{"orders"}, Origin: c.made})
			r := httptest.NewRequest(http.MethodGet, "/topics/orders/ws?ticket="+text, nil)
			if c.host != "" {
				r.Host = c.host
			}
			for n := 0; n < len(c.headers); n += 2 {
				r.Header.Add(c.headers[n], c.headers[n+1])
			}
			i, found, err := o.tickets.FromRequest(r)
			require.True(t, found)
			if c.ok {
				require.NoError(t, err)
				require.Equal(t, []string{"orders"}, i.Topics())
				return
			}
			require.Equal(t, access.ErrTicketOrigin, err)
			require.Nil(t, i)
		})
	}
}

func TestTicketsBesideOtherCredentials(t *testing.T) {
	o := openOffice(t, "", "*")
	text := o.issue(t, access.TicketRequest{Topics: []string{"orders"}})
	cookie, _, err := o.tickets.Session(o.me)
	require.NoError(t, err)
	at := func(query string, headers ...string) *http.Request {
		r := request(headers...)
		r.URL.RawQuery = query
		return r
	}
	for name, c := range map[string]struct {
		r     *http.Request
		found bool
		err   error
	}{
		"none":                         {at("from=now"), false, nil},
		"none, and a similar word":     {at("tickets=" + text), false, nil},
		"none, and the word elsewhere": {at("from=ticket"), false, nil},
		"one":                          {at("from=now&ticket=" + text), true, nil},
		"escaped":                      {at("%74icket=" + text), false, nil},
		"empty":                        {at("ticket="), true, access.ErrTicketDamaged},
		"two":                          {at("ticket=" + text + "&ticket=" + text), true, access.ErrBadCredential},
		"beside a key":                 {at("ticket="+text, "X-API-Key", "sluice_x"), true, access.ErrBadCredential},
		"beside a token":               {at("ticket="+text, "Authorization", "Bearer x"), true, access.ErrBadCredential},
		"beside a password":            {at("ticket="+text, "Authorization", "Basic eA=="), true, nil},
		"beside a session":             {at("ticket="+text, "Cookie", cookie.Name+"="+cookie.Value), true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			i, found, err := o.tickets.FromRequest(c.r)
			require.Equal(t, c.found, found)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.found && c.err == nil, i.Ticket())
		})
	}
}

func TestRequestsForTicketsThatAreRefused(t *testing.T) {
	o, other := openOffice(t, "", "orders"), openOffice(t, "", "orders")
	topics := []string{"orders"}
	for name, q := range map[string]access.TicketRequest{
		"no topic":           {},
		"one that may not":   {Topics: []string{"orders", "invoices"}},
		"a long filter":      {Topics: topics, Filter: strings.Repeat("a", 1025)},
		"not an origin":      {Topics: topics, Origin: "app.example"},
		"an opaque origin":   {Topics: topics, Origin: "null"},
		"not UTF-8":          {Topics: topics, Filter: "\xff"},
		"more than has room": {Topics: topics, Filter: strings.Repeat("\x01", 1024)},
	} {
		_, _, err := o.tickets.Issue(o.me, q)
		require.ErrorIs(t, err, access.ErrTicketRequest, name)
	}
	_, _, err := o.tickets.Issue(nil, access.TicketRequest{Topics: topics})
	require.Equal(t, access.ErrNoCredential, err, "nobody has said who he is")
	_, _, err = o.tickets.Issue(other.me, access.TicketRequest{Topics: topics})
	require.Equal(t, access.ErrNoCredential, err)

	// As long as it may be, it still has room in a URL.
	text, _, err := o.tickets.Issue(o.me, access.TicketRequest{Topics: topics, Filter: strings.Repeat("a", 1024), Origin: page})
	require.NoError(t, err)
	require.Less(t, len(text), 2048)
	require.Equal(t, text, url.QueryEscape(text))
}

// A ticket that a ticket could make would be good for longer than 30 seconds,
// one after the other, but never for more than the first.
func TestATicketOfATicket(t *testing.T) {
	o := openOffice(t, "", "*")
	i, err := o.tickets.Redeem(t.Context(), o.issue(t, access.TicketRequest{Topics: []string{"orders"}, Filter: filter}), "")
	require.NoError(t, err)
	_, _, err = o.tickets.Issue(i, access.TicketRequest{Topics: []string{"invoices"}})
	require.ErrorIs(t, err, access.ErrTicketRequest)
	text, _, err := o.tickets.Issue(i, access.TicketRequest{Topics: []string{"orders"}, Filter: "key == 'a'"})
	require.NoError(t, err)
	again, err := o.tickets.Redeem(t.Context(), text, "")
	require.NoError(t, err)
	require.Equal(t, []string{filter, "key == 'a'"}, again.Filters())
	_, _, err = o.tickets.Session(i)
	require.ErrorIs(t, err, access.ErrTicketRequest)
}

// Without authentication a ticket narrows all the same.
func TestTicketsOfAnybody(t *testing.T) {
	tickets := openTickets(t, "", nil)
	text, _, err := tickets.Issue(nil, access.TicketRequest{Topics: []string{"orders"}, Filter: filter, Origin: page})
	require.NoError(t, err)
	i, err := tickets.Redeem(t.Context(), text, page)
	require.NoError(t, err)
	require.NoError(t, i.Valid())
	require.Nil(t, i.Principal())
	require.True(t, i.May(access.Read, "orders"))
	require.False(t, i.May(access.Read, "invoices"))
	require.False(t, i.May(access.Write, "orders"))
	require.Equal(t, []string{filter}, i.Filters())
	_, err = tickets.Redeem(t.Context(), text, "https://evil.example")
	require.Equal(t, access.ErrTicketOrigin, err)
	_, found, err := tickets.FromRequest(httptest.NewRequest(http.MethodGet, "/?ticket=x", nil))
	require.True(t, found)
	require.Equal(t, access.ErrTicketDamaged, err)
}

// What was made while anybody could come in opens nothing when that has ended,
// though the key is the same; and the other way round.
func TestTicketsOfOtherSettings(t *testing.T) {
	seals := write(t, "seals", sealKey("a"))
	o, anybody := openOffice(t, seals, "*"), openTickets(t, seals, nil)
	text, _, err := anybody.Issue(nil, access.TicketRequest{Topics: []string{"orders"}})
	require.NoError(t, err)
	_, err = o.tickets.Redeem(t.Context(), text, "")
	require.Equal(t, access.ErrTicketRevoked, err)
	_, err = anybody.Redeem(t.Context(), o.issue(t, access.TicketRequest{Topics: []string{"orders"}}), "")
	require.Equal(t, access.ErrTicketRevoked, err)
	cookie, _, err := anybody.Session(nil)
	require.NoError(t, err)
	_, err = o.Identify(request("Cookie", cookie.Name+"="+cookie.Value), o.tickets)
	require.Equal(t, access.ErrBadCredential, err)
}

// Bad tickets are counted and logged, and nothing of them is in the log.
func TestBadTicketsAreLogged(t *testing.T) {
	key, line := newKey(t, "shop")
	out, log := newLog()
	a, err := access.New(access.Config{KeysFile: write(t, "keys", line), Principals: everything}, log)
	require.NoError(t, err)
	tickets, err := access.NewTickets("", a, log)
	require.NoError(t, err)
	text, _, err := tickets.Issue(identify(t, a, bearer(key), nil), access.TicketRequest{Topics: []string{"orders"}, Origin: page})
	require.NoError(t, err)
	_, _, err = tickets.FromRequest(httptest.NewRequest(http.MethodGet, "/?ticket="+text, nil))
	require.Equal(t, access.ErrTicketOrigin, err)
	require.Contains(t, out.String(), "reason=bad_ticket")
	require.NotContains(t, out.String(), text)
}

func FuzzTicket(f *testing.F) {
	_, log := newLog()
	tickets, err := access.NewTickets("", nil, log)
	require.NoError(f, err)
	text, _, err := tickets.Issue(nil, access.TicketRequest{Topics: []string{"orders"}})
	require.NoError(f, err)
	for _, seed := range []string{"", text, text[:20], text + text, "A", strings.Repeat("A", 48), fmt.Sprint(text, "=")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, said string) {
		i, err := tickets.Redeem(t.Context(), said, "")
		if said == text {
			return // Until it expires it is good.
		}
		require.ErrorIs(t, err, access.ErrBadCredential, "nobody has made it")
		require.Nil(t, i)
	})
}
