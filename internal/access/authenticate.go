package access

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What Authenticate answers where it finds no principal. Their texts are for
// clients: an unknown credential and one that has ended read alike.
var (
	// ErrNoCredential is 401: the request has none.
	ErrNoCredential = errors.New("a credential is needed: an API key or a token")
	// ErrBadCredential is 401: the request has one that opens nothing.
	ErrBadCredential = errors.New("the credential is not known, or not any more")
	// ErrUnavailable is 503: whether it is good cannot be told now.
	ErrUnavailable = errors.New("credentials of this kind cannot be checked now")
)

// Authenticator tells who a request comes from. It is also the collector of
// its own metrics. All methods may be called at any time from any goroutine.
type Authenticator struct {
	keys     *file[keyring]     // nil without keys
	cas      *file[authorities] // nil without client certificates
	tokens   *tokens            // nil without tokens
	issuer   *issuer            // nil where the issuer's keys are in a file
	keysFile *keysFile          // nil where they are not
	failures *failures

	listed map[string]*Principal // by name; it does not change
	rest   Grant                 // of all others

	mu     sync.Mutex
	others map[string]*Principal
	swept  time.Time
}

// maxOthers is how many principals without an entry of their own are
// remembered before those are forgotten of which nothing need be known.
const maxOthers = 10_000

// New makes an Authenticator of settings that have a source of principals. A
// file that is bad or missing is an error; an issuer that does not answer is
// not: Run tries it again.
func New(cfg Config, log *slog.Logger) (*Authenticator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !cfg.Configured() {
		return nil, errors.New("auth: has no source of principals")
	}
	a := &Authenticator{failures: newFailures(log), listed: map[string]*Principal{}, others: map[string]*Principal{}}
	for _, g := range cfg.Principals {
		if g.Name == everybodyElse {
			a.rest = g
		} else {
			a.listed[g.Name] = newPrincipal(g.Name, g)
		}
	}
	var err error
	if cfg.KeysFile != "" {
		if a.keys, err = open("auth.keys_file", cfg.KeysFile, parseKeys, log); err != nil {
			return nil, err
		}
		if len(a.keys.value()) == 0 {
			log.Warn("the keys file has no key; sluice keys new makes one", slog.String("file", cfg.KeysFile))
		}
	}
	if cfg.MTLS.CAFile != "" {
		if a.cas, err = open("auth.mtls.ca_file", cfg.MTLS.CAFile, parseCAs, log); err != nil {
			return nil, err
		}
	}
	switch {
	case cfg.OIDC.Issuer == "":
	case cfg.OIDC.JWKSFile != "":
		opened, err := open("auth.oidc.jwks_file", cfg.OIDC.JWKSFile, parseJWKS, log)
		if err != nil {
			return nil, err
		}
		a.keysFile = &keysFile{file: opened}
		a.tokens = &tokens{cfg: cfg.OIDC, keys: a.keysFile}
	default:
		a.issuer = newIssuer(cfg.OIDC.Issuer, log)
		a.tokens = &tokens{cfg: cfg.OIDC, keys: a.issuer}
	}
	return a, nil
}

func newPrincipal(name string, g Grant) *Principal {
	p := &Principal{name: name, topics: g.Topics, rate: newBuckets(g.Limits), share: int64(g.Limits.InFlight)}
	for _, right := range g.Rights {
		p.rights |= rights[right]
	}
	return p
}

// Run reads the files again when they change and keeps the issuer's keys,
// until ctx ends.
func (a *Authenticator) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	if a.issuer != nil {
		wg.Go(func() { a.issuer.run(ctx) })
	}
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			a.poll(ctx)
		}
	}
}

func (a *Authenticator) poll(ctx context.Context) {
	if a.keys != nil {
		a.keys.poll(ctx)
	}
	if a.cas != nil {
		a.cas.poll(ctx)
	}
	if a.keysFile != nil {
		a.keysFile.poll(ctx)
	}
}

// Ready returns why some credentials cannot be checked now, or nil.
func (a *Authenticator) Ready() error {
	if a.issuer != nil && a.issuer.keys.Load() == nil {
		return errors.New("the keys of the tokens' issuer are not known yet")
	}
	return nil
}

