package producer

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/kafka"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// clients is how many Kafka clients share the topics. Kafka answers one
// connection strictly in order, so a topic whose follower lags delays every
// topic of its client; a topic always belongs to the same one.
const clients = 4

// maxBuffered is far above what the budget lets in: our own budget must be
// what refuses, never the client's.
const maxBuffered = 1 << 20

// client is one idempotent producer and what is seen of its connections.
type client struct {
	kafka *kgo.Client
	seen  sightings

	// boarding is held, shared, while a flight is handed over. The client's
	// answer to a refused batch is to fail all that it has of the partition:
	// it may act on an answer only when it has the whole flight, else the rest
	// of it would overtake what is sent again.
	boarding sync.RWMutex
}

// sightings are what is seen of a client's connections. The numbers only grow.
type sightings struct {
	wrote atomic.Uint64 // produce requests whose writing has begun
	lost  atomic.Uint64 // connections that ended
	// again is what wrote was when the client last did what it does before it
	// repeats a produce request: ask for metadata, or pause.
	again atomic.Uint64
}

// mark is a moment in a client's sightings.
type mark struct{ wrote, lost uint64 }

func (s *sightings) mark() mark { return mark{s.wrote.Load(), s.lost.Load()} }

func (s *sightings) repeating() { s.again.Store(s.wrote.Load()) }

// since tells what has been seen since the mark, of a record that was handed
// over then.
func (s *sightings) since(m mark) evidence {
	return evidence{
		wrote:   s.wrote.Load() != m.wrote,
		lost:    s.lost.Load() != m.lost,
		retried: s.again.Load() > m.wrote,
	}
}

// newClient makes a producer that the hooks watch, too. It connects when it is
// first used.
func newClient(cfg Config, conn kafka.Config, topics *kafka.Topics, log *slog.Logger, hooks ...kgo.Hook) (*client, error) {
	c := &client{}
	opts, err := conn.Options(log)
	if err != nil {
		return nil, err
	}
	dial, err := conn.Dialer(kafka.DialTimeout)
	if err != nil {
		return nil, err
	}
	opts = append(opts,
		kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
			conn, err := dial(ctx, network, host)
			if err != nil {
				return nil, err
			}
			return &witness{Conn: conn, seen: &c.seen}, nil
		}),
		kgo.WithHooks(append(hooks, c)...),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RetryBackoffFn(func(tries int) time.Duration {
			c.seen.repeating()
			return kafka.Backoff(tries)
		}),
		kgo.MaxVersions(versions()),
		kgo.ProducerLinger(0),
		kgo.MaxBufferedRecords(maxBuffered),
		kgo.ProducerBatchCompression(codecs[cfg.Compression]),
		kgo.RecordPartitioner(kafka.Partitioner()),
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 {
			// A batch over the topic's own limit would be refused whole.
			if t := topics.Lookup(topic); t != nil {
				return t.MaxMessageBytes
			}
			return defaultBatchBytes
		}),
	)
	c.kafka, err = kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	return c, nil
}

// defaultBatchBytes is the client library's own default.
const defaultBatchBytes = 1_000_012

// versions are the newest of each request, but for produce: from version 10
// on, a broker names the new leader in its answer and the client repeats the
// request there at once. Without that it asks for metadata first, and a
// repetition can be seen.
func versions() *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(int16(kmsg.Produce), 9)
	return v
}

// OnBrokerRead keeps an answer of Kafka until no flight is half handed over.
func (c *client) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if kmsg.Key(key) == kmsg.Produce {
		c.boarding.Lock()
		c.boarding.Unlock() //nolint:staticcheck // SA2001: to wait is all that is meant.
	}
}

// OnBrokerDisconnect counts lost connections.
func (c *client) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) { c.seen.lost.Add(1) }

// witness sees the requests that begin to be written. The client writes a
// request with one call of Write, whose bytes 4 and 5 are the key of the API.
type witness struct {
	net.Conn
	seen *sightings
}

// Write counts before it writes: a request that may have left has been seen.
func (w *witness) Write(p []byte) (int, error) {
	key := kmsg.Produce // What cannot be read is taken for the worst.
	if len(p) >= 6 {
		key = kmsg.Key(binary.BigEndian.Uint16(p[4:])) //nolint:gosec // G115: the key of an API is a small number.
	}
	switch key {
	case kmsg.Produce:
		w.seen.wrote.Add(1)
	case kmsg.Metadata:
		w.seen.repeating()
	default:
	}
	return w.Conn.Write(p)
}
