package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrAway means that no broker of the cluster answers.
var ErrAway = errors.New("Kafka is not available") //nolint:staticcheck // ST1005: a product's name is written in capitals.

const (
	probeEvery   = time.Second
	probeTimeout = 2 * time.Second
)

// Link watches whether the cluster answers, on a connection of its own, so
// that a request stuck on another one tells nothing and spoils nothing. A lost
// connection that is reported with Kick is looked into at once.
//
// A Link is made for a cluster that has just answered. All methods may be
// called at any time from any goroutine.
type Link struct {
	client *kgo.Client
	log    *slog.Logger
	kick   chan struct{}

	away  atomic.Pointer[error] // nil while the cluster answers
	mu    sync.Mutex
	since time.Time     // of the present state
	turn  chan struct{} // closed when the state changes
}

// NewLink returns a Link that asks through control.
func NewLink(control *Control, log *slog.Logger) *Link {
	return &Link{client: control.client, log: log, kick: make(chan struct{}, 1), since: time.Now(), turn: make(chan struct{})}
}

// Away returns nil while the cluster answers, else an error that is ErrAway
// and says why and since when.
func (l *Link) Away() error {
	if away := l.away.Load(); away != nil {
		return *away
	}
	return nil
}

// Changed returns a channel that is closed when the state changes next.
func (l *Link) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.turn
}

// Kick asks for a probe now.
func (l *Link) Kick() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// OnBrokerDisconnect makes a Link a hook of the clients that do the work: a
// connection that they lose is worth a probe.
func (l *Link) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) { l.Kick() }

// Run probes until ctx ends: every second, and when kicked.
func (l *Link) Run(ctx context.Context) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-l.kick:
		}
		err := l.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		l.set(err)
	}
}

// probe succeeds when some broker answers. All are asked at the same time: one
// whose host is down must not decide for the others.
func (l *Link) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := ask(ctx, l.client.DiscoveredBrokers())
	if err != nil {
		// They may all have got new addresses.
		err = ask(ctx, l.client.SeedBrokers())
	}
	return err
}

// ask returns nil as soon as one of the brokers has answered, else the error of
// one that has not.
func ask(ctx context.Context, brokers []*kgo.Broker) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout/2)
	answers := make(chan error, len(brokers))
	var wg sync.WaitGroup
	for _, b := range brokers {
		wg.Go(func() {
			_, err := b.Request(ctx, metadataRequest())
			answers <- err
		})
	}
	defer wg.Wait()
	defer cancel()
	err := errors.New("no broker is known")
	for range brokers {
		if err = <-answers; err == nil {
			return nil
		}
	}
	return err
}

func (l *Link) set(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if (err == nil) == (l.away.Load() == nil) {
		return
	}
	now := time.Now()
	if err != nil {
		away := fmt.Errorf("%w since %s: %w", ErrAway, now.UTC().Format(time.RFC3339), err)
		l.away.Store(&away)
		l.log.Warn("kafka is away", slog.Any("error", err))
	} else {
		l.log.Info("kafka is back", slog.Duration("away_for", now.Sub(l.since).Round(time.Millisecond)))
		l.away.Store(nil)
	}
	l.since = now
	close(l.turn)
	l.turn = make(chan struct{})
}