// ClientCAs returns the authorities whose client certificates are taken now,
// nil where none are.
func (a *Authenticator) ClientCAs() *x509.CertPool {
	if a.cas == nil {
		return nil
	}
	return a.cas.value().pool
}

// Authenticate returns the principal that the request proves to come from,
// without a session. Its error is one of the three of this package.
func (a *Authenticator) Authenticate(r *http.Request) (*Principal, error) {
	i, err := a.Identify(r, nil)
	return i.Principal(), err
}

// Identify returns who the request proves to come from. Where it has neither a
// key nor a token nor a client certificate, the cookie of a session counts,
// unless sessions is nil: browsers send it by themselves, so it must not be in
// the way of what somebody has chosen. The error is one of the three of this
// package. A failure is counted, and logged with the request's RemoteAddr.
func (a *Authenticator) Identify(r *http.Request, sessions *Tickets) (*Identity, error) {
	c, f, err := a.identify(r)
	if err == nil {
		return a.identity(c), nil
	}
	if f == noCredential && sessions != nil && HasSession(r) {
		i, failed := sessions.session(r)
		if failed == nil {
			return i, nil
		}
		f, err = badSession, failed
	}
	if errors.Is(err, ErrUnavailable) {
		f = unavailable
	}
	a.failures.add(r, f, err)
	switch f {
	case unavailable:
		return nil, ErrUnavailable
	case noCredential:
		return nil, ErrNoCredential
	default:
		return nil, ErrBadCredential
	}
}

// identify returns what the request proves, or why it does not. The texts of
// its errors are for the log, and hold nothing of the credential.
func (a *Authenticator) identify(r *http.Request) (claim, failure, error) {
	authorization, apiKey := r.Header["Authorization"], r.Header["X-Api-Key"]
	switch {
	case len(authorization)+len(apiKey) > 1:
		// Which of them counts would be a matter of taste, also to a proxy.
		return claim{}, malformed, errors.New("more than one credential")
	case len(apiKey) == 1:
		return a.key("", apiKey[0])
	case len(authorization) == 0:
		return a.certificate(r)
	}
	scheme, value, _ := strings.Cut(authorization[0], " ")
	value = strings.TrimSpace(value)
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		if a.tokens != nil && strings.Count(value, ".") == 2 {
			c, err := a.tokens.verify(r.Context(), value)
			if errors.Is(err, errEnded) {
				return claim{}, endedToken, err
			}
			return c, badToken, err
		}
		return a.key("", value)
	case strings.EqualFold(scheme, "Basic"):
		if user, password, ok := r.BasicAuth(); ok {
			return a.key(user, password)
		}
	}
	return claim{}, malformed, errors.New("an Authorization header that is not understood")
}

// key returns whose API key it is. A user who is named must be that one.
func (a *Authenticator) key(user, key string) (claim, failure, error) {
	if a.keys == nil {
		return claim{}, unknownKey, errors.New("an API key, and there is no keys file")
	}
	e, ok := a.keys.value().owner(key)
	if !ok || user != "" && user != e.name {
		return claim{}, unknownKey, errors.New("an API key that is not known")
	}
	return claim{name: e.name, proof: proof{byKey, e.hash}}, "", nil
}

// principal returns the one Principal of a name.
func (a *Authenticator) principal(name string) *Principal {
	if p, ok := a.listed[name]; ok {
		return p
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if p, ok := a.others[name]; ok {
		return p
	}
	// An issuer may name any number of principals. Those that hold nothing and
	// whose buckets are full are the same when they are made anew.
	if now := time.Now(); len(a.others) >= maxOthers && now.Sub(a.swept) > time.Second {
		for other, p := range a.others {
			if p.idle() {
				delete(a.others, other)
			}
		}
		a.swept = now
	}
	p := newPrincipal(name, a.rest)
	a.others[name] = p
	return p
}

// Describe is part of prometheus.Collector.
func (a *Authenticator) Describe(ch chan<- *prometheus.Desc) { a.failures.counts.Describe(ch) }

// Collect is part of prometheus.Collector.
func (a *Authenticator) Collect(ch chan<- prometheus.Metric) { a.failures.counts.Collect(ch) }
