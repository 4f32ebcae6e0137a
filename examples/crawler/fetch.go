package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"sluice/consumer"
)

const (
	// largestBody is how much of an answer is read.
	largestBody = 64 << 10
	// patience is how long an answer may take as a whole.
	patience = 10 * time.Second
	// longestPause bounds a Retry-After.
	longestPause = time.Minute
)

// answer is what a host has said.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
}

// newClient returns a client that follows no redirects and keeps no cookies.
func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: concurrency, IdleConnTimeout: patience},
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fetch asks for an address at the web's own one: there are no names to look up.
func fetch(ctx context.Context, client *http.Client, via string, a address) (answer, error) {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+via+a.request(), nil)
	if err != nil {
		return answer{}, err
	}
	req.Host = a.host
	req.Header.Set("User-Agent", agent+"/1 (an example)")
	resp, err := client.Do(req)
	if err != nil {
		if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" && ctx.Err() == nil {
			err = consumer.Hold(fmt.Errorf("the web is not there: %w", err), time.Second) // That is about nobody's page.
		}
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }() // All that counts was read.
	body, err := io.ReadAll(io.LimitReader(resp.Body, largestBody+1))
	if err != nil {
		return answer{}, fmt.Errorf("read the body of %s: %w", a, err)
	}
	if len(body) > largestBody {
		return answer{}, consumer.Undecodable(fmt.Errorf("the body of %s does not end within %d bytes", a, largestBody))
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body, took: time.Since(began)}, nil
}

// later reports whether the host asks to come again later, and when. One that
// does not say it in seconds means one.
func (a answer) later() (time.Duration, bool) {
	if a.status != http.StatusTooManyRequests && a.status != http.StatusServiceUnavailable {
		return 0, false
	}
	seconds, err := strconv.ParseUint(a.header.Get("Retry-After"), 10, 31)
	if err != nil {
		seconds = 1
	}
	return min(time.Duration(seconds)*time.Second, longestPause), true
}
