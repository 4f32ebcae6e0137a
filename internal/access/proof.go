package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"
)

// kind is of what kind a credential is. Its values are in tickets and sessions
// and keep their meaning.
type kind string

const (
	byKey         kind = "key"
	byToken       kind = "token"
	byCertificate kind = "certificate"
)

// proof is what there is to look up when it is asked later whether a
// credential still holds: the SHA-256 of an API key, the thumbprint (RFC 7638)
// of the key that has signed a token, or the SHA-256 of the public key of the
// authority that a client certificate leads to. None of them opens a door.
type proof struct {
	kind kind
	hash [sha256.Size]byte
}

// claim is what a credential proves.
type claim struct {
	name   string
	proof  proof
	until  time.Time // zero: it does not end by itself
	filter string    // "": none
}

// identity makes the Identity of a claim.
func (a *Authenticator) identity(c claim) *Identity {
	i := &Identity{auth: a, principal: a.principal(c.name), proof: c.proof, until: c.until}
	if c.filter != "" {
		i.filters = []string{c.filter}
	}
	return i
}

// holds reports whether the proof still stands for the name, by what this
// process knows now. That a credential ends with time is not its affair.
func (a *Authenticator) holds(name string, p proof) bool {
	switch p.kind {
	case byKey:
		return a.keys != nil && a.keys.value()[p.hash].name == name
	case byToken:
		return a.tokens != nil && a.tokens.keys.now().knows(p.hash) == nil
	case byCertificate:
		return a.cas != nil && a.cas.value().roots[p.hash]
	}
	return false
}

// learn asks the issuer of a token about the key that has signed it, where it
// is new to this process: another replica may have seen it first. Its error is
// ErrUnavailable where the issuer cannot tell now.
func (a *Authenticator) learn(ctx context.Context, p proof) error {
	if p.kind != byToken || a.tokens == nil {
		return nil
	}
	err := a.tokens.keys.with(ctx, func(keys jwks) error { return keys.knows(p.hash) })
	if errors.Is(err, ErrUnavailable) {
		return ErrUnavailable
	}
	return nil // Whether it is known now, holds tells.
}

// knows returns errKey where no key of the set has the thumbprint.
func (k jwks) knows(thumbprint [sha256.Size]byte) error {
	if slices.ContainsFunc(k, func(v verifier) bool { return v.thumbprint == thumbprint }) {
		return nil
	}
	return errKey
}
