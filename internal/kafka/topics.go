package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/singleflight"
)

// ErrUnknownTopic means that the cluster answered and has no such topic.
var ErrUnknownTopic = errors.New("unknown topic")

// Topic is what a writer must know of a topic. It is never changed once it is
// handed out.
type Topic struct {
	Name string
	// Generation differs between topics of one name that followed each other,
	// and grows.
	Generation uint64
	Partitions int32
	// Leaderless counts the partitions that nobody can write to now.
	Leaderless int
	// UnderMinISR counts the partitions with fewer in-sync replicas than
	// min.insync.replicas: writes to them wait.
	UnderMinISR int

	// MaxMessageBytes is max.message.bytes: the largest record batch, after
	// compression, that the brokers take.
	MaxMessageBytes int32
	// Compacted topics take no record without a key.
	Compacted bool
	// Before and After bound how far a record's timestamp may lie behind or
	// ahead of the broker's clock.
	Before, After time.Duration
	// AppendTime is set where the broker stamps records itself.
	AppendTime bool

	id kadm.TopicID // zero before Kafka 2.8
}

// The defaults of Kafka, used where the cluster does not let us read a topic's
// configuration.
const (
	defaultMaxMessageBytes = 1048588
	defaultAfter           = time.Hour
	unbounded              = time.Duration(1<<63 - 1)
)

const (
	// missTimeout is how long a miss waits for the answer, missMemory how long
	// an answer "no such topic" is believed.
	missTimeout = 50 * time.Millisecond
	missMemory  = time.Second
	// refreshEvery is how often what is known of the topics is read again.
	refreshEvery   = 10 * time.Second
	refreshTimeout = 5 * time.Second
	// maxMisses bounds the memory that requests for made-up names take.
	maxMisses = 10_000
)

// Topics is a cache of the cluster's topics: a look-up of a known one never
// waits. All methods may be called at any time from any goroutine.
type Topics struct {
	control *Control
	known   atomic.Pointer[map[string]*Topic]
	flight  singleflight.Group

	mu         sync.Mutex
	misses     map[string]time.Time
	generation uint64 // the latest
}

// NewTopics returns an empty cache that asks through control.
func NewTopics(control *Control) *Topics {
	t := &Topics{control: control, misses: map[string]time.Time{}}
	t.known.Store(&map[string]*Topic{})
	return t
}

// Lookup returns the topic from memory, or nil.
func (t *Topics) Lookup(name string) *Topic { return (*t.known.Load())[name] }

// Get returns the topic, asking the cluster once where it is not known. The
// error is ErrUnknownTopic when the cluster has no such topic, the cluster's
// own (a *kerr.Error, such as TOPIC_AUTHORIZATION_FAILED) when it refuses to
// say, and ErrAway when it does not answer within 50 ms.
func (t *Topics) Get(ctx context.Context, name string) (*Topic, error) {
	if topic := t.Lookup(name); topic != nil {
		return topic, nil
	}
	if t.missed(name) {
		return nil, fmt.Errorf("%w %q", ErrUnknownTopic, name)
	}
	return t.Refresh(ctx, name, missTimeout)
}

// Refresh asks the cluster for the topic now and remembers the answer. It waits
// for at most the given time; then it is ErrAway. Calls at the same time share
// one question, which goes on when nobody waits any more: a cluster that takes
// longer than one request may wait has answered when the next one comes.
func (t *Topics) Refresh(ctx context.Context, name string, timeout time.Duration) (*Topic, error) {
	flight := t.flight.DoChan(name, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTimeout)
		defer cancel()
		topic, err := t.ask(ctx, name)
		switch {
		case err == nil:
			t.remember(topic)
		case errors.Is(err, ErrUnknownTopic):
			t.forget(name)
		}
		return topic, err
	})
	patience := time.NewTimer(timeout)
	defer patience.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-patience.C:
		return nil, fmt.Errorf("%w: no answer about topic %s within %s", ErrAway, name, timeout)
	case answer := <-flight:
		if answer.Err != nil {
			return nil, answer.Err
		}
		return answer.Val.(*Topic), nil
	}
}

// Run reads what is known, and the topics that are named, again every ten
// seconds until ctx ends. A topic that the cluster no longer has is forgotten;
// an answer that does not come changes nothing.
func (t *Topics) Run(ctx context.Context, always ...string) {
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		names := slices.AppendSeq(slices.Clone(always), maps.Keys(*t.known.Load()))
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			// The error is told by the next look-up that needs an answer.
			_, _ = t.Refresh(ctx, name, refreshTimeout)
		}
	}
}

