package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// content is what is sealed in a ticket or a session. Times are milliseconds
// since 1970. A member that a replica does not know is an error there: it may
// be one that narrows.
type content struct {
	Name    string   `json:"name,omitempty"` // "" where no authentication is configured
	Kind    kind     `json:"kind,omitempty"` // of the credential it was made with
	Proof   []byte   `json:"proof,omitempty"`
	Until   int64    `json:"until,omitzero"` // when that ends
	Expires int64    `json:"expires"`        // when the ticket or the session does
	Topics  []string `json:"topics,omitempty"`
	Filters []string `json:"filters,omitempty"`
	Origin  string   `json:"origin,omitempty"`
}

func contentOf(i *Identity) content {
	var c content
	if i == nil {
		return c
	}
	if i.auth != nil {
		c.Name, c.Kind, c.Proof = i.principal.Name(), i.proof.kind, i.proof.hash[:]
	}
	if !i.until.IsZero() {
		c.Until = i.until.UnixMilli()
	}
	c.Topics, c.Filters = i.topics, i.filters
	return c
}

// expire sets when it ends: after d, and not after the identity's own end.
func (c *content) expire(i *Identity, d time.Duration) time.Time {
	at := time.Now().Add(d)
	if until := i.Until(); !until.IsZero() && until.Before(at) {
		at = until
	}
	c.Expires = at.UnixMilli()
	return time.UnixMilli(c.Expires)
}

func (t *Tickets) seal(purpose string, c content) (string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		// Only of a text that is not UTF-8.
		return "", errors.Join(ErrTicketRequest, err)
	}
	return t.seals.seal(purpose, text)
}

// unseal returns the identity that a text vouches for, if that is in force.
func (t *Tickets) unseal(ctx context.Context, purpose, text string) (*Identity, content, error) {
	raw, by, err := t.seals.unseal(purpose, text)
	if err != nil {
		return nil, content{}, err
	}
	var c content
	if json.Unmarshal(raw, &c, json.RejectUnknownMembers(true)) != nil {
		// A replica of another version has sealed it.
		return nil, content{}, ErrTicketDamaged
	}
	if time.Now().UnixMilli() >= c.Expires {
		return nil, content{}, ErrTicketExpired
	}
	i := &Identity{auth: t.auth, topics: c.Topics, filters: slices.Clip(c.Filters), seals: t.seals, sealedBy: by}
	if c.Until != 0 {
		i.until = time.UnixMilli(c.Until)
	}
	switch {
	case (t.auth == nil) != (c.Kind == ""):
		// It was made while it was configured otherwise who may come in.
		return nil, content{}, ErrTicketRevoked
	case t.auth == nil:
		return i, c, nil
	case len(c.Proof) != sha256.Size:
		return nil, content{}, ErrTicketDamaged
	}
	i.proof = proof{c.Kind, [sha256.Size]byte(c.Proof)}
	if err := t.auth.learn(ctx, i.proof); err != nil {
		return nil, content{}, err
	}
	i.principal = t.auth.principal(c.Name)
	if i.Valid() != nil {
		return nil, content{}, ErrTicketRevoked
	}
	return i, c, nil
}
