// Package webhook is the handler that delivers records to an HTTP endpoint, as
// Standard Webhooks 1.0 says (https://www.standardwebhooks.com). It decides what
// an answer means for a record and for the endpoint; attempts, pauses and dead
// letters are the consumer's.
package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"sluice/consumer"
	"sluice/internal/telemetry"
	"sluice/record"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// maxAnswer is how much is read of an answer's body, and answerWait for how
	// long, so that its connection can be used again. A body that takes more
	// costs the connection and nothing else: the status has come before it.
	maxAnswer  = 64 << 10
	answerWait = time.Second

	maxAnswerHeader = 64 << 10
	maxIdle         = 64
	idleTimeout     = 30 * time.Second
)

// Webhook delivers records to one endpoint. It is a consumer.Handler, for many
// goroutines at the same time.
type Webhook struct {
	url     *url.URL
	suffix  string // of webhook-id
	agent   string
	timeout time.Duration

	dialer    *net.Dialer
	transport *http.Transport
	secrets   *secrets // nil: requests are not signed
	gate      gate
	breaker   *breaker
	metrics   *metrics
	log       *slog.Logger
}

var _ consumer.Handler = (*Webhook)(nil)

// New makes the webhook of the handler name. It reads the file of secrets, and
// does not ask the endpoint for anything. The metrics have the label handler.
func New(cfg Config, name string, log *slog.Logger, reg prometheus.Registerer) (*Webhook, error) {
	setting := fmt.Sprintf("consumer.handlers[%s].webhook", name)
	if err := cfg.Validate(setting); err != nil {
		return nil, err
	}
	suffix, err := idSuffix(name)
	if err != nil {
		return nil, fmt.Errorf("consumer.handlers[%s].name: %w", name, err)
	}
	endpoint, err := parseURL(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("%s.%w", setting, err)
	}
	allowed, err := parseNetworks(cfg.AllowNetworks)
	if err != nil {
		return nil, fmt.Errorf("%s.%w", setting, err)
	}
	log = log.With(slog.String("handler", name), slog.String("host", endpoint.Host))
	w := &Webhook{
		url:     endpoint,
		suffix:  suffix,
		agent:   "Sluice/" + telemetry.Version(),
		timeout: cfg.timeout(),
		log:     log,
	}
	if cfg.SecretsFile != "" {
		if w.secrets, err = openSecrets(cfg.SecretsFile, log); err != nil {
			return nil, fmt.Errorf("%s.secrets_file: %w", setting, err)
		}
	}
	w.metrics = newMetrics(reg, name)
	w.breaker = newBreaker(w.metrics.open, log)
	w.dialer = &net.Dialer{Timeout: w.timeout, ControlContext: (&guard{allowed: allowed}).control}
	w.transport = &http.Transport{
		Proxy:                  nil, // A proxy would connect for us, past the guard.
		DialContext:            w.dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    w.timeout,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // A short answer could become a long one.
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxAnswerHeader,
	}
	return w, nil
}

// Close closes the connections that are not in use. It is called when no
// Handle runs any more.
func (w *Webhook) Close() { w.transport.CloseIdleConnections() }

// Handle sends the record, once. Any status but 2xx is an error. While the
// endpoint is gone, has asked for a pause, or its circuit breaker is open,
// nothing is sent and the error is a consumer.Hold.
//
// No error holds anything of the record, of the answer but its status, or of
// the URL but its host.
func (w *Webhook) Handle(ctx context.Context, r *record.Record) error {
	return w.deliver(ctx, r).result()
}

// verdict is what an attempt means for the record.
type verdict struct {
	err   error         // nil: it was delivered
	after time.Duration // it must not be tried again before
	hold  time.Duration // nothing must be tried before, and this was no attempt
}

func (v verdict) result() error {
	switch {
	case v.hold > 0:
		return consumer.Hold(v.err, v.hold)
	case v.after > 0:
		return consumer.RetryAfter(v.err, v.after)
	}
	return v.err
}

