package webhook

import (
	"cmp"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"
)

// The circuit breaker opens when breakerFailures of the last breakerRequests
// requests have failed. So few, because a failure in an outage costs a record
// one of its attempts, and an open breaker costs none; and by number instead of
// time, because the successes of a busy endpoint would hide for long that it is
// down.
const (
	breakerFailures = 5
	breakerRequests = 10
	// breakerDelay is how long it stays open before it lets one request
	// through, give or take breakerJitter, so that replicas do not ask all at
	// once.
	breakerDelay  = 30 * time.Second
	breakerJitter = 0.1
	// probingPause is for those who find that request under way.
	probingPause = 5 * time.Second
)

// breaker is the circuit breaker of an endpoint.
type breaker struct {
	mu      sync.Mutex // around each use of circuit, which calls changed
	circuit circuitbreaker.CircuitBreaker[any]
	last    error // the last failure

	open prometheus.Gauge
	log  *slog.Logger
}

func newBreaker(open prometheus.Gauge, log *slog.Logger) *breaker {
	b := &breaker{open: open, log: log}
	b.circuit = circuitbreaker.NewBuilder[any]().
		WithFailureThresholdRatio(breakerFailures, breakerRequests).
		WithSuccessThreshold(1).
		WithDelay(breakerDelay).
		WithJitterFactor(breakerJitter).
		OnStateChanged(b.changed).
		Build()
	return b
}

// changed shows the state. Half-open is open to those who watch.
func (b *breaker) changed(e circuitbreaker.StateChangedEvent) {
	switch {
	case e.NewState == circuitbreaker.ClosedState:
		b.open.Set(0)
		b.log.Info("the webhook's endpoint works again, and its circuit breaker is closed")
	case e.OldState == circuitbreaker.ClosedState:
		b.open.Set(1)
		b.log.Warn("the circuit breaker of the webhook's endpoint is open: records are held, and one is tried now and then",
			slog.Duration("every", breakerDelay), slog.Any("error", b.last))
	}
}

// permit lets one request through.
type permit struct {
	probe bool // it decides whether the breaker closes
}

// acquire returns a permit, or how long to wait and why. A permit has to be
// given to record.
func (b *breaker) acquire() (p permit, wait time.Duration, why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.circuit.TryAcquirePermit() {
		return permit{probe: b.circuit.IsHalfOpen()}, 0, nil
	}
	return permit{}, b.delay(), fmt.Errorf("is not asked, because its circuit breaker is open: it %w", b.last)
}

// delay is how long nothing is sent. The caller holds mu.
func (b *breaker) delay() time.Duration { return cmp.Or(b.circuit.RemainingDelay(), probingPause) }

// record takes in what became of a request. It returns how long nothing is sent
// now: 0 if the breaker is closed.
func (b *breaker) record(p permit, a answer) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	works, known := a.counts()
	switch {
	case known && works:
		b.circuit.RecordSuccess()
	case known:
		b.last = a.err
		b.circuit.RecordFailure()
	case p.probe && b.circuit.IsHalfOpen():
		// A permit of the library ends with a result only. To open and
		// half-open again makes a new one.
		b.circuit.Open()
		b.circuit.HalfOpen()
	}
	if b.circuit.IsClosed() {
		return 0
	}
	return b.delay()
}
