package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// outcome is how a request has ended: the label outcome of the metrics.
type outcome string

const (
	success     outcome = "2xx"
	redirect    outcome = "3xx"
	refused     outcome = "4xx"
	broken      outcome = "5xx"
	odd         outcome = "other" // a status that is none of these
	timedOut    outcome = "timeout"
	unconnected outcome = "connection"
	denied      outcome = "denied"   // by the guard
	canceled    outcome = "canceled" // by us, at a rebalance or at shutdown
	unsent      outcome = "unsent"   // there was no request to send
)

var outcomes = []outcome{success, redirect, refused, broken, odd, timedOut, unconnected, denied, canceled, unsent}

// answer is what has become of a request.
type answer struct {
	outcome outcome
	status  int           // 0 without an answer
	after   time.Duration // what Retry-After says; 0 for nothing
	// connected says that the endpoint was reached: whatever went wrong may be
	// due to the record.
	connected bool
	err       error // why it is not a success
}

// answered makes the answer from a response.
func answered(resp *http.Response, now time.Time) answer {
	a := answer{outcome: odd, status: resp.StatusCode, connected: true}
	switch resp.StatusCode / 100 {
	case 2:
		a.outcome = success
		return a
	case 3:
		a.outcome = redirect
		a.err = fmt.Errorf("answered %s: redirects are not followed: set webhook.url to where this one leads", statusText(resp.StatusCode))
	case 4:
		a.outcome = refused
	case 5:
		a.outcome = broken
	}
	if a.err == nil {
		a.err = fmt.Errorf("answered %s", statusText(resp.StatusCode))
	}
	a.after = retryAfter(resp.Header.Get("Retry-After"), now)
	return a
}

// statusText is a status with our text for it, since the answer's own could
// hold anything.
func statusText(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// failed makes the answer from an error. ctx is the one that Handle was given,
// and attempt that of the request, which has the deadline.
func failed(ctx, attempt context.Context, err error, connected bool) answer {
	a := answer{connected: connected}
	// That it is canceled, and not at its own deadline (consumer.Config.Timeout),
	// which the endpoint has missed.
	if errors.Is(ctx.Err(), context.Canceled) {
		a.outcome = canceled
		a.err = fmt.Errorf("was cut short: %w", context.Cause(ctx))
		return a
	}
	if bad, ok := errors.AsType[*deniedError](err); ok {
		a.outcome, a.err = denied, bad
		return a
	}
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case attempt.Err() != nil || isNet && timeout.Timeout():
		a.outcome = timedOut
		a.err = errors.New("could not be connected to in time")
		if connected {
			a.err = errors.New("has not answered in time")
		}
	default:
		a.outcome = unconnected
		a.err = errors.New(reason(err))
	}
	return a
}

// counts says what an answer means for the circuit breaker: nothing where known
// is false, else whether the endpoint works.
func (a answer) counts() (works, known bool) {
	switch a.outcome {
	case timedOut, unconnected, broken:
		return false, true
	case denied, canceled, unsent:
		return false, false
	default:
		return true, true
	}
}

// slows reports whether an answer asks for fewer requests.
func (a answer) slows() bool {
	switch a.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return a.after > 0
}

// maxRetryAfter bounds what an endpoint may ask for.
const maxRetryAfter = 15 * time.Minute

// retryAfter reads Retry-After (RFC 9110, section 10.2.3): seconds or a date.
// What is neither, or asks for nothing, is 0.
func retryAfter(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0
	}
	if strings.Trim(s, "0123456789") == "" {
		seconds, err := strconv.ParseUint(s, 10, 32)
		if err != nil || seconds > uint64(maxRetryAfter/time.Second) {
			return maxRetryAfter // Too large for the type, too.
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	if at.After(now.Add(maxRetryAfter)) { // Before the difference, which could be too large.
		return maxRetryAfter
	}
	return max(0, at.Sub(now))
}
