package access

import (
	"context"
	"slices"
	"time"
)

// Identity is who asks and by what, so that a stream that is open for long can
// ask later whether it still holds. A nil *Identity is anybody, where no
// authentication is configured: it may everything and is valid for ever. An
// Identity does not change. All methods may be called at any time from any
// goroutine, also on nil.
type Identity struct {
	auth      *Authenticator // nil where no authentication is configured
	principal *Principal
	proof     proof
	until     time.Time // zero: it does not end by itself

	topics  []string // nil: what the principal may
	filters []string

	// seals and sealedBy are set where it came in a ticket or in a session.
	seals    *seals
	sealedBy keyID
	ticket   bool
}

// Principal returns who it is; nil is anybody.
func (i *Identity) Principal() *Principal {
	if i == nil {
		return nil
	}
	return i.principal
}

// Topics returns the names of the only topics that may be read, from a ticket.
// With nil they are those that the principal may. The slice is not to be
// changed.
func (i *Identity) Topics() []string {
	if i == nil {
		return nil
	}
	return i.topics
}

// Filters returns the filters (CEL) that every record must match that is shown,
// all of them and whatever the client asks for besides: one from the claim
// sluice_filter of a token, one from a ticket. One that cannot be compiled must
// be taken for one that no record matches. The slice is not to be changed.
func (i *Identity) Filters() []string {
	if i == nil {
		return nil
	}
	return i.filters
}

// Ticket reports whether a ticket has opened it. A ticket lets read, no more,
// and speaks for the page that asks, because a browser never adds one by
// itself.
func (i *Identity) Ticket() bool { return i != nil && i.ticket }

// May reports whether it has all of the rights on the topic: its principal has
// them, and a ticket does not take them away.
func (i *Identity) May(right Right, topic string) bool {
	switch {
	case i == nil:
		return true
	case i.ticket && right != Read:
		return false
	case i.topics != nil && !slices.Contains(i.topics, topic):
		return false
	}
	return i.principal.May(right, topic)
}

// Valid returns nil while what it rests on holds, and then ErrBadCredential:
// when the API key was removed from its file, the token or the client
// certificate has ended, the key that has signed the token or the authority of
// the certificate is not taken any more, the session has ended, or the key
// that has sealed the ticket or the session was taken out. It asks nobody and
// takes well under a microsecond.
func (i *Identity) Valid() error {
	switch {
	case i == nil:
		return nil
	case !i.until.IsZero() && !time.Now().Before(i.until):
		return ErrBadCredential
	case i.seals != nil && !i.seals.knows(i.sealedBy):
		return ErrBadCredential
	case i.auth == nil || i.auth.holds(i.principal.Name(), i.proof):
		return nil
	}
	return ErrBadCredential
}

// Until returns when it ends by itself; zero where it does not.
func (i *Identity) Until() time.Time {
	if i == nil {
		return time.Time{}
	}
	return i.until
}

type contextKey struct{}

// WithIdentity returns a context that carries the identity and its principal.
func WithIdentity(ctx context.Context, i *Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, i)
}

// IdentityFrom returns the identity that the context carries, nil where there
// is none.
func IdentityFrom(ctx context.Context) *Identity {
	i, _ := ctx.Value(contextKey{}).(*Identity)
	return i
}

// With returns a context that carries the principal, as an identity that does
// not end.
func With(ctx context.Context, p *Principal) context.Context {
	return WithIdentity(ctx, &Identity{principal: p})
}

// From returns the principal that the context carries, nil where there is
// none.
func From(ctx context.Context) *Principal { return IdentityFrom(ctx).Principal() }
