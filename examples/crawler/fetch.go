package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// largestBody is how much of an answer is read.
	largestBody = 64 << 10
	// patience is how long an answer may take as a whole.
	patience = 10 * time.Second
	// longestPause bounds a Retry-After.
	longestPause = time.Minute
)

var (
	errTooLarge = fmt.Errorf("the body does not end within %d bytes", largestBody)
	// errAway is about nobody's page: the web itself cannot be reached.
	errAway = errors.New("the web is not there")
)

// answer is what a host has said.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
}

// fetcher asks hosts. It follows no redirects, sends no cookies, and unpacks
// nothing. It is safe for concurrent use.
type fetcher struct{ client *http.Client }

// viaKey is the context's key of the proxy.
type viaKey struct{}

// newFetcher returns a fetcher that reaches all hosts by the proxy of the
// request: there are no names to look up.
func newFetcher() fetcher {
	transport := &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			via, ok := r.Context().Value(viaKey{}).(string)
			if !ok {
				return nil, errors.New("the request has no proxy")
			}
			return &url.URL{Scheme: "http", Host: via}, nil
		},
		DisableCompression:  true,
		MaxIdleConnsPerHost: concurrency,
		IdleConnTimeout:     patience,
	}
	return fetcher{client: &http.Client{
		Transport:     transport,
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// close gives up the connections that wait for requests.
func (f fetcher) close() { f.client.CloseIdleConnections() }

// get asks for an address.
func (f fetcher) get(ctx context.Context, via string, a address) (answer, error) {
	began := time.Now()
	req, err := http.NewRequestWithContext(context.WithValue(ctx, viaKey{}, via), http.MethodGet, a.String(), nil)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("User-Agent", agent+"/1 (an example)")
	req.Header.Set("Accept", "text/html")
	resp, err := f.client.Do(req)
	if err != nil {
		if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "proxyconnect" && ctx.Err() == nil {
			return answer{}, fmt.Errorf("%w: %w", errAway, err)
		}
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }() // All that counts was read.
	body, err := io.ReadAll(io.LimitReader(resp.Body, largestBody+1))
	if err != nil {
		return answer{}, fmt.Errorf("read the body of %s: %w", a, err)
	}
	if len(body) > largestBody {
		return answer{}, errTooLarge
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body, took: time.Since(began)}, nil
}

// later reports whether the host asks to come again later, and when. It says
// seconds or a date (RFC 9110, 10.2.3).
func (a answer) later(now time.Time) (time.Duration, bool) {
	if a.status != http.StatusTooManyRequests && a.status != http.StatusServiceUnavailable {
		return 0, false
	}
	text := a.header.Get("Retry-After")
	pause := time.Second
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		pause = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		pause = at.Sub(now)
	}
	return min(max(pause, 0), longestPause), true
}
