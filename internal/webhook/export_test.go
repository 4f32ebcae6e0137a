package webhook

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"time"

	"sluice/record"
)

// The pauses that tests wait for, in fake time.
const (
	GoneEvery    = goneEvery
	BreakerDelay = breakerDelay
	FirstPause   = firstPause
	MaxPause     = maxPause
	PollEvery    = pollEvery
	AnswerWait   = answerWait
)

// Verdict is what an attempt means, for tests to look into.
type Verdict struct {
	Err         error
	After, Hold time.Duration
}

// Deliver is Handle without the consumer's errors.
func (w *Webhook) Deliver(ctx context.Context, r *record.Record) Verdict {
	v := w.deliver(ctx, r)
	return Verdict{v.err, v.after, v.hold}
}

// Result is the consumer's error of a verdict.
func (v Verdict) Result() error { return verdict{v.Err, v.After, v.Hold}.result() }

// Trust makes the webhook trust a certificate.
func (w *Webhook) Trust(c *x509.Certificate) {
	w.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	w.transport.TLSClientConfig.RootCAs.AddCert(c)
}

// Resolve makes the webhook look up names elsewhere.
func (w *Webhook) Resolve(r *net.Resolver) { w.dialer.Resolver = r }

// Dial replaces the network, the guard included.
func (w *Webhook) Dial(dial func(context.Context, string, string) (net.Conn, error)) {
	w.transport.DialContext = dial
}

// HasProxy says whether anything else connects for the webhook. The environment
// cannot be tried: net/http reads it once for a process.
func (w *Webhook) HasProxy() bool { return w.transport.Proxy != nil }

// Allows asks the guard.
func Allows(addr netip.Addr, allowed ...netip.Prefix) bool {
	return (&guard{allowed: allowed}).allows(addr)
}

// RetryAfter reads the header.
func RetryAfter(s string, now time.Time) time.Duration { return retryAfter(s, now) }

// ParseSecrets reads the text of a file and returns how many secrets it has.
func ParseSecrets(text string) (int, error) {
	signers, err := parseSecrets([]byte(text))
	return len(signers), err
}

// ID returns webhook-id.
func ID(r *record.Record, handler string) (string, error) {
	suffix, err := idSuffix(handler)
	return id(r, suffix), err
}

// WriteRecord returns the request headers for a record.
func WriteRecord(r *record.Record) http.Header {
	h := http.Header{}
	writeRecord(h, r)
	return h
}

// ContentType returns that of a record.
func ContentType(r *record.Record) string { return contentType(r) }

// CloseIdle makes the next request need a connection.
func (w *Webhook) CloseIdle() { w.transport.CloseIdleConnections() }

// ErrDenied is what the guard says.
var ErrDenied error = &deniedError{addr: netip.MustParseAddr("10.0.0.1")}
