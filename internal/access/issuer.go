package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	// fetchTimeout bounds one answer of the issuer, and fetchLimit its size.
	fetchTimeout = 5 * time.Second
	fetchLimit   = 1 << 20
	// askEvery is the least time between two fetches that unknown key ids
	// cause: anybody can make them up.
	askEvery = time.Minute
	// refreshEvery is how long a key that the issuer has withdrawn is believed
	// at most while the issuer answers.
	refreshEvery = 10 * time.Minute
	// The pauses between the first tries, until the issuer has answered once.
	firstPause, lastPause = time.Second, time.Minute
)

// issuer keeps the keys of an OpenID Connect issuer, which it finds by
// discovery. It is a keySource.
type issuer struct {
	url    string
	client *http.Client
	log    *slog.Logger

	keys    atomic.Pointer[jwks] // nil until the issuer has answered
	changes atomic.Uint64

	mu       sync.Mutex
	asked    time.Time     // when the last fetch began
	fetching chan struct{} // closed when the fetch under way has ended; nil where there is none
	failed   bool          // the last fetch
	jwksURL  string        // "" before discovery, and after it led nowhere
}

func newIssuer(url string, log *slog.Logger) *issuer {
	return &issuer{url: url, log: log, client: &http.Client{
		Timeout: fetchTimeout,
		// Answers are rare, and an idle connection would outlive the program's parts.
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true},
		// A redirect could lead to plain http or into the network behind us.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// run fetches the keys until ctx ends: soon after each other until they are
// known, then now and then.
func (i *issuer) run(ctx context.Context) {
	pause := firstPause
	for {
		i.fetch(ctx, ctx, 0)
		wait := refreshEvery
		if i.keys.Load() == nil {
			wait, pause = pause, min(2*pause, lastPause)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (i *issuer) version() uint64 { return i.changes.Load() }

// now returns the keys, none where the issuer has not answered yet.
func (i *issuer) now() jwks {
	if keys := i.keys.Load(); keys != nil {
		return *keys
	}
	return nil
}

// with calls use. A key that is not known may be a new one of the issuer's: it
// is asked, unless it was a short while ago, and use is called again.
func (i *issuer) with(ctx context.Context, use func(jwks) error) error {
	keys := i.keys.Load()
	if keys == nil {
		return ErrUnavailable
	}
	err := use(*keys)
	if !errors.Is(err, errKey) {
		return err
	}
	// Who begins a fetch ends it, also when its own client has gone: others
	// wait for it.
	failed := i.fetch(ctx, context.WithoutCancel(ctx), askEvery)
	err = use(*i.keys.Load())
	if failed && errors.Is(err, errKey) {
		return ErrUnavailable
	}
	return err
}

// fetch gets the keys under the context work, unless the last fetch began less
// than the pause ago. For a fetch that is under way it waits, until ctx ends,
// instead of beginning another. It reports whether the last one failed.
func (i *issuer) fetch(ctx, work context.Context, pause time.Duration) (failed bool) {
	i.mu.Lock()
	if under := i.fetching; under != nil {
		i.mu.Unlock()
		select {
		case <-under:
		case <-ctx.Done():
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		return i.failed
	}
	if now := time.Now(); i.asked.IsZero() || now.Sub(i.asked) >= pause {
		i.asked = now
	} else {
		defer i.mu.Unlock()
		return i.failed
	}
	done := make(chan struct{})
	i.fetching = done
	jwksURL := i.jwksURL
	i.mu.Unlock()

	keys, jwksURL, err := i.get(work, jwksURL)
	if err == nil {
		i.keys.Store(&keys)
		i.changes.Add(1)
	} else if work.Err() == nil {
		i.log.WarnContext(ctx, "the issuer's keys could not be fetched", slog.String("issuer", i.url), slog.Any("error", err))
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failed, i.jwksURL, i.fetching = err != nil, jwksURL, nil
	close(done)
	return i.failed
}

// get asks for the keys, and before that, where it is not known, for their
// address. After a failure it is asked for again: it may have moved.
func (i *issuer) get(ctx context.Context, jwksURL string) (jwks, string, error) {
	if jwksURL == "" {
		text, err := i.download(ctx, strings.TrimSuffix(i.url, "/")+"/.well-known/openid-configuration")
		if err != nil {
			return nil, "", err
		}
		var found struct {
			Issuer  string `json:"issuer"`
			JWKSURI string `json:"jwks_uri"`
		}
		if json.Unmarshal(text, &found) != nil || found.Issuer != i.url {
			// OpenID Connect Discovery 1.0, 4.3: it must be the same, to the letter.
			return nil, "", errors.New("discovery: the answer is not that of this issuer")
		}
		if err := secureURL(found.JWKSURI); err != nil {
			return nil, "", fmt.Errorf("discovery: jwks_uri: %w", err)
		}
		if strings.HasPrefix(i.url, "https:") && !strings.HasPrefix(found.JWKSURI, "https:") {
			return nil, "", errors.New("discovery: jwks_uri is not https")
		}
		jwksURL = found.JWKSURI
	}
	text, err := i.download(ctx, jwksURL)
	if err != nil {
		return nil, "", err
	}
	keys, err := parseJWKS(text)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", jwksURL, err)
	}
	return keys, jwksURL, nil
}

func (i *issuer) download(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil) //nolint:gosec // G704: the settings name the issuer, and the issuer its keys.
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	resp, err := i.client.Do(r) //nolint:gosec // G704: as above.
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // It is read, or not wanted.
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, fetchLimit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	if len(text) > fetchLimit {
		return nil, fmt.Errorf("%s: the answer is larger than 1 MiB", url)
	}
	return text, nil
}

// keysFile is an issuer whose keys are in a file. It is a keySource.
type keysFile struct {
	file    *file[jwks]
	changes atomic.Uint64
}

func (k *keysFile) poll(ctx context.Context) {
	if k.file.poll(ctx) {
		k.changes.Add(1)
	}
}

func (k *keysFile) version() uint64 { return k.changes.Load() }

func (k *keysFile) now() jwks { return k.file.value() }

func (k *keysFile) with(_ context.Context, use func(jwks) error) error { return use(k.now()) }
