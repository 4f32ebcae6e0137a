package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// What is wrong with a ticket. Their texts are for clients; each is an
// ErrBadCredential to errors.Is.
var (
	// ErrTicketDamaged is one that is longer or shorter than it should be, or
	// of another form.
	ErrTicketDamaged error = ticketError("was cut off or changed on its way")
	// ErrTicketKey is one of another replica, of this one before it was started
	// again, or of a key that was taken out of the file.
	ErrTicketKey error = ticketError("was sealed with a key that is not known here, or not any more: several replicas need the same auth.tickets_key_file")
	// ErrTicketForged is one whose seal is wrong.
	ErrTicketForged error = ticketError("was not made by this service, or not for this")
	// ErrTicketExpired is one that has had its time.
	ErrTicketExpired error = ticketError("has expired: a ticket is good for 30 seconds, and POST /tickets makes a new one")
	// ErrTicketOrigin is one that came from a page of another origin.
	ErrTicketOrigin error = ticketError("is for pages of another origin than the one that has sent it")
	// ErrTicketRevoked is one whose API key, token or certificate has ended.
	ErrTicketRevoked error = ticketError("was made with a credential that does not hold any more")
)

// ErrTicketRequest is in the errors of Issue that a better request mends. Their
// texts are for clients.
var ErrTicketRequest = errors.New("no ticket can be made of this")

// errTooMuch says that there is no room for all of a content.
var errTooMuch = fmt.Errorf("%w: the topics and the filter are too long together; a ticket is at most %d characters long", ErrTicketRequest, maxSealed)

// ticketError says what is wrong with a ticket, or with a session in the log.
type ticketError string

func (e ticketError) Error() string { return "the ticket " + string(e) }

// Is reports that a bad ticket is a bad credential.
func (e ticketError) Is(target error) bool { return target == ErrBadCredential }

// ticketFor is how long a ticket can be used. What it has opened lasts for as
// long as the credential behind it.
const ticketFor = 30 * time.Second

// Tickets makes and takes tickets, with which a browser opens a WebSocket or an
// EventSource, and the sessions that are in a cookie. Both hold all that there
// is to know, so every replica with the same keys takes them, and there is no
// list of them: a ticket can be used more than once in its 30 seconds. All
// methods may be called at any time from any goroutine.
type Tickets struct {
	auth  *Authenticator // nil where no authentication is configured
	seals *seals
}

// TicketRequest is what a ticket is made for.
type TicketRequest struct {
	// Topics are the names of those that may be read with it; at least one.
	Topics []string
	// Filter, in CEL, must be matched by every record that is shown; "" for
	// none. Whether it compiles is not looked at.
	Filter string
	// Origin is that of the page that will use it, scheme://host[:port]; "" for
	// a program, which sends none.
	Origin string
}

// NewTickets reads the file of the keys that seal (auth.tickets_key_file).
// Without one, "", a random key is made, and what it seals is good in this
// process only. The Authenticator is nil where none is configured: tickets and
// sessions are then anybody's.
func NewTickets(keyFile string, auth *Authenticator, log *slog.Logger) (*Tickets, error) {
	seals, err := newSeals(keyFile, log)
	if err != nil {
		return nil, err
	}
	return &Tickets{auth: auth, seals: seals}, nil
}

// Run reads the file of keys again when it changes, until ctx ends.
func (t *Tickets) Run(ctx context.Context) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			t.seals.poll(ctx)
		}
	}
}

// Issue makes a ticket for who the identity is, and returns when it can no
// longer be used. What it opens ends with the identity's own credential. Its
// errors are ErrTicketRequest, or those of Valid where the credential has just
// ended.
func (t *Tickets) Issue(i *Identity, q TicketRequest) (text string, expires time.Time, err error) {
	if err := t.holds(i); err != nil {
		return "", time.Time{}, err
	}
	if err := q.check(i); err != nil {
		return "", time.Time{}, err
	}
	c := contentOf(i)
	c.Topics, c.Origin = q.Topics, q.Origin
	if q.Filter != "" {
		c.Filters = append(slices.Clip(c.Filters), q.Filter)
	}
	expires = c.expire(i, ticketFor)
	text, err = t.seal("ticket", c)
	return text, expires, err
}

func (q TicketRequest) check(i *Identity) error {
	if len(q.Topics) == 0 {
		return fmt.Errorf("%w: it needs at least one topic", ErrTicketRequest)
	}
	for _, topic := range q.Topics {
		if !i.May(Read, topic) {
			return fmt.Errorf("%w: the topic %q may not be read", ErrTicketRequest, topic)
		}
	}
	if len(q.Filter) > maxFilter {
		return fmt.Errorf("%w: the filter is longer than 1 KiB", ErrTicketRequest)
	}
	if q.Origin != "" && http.NewCrossOriginProtection().AddTrustedOrigin(q.Origin) != nil {
		return fmt.Errorf("%w: %q is not an origin, scheme://host or scheme://host:port", ErrTicketRequest, q.Origin)
	}
	return nil
}

// holds checks that the identity can vouch for a ticket or a session.
func (t *Tickets) holds(i *Identity) error {
	if t.auth != nil && (i == nil || i.auth != t.auth) {
		return ErrNoCredential
	}
	return i.Valid()
}

// Redeem returns whom a ticket lets in, and to what. The page that has sent it
// is of one of the origins; "" is a program that says nothing of a page. Its
// errors are those of tickets, and ErrUnavailable.
func (t *Tickets) Redeem(ctx context.Context, text string, origins ...string) (*Identity, error) {
	i, c, err := t.unseal(ctx, "ticket", text)
	if err != nil {
		return nil, err
	}
	for _, origin := range origins {
		if strings.EqualFold(origin, c.Origin) {
			i.ticket = true
			return i, nil
		}
	}
	return nil, ErrTicketOrigin
}

// FromRequest returns whom the ticket in the query parameter ticket lets in,
// and false where there is none. It narrows what a credential that the browser
// adds by itself would open; one that somebody has written beside it is
// refused. A failure is counted and logged like those of Identify.
func (t *Tickets) FromRequest(r *http.Request) (i *Identity, found bool, err error) {
	if !strings.Contains(r.URL.RawQuery, "ticket") {
		return nil, false, nil
	}
	tickets := r.URL.Query()["ticket"]
	if len(tickets) == 0 {
		return nil, false, nil
	}
	reason := badTicket
	switch {
	case len(tickets) > 1 || chosen(r):
		reason, err = malformed, fmt.Errorf("%w: a ticket beside another credential", ErrBadCredential)
	default:
		i, err = t.Redeem(r.Context(), tickets[0], originsOf(r)...)
	}
	if err == nil {
		return i, true, nil
	}
	if t.auth != nil {
		if errors.Is(err, ErrUnavailable) {
			reason = unavailable
		}
		t.auth.failures.add(r, reason, err)
	}
	return nil, true, err
}

// chosen reports whether the request has a credential that no browser adds by
// itself.
func chosen(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return r.Header.Get("X-Api-Key") != "" || scheme != "" && !strings.EqualFold(scheme, "Basic")
}

// originsOf returns what the page that asks may be of. Browsers leave the
// header Origin out where a page reads from its own host (the Fetch standard,
// 3.2), so that without it the page is of this host, or there is none.
func originsOf(r *http.Request) []string {
	switch said := r.Header["Origin"]; {
	case len(said) == 1:
		return said
	case len(said) > 1:
		return nil
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return nil
	}
	return []string{"", "https://" + r.Host, "http://" + r.Host}
}
