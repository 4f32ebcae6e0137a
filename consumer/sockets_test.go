package consumer_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/consumer"
	"sluice/internal/kafka"
	"sluice/record"
)

// The tests of this file run in real time, on kfake or, where KAFKA_BROKERS
// names some, on real brokers.

// sandbox is a topic and a group of one's own on a cluster.
type sandbox struct {
	t            *testing.T
	brokers      []string
	client       *kgo.Client
	admin        *kadm.Client
	topic, group string
	log          *logBook
}

func newSandbox(t *testing.T, partitions int32) *sandbox {
	t.Helper()
	s := &sandbox{t: t, log: newLogBook()}
	if brokers := os.Getenv("KAFKA_BROKERS"); brokers != "" {
		s.brokers = strings.Split(brokers, ",")
	} else {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
		require.NoError(t, err)
		t.Cleanup(cluster.Close)
		s.brokers = cluster.ListenAddrs()
	}
	var err error
	s.client, err = kgo.NewClient(append(s.options(), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))...)
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	s.admin = kadm.NewClient(s.client)
	name := fmt.Sprintf("%s-%d", strings.ReplaceAll(t.Name(), "/", "-"), time.Now().UnixNano())
	s.topic, s.group = name, "of-"+name
	s.create(partitions)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.log)
		}
	})
	return s
}

func (s *sandbox) options() []kgo.Opt {
	opts, err := kafka.Config{Brokers: s.brokers}.Options(slog.New(slog.DiscardHandler))
	require.NoError(s.t, err)
	return opts
}

func (s *sandbox) create(partitions int32) {
	s.t.Helper()
	_, err := s.admin.CreateTopic(s.t.Context(), partitions, 1, nil, s.topic)
	require.NoError(s.t, err)
}

func (s *sandbox) produce(partition int32, n int) {
	s.t.Helper()
	for i := range n {
		r := &kgo.Record{Topic: s.topic, Partition: partition, Value: fmt.Appendf(nil, "%d-%d", partition, i)}
		s.client.Produce(s.t.Context(), r, func(_ *kgo.Record, err error) {
			if err != nil {
				s.t.Errorf("produce: %v", err)
			}
		})
	}
	require.NoError(s.t, s.client.Flush(s.t.Context()))
}

// join runs a member; what it returns stops it.
func (s *sandbox) join(h consumer.Handler, client ...kgo.Opt) (stop func()) {
	s.t.Helper()
	g, err := consumer.New(
		consumer.Config{Name: "test", Topics: []string{s.topic}, Group: s.group},
		h, consumer.Deps{Client: append(s.options(), client...), Log: slog.New(s.log)})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := g.Run(ctx); err != nil {
			s.t.Errorf("run: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	s.t.Cleanup(stop)
	return stop
}

// committed returns the group's offsets by partition.
func (s *sandbox) committed() map[int32]int64 {
	s.t.Helper()
	offsets, err := s.admin.FetchOffsets(s.t.Context(), s.group)
	require.NoError(s.t, err)
	at := map[int32]int64{}
	offsets.Each(func(o kadm.OffsetResponse) { at[o.Partition] = o.At })
	return at
}

// tally counts what is handled, and tells when so many records were.
type tally struct {
	mu    sync.Mutex
	seen  map[string]int
	order map[int32][]int64
	marks map[int]chan struct{}
}

func newTally() *tally {
	return &tally{seen: map[string]int{}, order: map[int32][]int64{}, marks: map[int]chan struct{}{}}
}

func (c *tally) Handle(_ context.Context, r *record.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[string(r.Value)]++
	c.order[r.Partition] = append(c.order[r.Partition], r.Offset)
	if mark := c.marks[len(c.seen)]; mark != nil {
		close(mark)
		delete(c.marks, len(c.seen))
	}
	return nil
}

// at returns a channel that is closed when n different records were handled.
func (c *tally) at(n int) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := make(chan struct{})
	if len(c.seen) >= n {
		close(done)
		return done
	}
	c.marks[n] = done
	return done
}

func (c *tally) repeats() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	repeats := 0
	for _, n := range c.seen {
		repeats += n - 1
	}
	return repeats
}

