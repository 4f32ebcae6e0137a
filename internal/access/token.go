package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// leeway is how far the issuer's clock may be from ours.
	leeway = 60 * time.Second
	// maxToken bounds the work that a token makes before it is known.
	maxToken = 16 << 10
	// filterClaim is the claim with a filter that every record must match that
	// is shown to who has the token, and maxFilter how long a filter may be.
	filterClaim = "sluice_filter"
	maxFilter   = 1 << 10
	// maxVerified bounds the memory of tokens that were verified.
	maxVerified = 10_000
)

// keySource is where the keys of an issuer come from.
type keySource interface {
	// now returns the keys, none where they are not known yet.
	now() jwks
	// with calls use with the keys, and again where use has said errKey and
	// there are new ones. Its error is that of use, or ErrUnavailable where it
	// cannot be told now.
	with(ctx context.Context, use func(jwks) error) error
	// version changes when the keys do.
	version() uint64
}

// tokens verifies the tokens (JWT) of one issuer. A token that was verified
// is remembered until it ends or the keys change, since its client sends it
// with each request and a signature costs more than the request.
type tokens struct {
	cfg  OIDC
	keys keySource

	mu       sync.Mutex
	verified map[[sha256.Size]byte]verified // by the token's hash
	with     uint64                         // the version of the keys
}

type verified struct {
	claim            // until has the leeway in it
	begins time.Time // with the leeway; zero where the token does not say
}

var errEnded = errors.New("has ended or has not begun")

// verify returns what the token proves.
func (t *tokens) verify(ctx context.Context, token string) (claim, error) {
	if len(token) > maxToken {
		return claim{}, errors.New("is too long")
	}
	version, hash := t.keys.version(), sha256.Sum256([]byte(token))
	v, known := t.remembered(hash, version)
	if !known {
		s, err := parseSigned(token)
		if err != nil {
			return claim{}, err
		}
		var payload []byte
		by := proof{kind: byToken}
		err = t.keys.with(ctx, func(keys jwks) (err error) {
			payload, by.hash, err = keys.verify(s)
			return err
		})
		if err != nil {
			return claim{}, err
		}
		if v, err = t.claims(payload); err != nil {
			return claim{}, err
		}
		v.proof = by
	}
	if now := time.Now(); !now.Before(v.until) || now.Before(v.begins) {
		return claim{}, errEnded
	}
	if !known {
		t.remember(hash, v, version)
	}
	return v.claim, nil
}

func (t *tokens) remembered(hash [sha256.Size]byte, version uint64) (verified, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.with != version {
		clear(t.verified)
		t.with = version
	}
	v, ok := t.verified[hash]
	return v, ok
}

func (t *tokens) remember(hash [sha256.Size]byte, v verified, version uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.with != version {
		return // It was verified with keys that are not in force any more.
	}
	if t.verified == nil || len(t.verified) >= maxVerified {
		// Everything at once: whoever comes again is verified again.
		t.verified = map[[sha256.Size]byte]verified{}
	}
	t.verified[hash] = v
}

// claims reads what a token says and checks what does not change with time. An
// absent exp is refused: the token would be good for ever.
func (t *tokens) claims(payload []byte) (verified, error) {
	var all map[string]jsontext.Value
	if err := json.Unmarshal(payload, &all); err != nil {
		return verified{}, errors.New("has claims that are not JSON")
	}
	var issuer, name string
	if json.Unmarshal(all["iss"], &issuer) != nil || issuer != t.cfg.Issuer {
		return verified{}, errors.New("is of another issuer")
	}
	var audience string
	var audiences []string
	if json.Unmarshal(all["aud"], &audience) == nil {
		audiences = []string{audience}
	} else if json.Unmarshal(all["aud"], &audiences) != nil {
		return verified{}, errors.New("is for nobody")
	}
	if !slices.Contains(audiences, t.cfg.Audience) {
		return verified{}, errors.New("is for another audience")
	}
	ends, ok := moment(all["exp"])
	if !ok {
		return verified{}, errors.New("does not say when it ends")
	}
	v := verified{claim: claim{until: ends.Add(leeway)}}
	if nbf, said := all["nbf"]; said {
		begins, ok := moment(nbf)
		if !ok {
			return verified{}, errors.New("says wrongly when it begins")
		}
		v.begins = begins.Add(-leeway)
	}
	if filter, said := all[filterClaim]; said {
		// Whoever has issued it wants less to be seen than everything.
		if json.Unmarshal(filter, &v.filter) != nil || strings.TrimSpace(v.filter) == "" || len(v.filter) > maxFilter {
			return verified{}, errors.New("has a filter that is not a text of 1 to 1024 bytes")
		}
	}
	if json.Unmarshal(all[t.cfg.PrincipalClaim], &name) != nil || !validName(name) {
		return verified{}, errors.New("names no principal")
	}
	v.name = name
	return v, nil
}

// moment reads a time as tokens write it: seconds since 1970, which may have a
// fraction. Times beyond what can be expressed are wrong.
func moment(v jsontext.Value) (time.Time, bool) {
	var seconds float64
	if json.Unmarshal(v, &seconds) != nil || seconds < 0 || seconds > math.MaxInt32*1000.0 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}