func (t *Topics) missed(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok := t.misses[name]
	return ok && time.Since(at) < missMemory
}

func (t *Topics) remember(topic *Topic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.misses, topic.Name)
	known := maps.Clone(*t.known.Load())
	if before := known[topic.Name]; before != nil && before.id == topic.id {
		topic.Generation = before.Generation
	} else {
		t.generation++
		topic.Generation = t.generation
	}
	known[topic.Name] = topic
	t.known.Store(&known)
}

func (t *Topics) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.misses) >= maxMisses {
		clear(t.misses)
	}
	t.misses[name] = time.Now()
	if _, ok := (*t.known.Load())[name]; !ok {
		return
	}
	known := maps.Clone(*t.known.Load())
	delete(known, name)
	t.known.Store(&known)
}

// ask reads the topic's partitions and configuration from the cluster.
func (t *Topics) ask(ctx context.Context, name string) (*Topic, error) {
	type result struct {
		configs kadm.ResourceConfigs
		err     error
	}
	configured := make(chan result, 1)
	go func() {
		configs, err := t.control.admin.DescribeTopicConfigs(ctx, name)
		configured <- result{configs, err}
	}()
	cluster, err := metadata(ctx, t.control.client, name)
	config := <-configured
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	if len(cluster.Topics) != 1 {
		return nil, fmt.Errorf("%w: metadata of %d topics instead of 1", ErrAway, len(cluster.Topics))
	}
	detail := cluster.Topics[0]
	failure := kerr.ErrorForCode(detail.ErrorCode)
	switch {
	case errors.Is(failure, kerr.UnknownTopicOrPartition), len(detail.Partitions) == 0 && failure == nil:
		return nil, fmt.Errorf("%w %q", ErrUnknownTopic, name)
	case errors.Is(failure, kerr.LeaderNotAvailable):
		// A topic that is being created, or has lost every replica.
	case failure != nil:
		return nil, fmt.Errorf("topic %s: %w", name, failure)
	}
	topic := &Topic{
		Name:            name,
		id:              detail.TopicID,
		Partitions:      int32(len(detail.Partitions)), //nolint:gosec // G115: a count of partitions fits.
		MaxMessageBytes: defaultMaxMessageBytes,
		Before:          unbounded,
		After:           defaultAfter,
	}
	minISR := topic.configure(config.configs, config.err)
	for _, p := range detail.Partitions {
		if p.Leader < 0 {
			topic.Leaderless++
		} else if len(p.ISR) < minISR {
			topic.UnderMinISR++
		}
	}
	return topic, nil
}

// configure takes over the settings that the cluster let us read and returns
// min.insync.replicas. A cluster that does not let us read them is asked
// nothing more: its refusals are then found out record by record.
func (t *Topic) configure(configs kadm.ResourceConfigs, err error) (minISR int) {
	minISR = 1
	if err != nil || len(configs) != 1 || configs[0].Err != nil {
		return minISR
	}
	for _, c := range configs[0].Configs {
		value := c.MaybeValue()
		number, notNumber := strconv.ParseInt(value, 10, 64)
		switch c.Key {
		case "cleanup.policy":
			t.Compacted = strings.Contains(value, "compact")
		case "message.timestamp.type":
			t.AppendTime = value == "LogAppendTime"
		case "max.message.bytes":
			if notNumber == nil && number > 0 && number < 1<<31 {
				t.MaxMessageBytes = int32(number)
			}
		case "min.insync.replicas":
			if notNumber == nil {
				minISR = int(number)
			}
		case "message.timestamp.before.max.ms":
			if notNumber == nil {
				t.Before = milliseconds(number)
			}
		case "message.timestamp.after.max.ms":
			if notNumber == nil {
				t.After = milliseconds(number)
			}
		}
	}
	return minISR
}

// milliseconds converts without overflow: Kafka's "no limit" is the largest
// 64-bit number.
func milliseconds(n int64) time.Duration {
	if n > int64(unbounded/time.Millisecond) {
		return unbounded
	}
	return time.Duration(n) * time.Millisecond
}

// Await asks until the cluster shows the topic, or ctx ends: a topic that has
// just been created is not known to every broker at once.
func (t *Topics) Await(ctx context.Context, name string) (*Topic, error) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		topic, err := t.Refresh(ctx, name, refreshTimeout)
		if err == nil && topic.Leaderless == 0 {
			return topic, nil
		}
		if err != nil && !errors.Is(err, ErrUnknownTopic) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return topic, err
		case <-ticker.C:
		}
	}
}