func TestMembersShareATopicOnABroker(t *testing.T) {
	s := newSandbox(t, 4)
	const each = 5000
	for p := range int32(4) {
		s.produce(p, each)
	}
	done := newTally()
	stopA := s.join(done)
	<-done.at(each)
	stopB := s.join(done)
	<-done.at(2 * each)
	stopC := s.join(done)
	stopA()
	<-done.at(4 * each)
	for p := range int32(4) {
		s.produce(p, each+100) // The first values are repeats of the same text.
	}
	<-done.at(4*each + 400)
	stopB()
	stopC()
	for p := range int32(4) {
		require.IsIncreasing(t, done.order[p])
		require.Equal(t, int64(2*each+100), s.committed()[p])
	}
}

func TestARestartOnABrokerRepeatsNothing(t *testing.T) {
	s := newSandbox(t, 2)
	done := newTally()
	for i := range 10 {
		s.produce(0, i+1) // Values of one round are those of the one before and one more.
		before := i * (i + 1) / 2
		stop := s.join(consumer.HandlerFunc(func(ctx context.Context, r *record.Record) error {
			r.Value = fmt.Appendf(nil, "%d", r.Offset)
			return done.Handle(ctx, r)
		}))
		<-done.at(before + i + 1)
		stop()
		require.Equal(t, int64(before+i+1), s.committed()[0])
		require.Equal(t, int64(0), s.committed()[1], "committed without a record too")
	}
	require.Zero(t, done.repeats())
}

func TestTransactionsOnABroker(t *testing.T) {
	s := newSandbox(t, 1)
	writer, err := kgo.NewClient(append(s.options(), kgo.TransactionalID(s.group), kgo.DefaultProduceTopic(s.topic))...)
	require.NoError(t, err)
	defer writer.Close()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		require.NoError(t, writer.BeginTransaction())
		require.NoError(t, writer.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprint(i))).FirstErr())
		require.NoError(t, writer.EndTransaction(t.Context(), end))
	}
	done := newTally()
	stop := s.join(done)
	<-done.at(2)
	s.produce(0, 1) // Something behind the last marker, to know that it was passed.
	<-done.at(3)
	stop()
	require.Equal(t, map[string]int{"0": 1, "2": 1, "0-0": 1}, done.seen)
	require.Equal(t, int64(9), s.committed()[0])
}

func TestAnExpiredOffsetOnABroker(t *testing.T) {
	s := newSandbox(t, 1)
	s.produce(0, 100)
	done := newTally()
	stop := s.join(done)
	<-done.at(100)
	stop()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: s.topic, Partition: 0, At: 10, LeaderEpoch: -1})
	_, err := s.admin.CommitOffsets(t.Context(), s.group, offsets)
	require.NoError(t, err)
	deleted := kadm.Offsets{}
	deleted.Add(kadm.Offset{Topic: s.topic, Partition: 0, At: 60})
	_, err = s.admin.DeleteRecords(t.Context(), deleted)
	require.NoError(t, err)
	again := newTally()
	stop = s.join(again)
	<-again.at(40)
	stop()
	require.Contains(t, s.log.String(), "from=10 to=60 reason=expired")
	require.Equal(t, int64(100), s.committed()[0])
}

func TestARecreatedTopicOnABroker(t *testing.T) {
	s := newSandbox(t, 2)
	s.produce(0, 100)
	done := newTally()
	s.join(consumer.HandlerFunc(func(ctx context.Context, r *record.Record) error {
		r.Value = fmt.Appendf(nil, "%s of %d", r.Value, r.Timestamp.UnixMilli())
		return done.Handle(ctx, r)
	}))
	<-done.at(100)
	_, err := s.admin.DeleteTopic(t.Context(), s.topic)
	require.NoError(t, err)
	for { // A broker deletes in its own time.
		_, err := s.admin.CreateTopic(t.Context(), 2, 1, nil, s.topic)
		if err == nil {
			break
		}
	}
	s.client.PurgeTopicsFromClient(s.topic)
	s.produce(0, 50)
	s.produce(1, 50)
	<-done.at(200)
}

func TestAMemberThatVanishesIsReplaced(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a session, six seconds at the least")
	}
	s := newSandbox(t, 2)
	for p := range int32(2) {
		s.produce(p, 100)
	}
	own, short := &cable{connect: new(net.Dialer).DialContext}, kgo.SessionTimeout(6*time.Second)
	gone := make(chan struct{}, 2)
	done := newTally()
	s.join(consumer.HandlerFunc(func(ctx context.Context, r *record.Record) error {
		if r.Offset == 50 {
			own.cut(true)
			gone <- struct{}{}
			<-ctx.Done() // It never gets to handle it.
			return ctx.Err()
		}
		return done.Handle(ctx, r)
	}), kgo.Dialer(own.dial), short)
	<-gone
	s.join(done, short)
	<-done.at(200)
}
