package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"slices"
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
	// maxVerified bounds the memory of tokens that were verified.
	maxVerified = 10_000
)

// keySource is where the keys of an issuer come from.
type keySource interface {
	// verify checks the token's signature and returns what was signed. Its
	// error is ErrUnavailable where it cannot be told now.
	verify(ctx context.Context, s *signed) ([]byte, error)
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
	name            string
	notBefore, ends time.Time
}

var errEnded = errors.New("has ended or has not begun")

// principal returns whom the token names.
func (t *tokens) principal(ctx context.Context, token string) (string, error) {
	if len(token) > maxToken {
		return "", errors.New("is too long")
	}
	version, hash := t.keys.version(), sha256.Sum256([]byte(token))
	v, known := t.remembered(hash, version)
	if !known {
		s, err := parseSigned(token)
		if err != nil {
			return "", err
		}
		payload, err := t.keys.verify(ctx, s)
		if err != nil {
			return "", err
		}
		if v, err = t.claims(payload); err != nil {
			return "", err
		}
	}
	now := time.Now()
	if now.After(v.ends.Add(leeway)) || now.Add(leeway).Before(v.notBefore) {
		return "", errEnded
	}
	if !known {
		t.remember(hash, v, version)
	}
	return v.name, nil
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
	v := verified{ends: ends}
	if begins, said := all["nbf"]; said {
		if v.notBefore, ok = moment(begins); !ok {
			return verified{}, errors.New("says wrongly when it begins")
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