func (w *Webhook) deliver(ctx context.Context, r *record.Record) verdict {
	p, wait, why := w.gate.enter(time.Now())
	if why != nil {
		return verdict{err: w.blame(fmt.Errorf("is not asked, because it %w", why)), hold: wait}
	}
	defer w.gate.leave(p)
	allowed, wait, why := w.breaker.acquire()
	if why != nil {
		return verdict{err: w.blame(why), hold: wait}
	}
	a, open := w.ask(ctx, r, allowed)
	_, known := a.counts()
	if allowed.probe && open > 0 && known && !a.connected {
		// It is certainly not for the record that nobody answers, so an outage
		// of any length costs it no more attempts.
		return verdict{err: w.blame(a.err), hold: open}
	}
	return w.judge(ctx, p, a)
}

// ask sends the record and tells the breaker what came of it, a panic included.
// open is for how long nothing is sent now.
func (w *Webhook) ask(ctx context.Context, r *record.Record, allowed permit) (a answer, open time.Duration) {
	began := time.Now()
	a.outcome = unsent
	defer func() {
		w.metrics.observe(a, time.Since(began))
		open = w.breaker.record(allowed, a)
	}()
	a = w.send(ctx, r)
	return a, 0
}

// judge says what an answer means, and tells the gate.
func (w *Webhook) judge(ctx context.Context, p pass, a answer) verdict {
	if a.status == 0 {
		return verdict{err: w.blame(a.err)}
	}
	if a.status == http.StatusGone {
		wait, news := w.gate.close(p, time.Now(), a.err)
		if news {
			w.metrics.gone.Set(1)
			w.log.ErrorContext(ctx, "the webhook's endpoint answers 410 Gone: its records are held until it takes them again, or webhook.url is another one",
				slog.Duration("asked_again_every", goneEvery))
		}
		return verdict{err: w.blame(a.err), hold: max(wait, askingPause)}
	}
	if w.gate.open(p, a.outcome == success) {
		w.metrics.gone.Set(0)
		w.log.InfoContext(ctx, "the webhook's endpoint is not gone any more", slog.Int("status", a.status))
	}
	switch {
	case a.outcome == success:
		return verdict{}
	case a.slows():
		pause := w.gate.slow(p, time.Now(), a.after, a.err)
		if a.status == http.StatusTooManyRequests {
			// It is about how often we ask, never about the record.
			return verdict{err: w.blame(a.err), hold: pause}
		}
		return verdict{err: w.blame(a.err), after: pause}
	}
	return verdict{err: w.blame(a.err)}
}

// blame makes an error about the endpoint.
func (w *Webhook) blame(err error) error {
	return fmt.Errorf("the webhook's endpoint %s %w", w.url.Host, err)
}

// send makes the request.
func (w *Webhook) send(ctx context.Context, r *record.Record) answer {
	attempt, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	var connected atomic.Bool
	attempt = httptrace.WithClientTrace(attempt, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	request, err := w.request(attempt, r)
	if err != nil {
		return answer{outcome: unsent, err: err}
	}
	// Not an http.Client, which would follow redirects and put the URL into its
	// errors.
	response, err := w.transport.RoundTrip(request)
	if err != nil {
		return failed(ctx, attempt, err, connected.Load())
	}
	defer func() { _ = response.Body.Close() }() // Nothing was written.
	a := answered(response, time.Now())
	defer time.AfterFunc(answerWait, cancel).Stop()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // What went wrong costs the connection only.
	return a
}

// request makes the request of an attempt.
func (w *Webhook) request(ctx context.Context, r *record.Record) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(r.Value))
	if err != nil {
		return nil, fmt.Errorf("cannot be asked: %w", err)
	}
	h := request.Header
	writeRecord(h, r)
	if kind := contentType(r); kind != "" {
		h.Set("Content-Type", kind)
	}
	h.Set("User-Agent", w.agent)
	if parent, state := telemetry.TraceContext(ctx, traceHeaders(r)); parent != "" {
		h.Set("Traceparent", parent)
		if state != "" {
			h.Set("Tracestate", state)
		}
	}
	// Not sent. It tells the transport that the request may be repeated when the
	// endpoint has just closed the idle connection that it was sent on.
	h["Idempotency-Key"] = nil

	now := time.Now()
	id := id(r, w.suffix)
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	if w.secrets != nil {
		signatures, err := w.secrets.sign(ctx, id, now, r.Value)
		if err != nil {
			return nil, err
		}
		h.Set(standardwebhooks.HeaderWebhookSignature, signatures)
	}
	return request, nil
}
