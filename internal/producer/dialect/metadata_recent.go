package dialect

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice/internal/kafka"

	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/singleflight"
)

const (
	// metadataMemory is how long an answer of Kafka is given again.
	metadataMemory = time.Second
	// metadataPatience is how long a request waits for Kafka, and
	// metadataTimeout how long Kafka may take: an answer that was too late for
	// one request serves the next.
	metadataPatience = time.Second
	metadataTimeout  = 3 * time.Second
	// maxRecent bounds what is remembered: names that do not exist, too.
	maxRecent = 1000
)

// recent are answers of Kafka, by a key. However many clients ask the same,
// Kafka is asked once at a time, and not again while an answer is to be kept.
// The zero value keeps nothing.
type recent[T any] struct {
	keep   time.Duration
	flight singleflight.Group

	mu    sync.Mutex
	known map[string]recentAnswer[T]
}

type recentAnswer[T any] struct {
	value T
	err   error
	at    time.Time
}

// get returns the answer to a question, asking it where it is not known. The
// error is ErrAway when Kafka does not answer in time.
func (c *recent[T]) get(ctx context.Context, key string, question func(context.Context) (T, error)) (T, error) {
	if known, ok := c.recall(key); ok {
		return known.value, known.err
	}
	flight := c.flight.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), metadataTimeout)
		defer cancel()
		value, err := question(ctx)
		c.remember(key, value, err)
		return value, err
	})
	patience := time.NewTimer(metadataPatience)
	defer patience.Stop()
	var none T
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case <-patience.C:
		return none, fmt.Errorf("%w: no answer within %s", kafka.ErrAway, metadataPatience)
	case answer := <-flight:
		return answer.Val.(T), answer.Err
	}
}

func (c *recent[T]) recall(key string) (recentAnswer[T], bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.known[key]
	return known, ok && time.Since(known.at) < c.keep
}

// remember keeps what Kafka has said: that there is no such topic, too, but
// not that it said nothing.
func (c *recent[T]) remember(key string, value T, err error) {
	_, refused := errors.AsType[*kerr.Error](err)
	said := err == nil || errors.Is(err, kafka.ErrUnknownTopic) || refused && !errors.Is(err, kafka.ErrAway)
	if c.keep == 0 || !said {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxRecent {
		c.known = map[string]recentAnswer[T]{}
	}
	c.known[key] = recentAnswer[T]{value, err, time.Now()}
}
