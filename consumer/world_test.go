package consumer_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"sluice/consumer"
	"sluice/internal/deadletter"
	"sluice/internal/kafka"
	"sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	topic = "events"
	group = "readers"
)

// world is a cluster on a virtual network, in a synctest bubble: its time is
// fake, and passes only when everything waits.
type world struct {
	t       *testing.T
	cluster *kfake.Cluster
	network *kfake.VirtualNetwork
	client  *kgo.Client
	log     *logBook
	seen    *handled
	cable   *cable              // of those that have none of their own
	cables  []*cable            // of members
	letters map[place]time.Time // not nil: there may be some

	mu      sync.Mutex
	commits []noted
}

// inWorld runs a test in a world with a topic of so many partitions.
func inWorld(t *testing.T, partitions int32, test func(*testing.T, *world), opts ...kfake.Opt) {
	t.Helper()
	if !virtualTime {
		t.Skip("runs in fake time, which the Kafka client allows when it is built with -tags synctests")
	}
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, network: new(kfake.VirtualNetwork), log: newLogBook(), seen: newHandled()}
		w.cable = &cable{connect: w.network.DialContext}
		w.start(partitions, opts)
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(w.log)
			}
		})
		test(t, w)
	})
}

func (w *world) start(partitions int32, opts []kfake.Opt) {
	opts = append(opts, kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(w.network.Listen))
	if partitions > 0 {
		opts = append(opts, kfake.SeedTopics(partitions, topic))
	}
	cluster, err := kfake.NewCluster(opts...)
	require.NoError(w.t, err)
	w.cluster = cluster
	w.t.Cleanup(cluster.Close)
	w.client = w.connect(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	w.watchCommits()
}

// options are those that the program gives to a group.
func (w *world) options() []kgo.Opt { return w.via(w.cable) }

func (w *world) via(c *cable) []kgo.Opt {
	opts, err := kafka.Config{Brokers: []string{"127.0.0.1:9092"}}.Options(slog.New(slog.DiscardHandler))
	require.NoError(w.t, err)
	return append(opts, kgo.Dialer(c.dial))
}

// cut breaks all connections, and lets nobody connect again while away.
func (w *world) cut(away bool) {
	for _, c := range append(w.cables, w.cable) {
		c.cut(away)
	}
}

// cable is a way to the cluster that can be cut.
type cable struct {
	connect func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex
	away  bool
	conns []net.Conn
}

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	conn, err := c.connect(ctx, network, address)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

func (c *cable) cut(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
	for _, conn := range c.conns {
		_ = conn.Close() // The other end notices.
	}
	c.conns = nil
}

func (w *world) connect(opts ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(w.options(), opts...)...)
	require.NoError(w.t, err)
	w.t.Cleanup(client.Close)
	return client
}

// watchCommits notes what members commit, for checkCommits, and fails the test
// at once where there can be no dead letters.
func (w *world) watchCommits() {
	w.cluster.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		switch commit := req.(type) {
		case *kmsg.OffsetCommitRequest:
			for _, t := range commit.Topics {
				for _, p := range t.Partitions {
					w.noteCommit(commit.MemberID, t.Topic, p.Partition, p.Offset)
				}
			}
		case *kmsg.TxnOffsetCommitRequest:
			for _, t := range commit.Topics {
				for _, p := range t.Partitions {
					w.noteCommit(commit.MemberID, t.Topic, p.Partition, p.Offset)
				}
			}
		}
		return nil, nil, false
	})
}

// noted is a commit below which records were not handled.
type noted struct {
	at        time.Time
	partition int32
	offset    int64
	missing   []int64
}

func (w *world) noteCommit(member, name string, partition int32, offset int64) {
	if member == "" || name != topic && name != "" { // Some versions have ids only; there is one topic.
		return
	}
	missing := w.seen.missingBelow(partition, offset)
	if len(missing) == 0 {
		return
	}
	if w.letters == nil {
		w.t.Errorf("partition %d: offset %d is committed, and %v are not handled", partition, offset, missing)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commits = append(w.commits, noted{time.Now(), partition, offset, missing})
}

// checkCommits fails the test where a commit was made of a record that was
// neither handled nor, at that time, a dead letter.
func (w *world) checkCommits(letters map[place]time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.commits {
		for _, o := range c.missing {
			if at, dead := letters[place{c.partition, o}]; !dead || at.After(c.at) {
				w.t.Errorf("partition %d: offset %d is committed, and %d was not handled", c.partition, c.offset, o)
			}
		}
	}
}

// place is a record of the topic.
type place struct {
	partition int32
	offset    int64
}

// produce writes values to a partition and expects them to be handled.
func (w *world) produce(partition int32, values ...string) {
	w.t.Helper()
	for _, value := range values {
		w.write(&kgo.Record{Partition: partition, Value: []byte(value)})
	}
}

// produceKey writes a value with a key, likewise.
func (w *world) produceKey(partition int32, key, value string) {
	w.t.Helper()
	w.write(&kgo.Record{Partition: partition, Key: []byte(key), Value: []byte(value)})
}

func (w *world) write(r *kgo.Record) {
	w.t.Helper()
	r.Topic = topic
	require.NoError(w.t, w.client.ProduceSync(w.t.Context(), r).FirstErr())
	w.seen.expect(r.Partition, r.Offset, string(r.Value))
}

// flood writes many small records at once.
func (w *world) flood(partition int32, n int) {
	w.t.Helper()
	for i := range n {
		r := &kgo.Record{Topic: topic, Partition: partition, Value: []byte("flood")}
		w.seen.expect(partition, int64(i), "flood")
		w.client.Produce(w.t.Context(), r, func(_ *kgo.Record, err error) {
			if err != nil {
				w.t.Error(err)
			}
		})
	}
	require.NoError(w.t, w.client.Flush(w.t.Context()))
}

// committed returns the offset that the group has for a partition, or -1.
func (w *world) committed(partition int32) int64 {
	info := w.cluster.GroupInfo(group)
	if info == nil {
		return -1
	}
	c, ok := info.Commits[topic][partition]
	if !ok {
		return -1
	}
	return c.Offset
}

// eventually waits until the condition holds. It costs no real time, and has
// an end so that a failure is told.
func (w *world) eventually(what string, condition func() bool) {
	w.t.Helper()
	for range 6000 {
		synctest.Wait()
		if condition() {
			return
		}
		time.Sleep(50 * time.Millisecond) // Fake time.
	}
	w.t.Fatalf("%s: not within five minutes; the group is %+v", what, w.cluster.GroupInfo(group))
}

// pass lets fake time pass.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// member is a running Group.
type member struct {
	*consumer.Group
	w       *world
	cable   *cable // nil: the world's
	metrics *prometheus.Registry
	cancel  context.CancelFunc
	ended   chan struct{}
	err     error
}

func defaultConfig() consumer.Config {
	return consumer.Config{
		Name: "test", Topics: []string{topic}, Group: group,
		Retry: consumer.Retry{Attempts: -1, First: 5 * time.Second, Max: 5 * time.Second},
	}
}

// join starts a member that records what it handles, after work has agreed.
func (w *world) join(work consumer.HandlerFunc, change ...func(*consumer.Config, *consumer.Deps)) *member {
	w.t.Helper()
	cfg := defaultConfig()
	registry := prometheus.NewRegistry()
	deps := consumer.Deps{Client: w.options(), Log: slog.New(w.log), Metrics: registry, Create: true}
	for _, f := range change {
		f(&cfg, &deps)
	}
	g, err := consumer.New(cfg, w.seen.record(work), deps)
	require.NoError(w.t, err)
	return w.run(g, registry)
}

// joinWith starts a member with any handler, and a cable of its own.
func (w *world) joinWith(cfg consumer.Config, h consumer.Handler) *member {
	w.t.Helper()
	c := &cable{connect: w.network.DialContext}
	w.cables = append(w.cables, c)
	registry := prometheus.NewRegistry()
	g, err := consumer.New(cfg, h, consumer.Deps{Client: w.via(c), Log: slog.New(w.log), Metrics: registry, Create: true})
	require.NoError(w.t, err)
	m := w.run(g, registry)
	m.cable = c
	return m
}

// run starts a member.
func (w *world) run(g *consumer.Group, registry *prometheus.Registry) *member {
	ctx, cancel := context.WithCancel(w.t.Context())
	m := &member{Group: g, w: w, metrics: registry, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		m.err = g.Run(ctx)
	}()
	w.t.Cleanup(func() { _ = m.stop() })
	return m
}

// stop ends the member and waits for it.
func (m *member) stop() error {
	m.cancel()
	<-m.ended
	return m.err
}

// scrape returns the values of one scrape, by name without its prefix and with
// the labels but group: `handler_errors_total{kind="panic"}`.
func (m *member) scrape() map[string]float64 {
	m.w.t.Helper()
	families, err := m.metrics.Gather()
	require.NoError(m.w.t, err)
	values := map[string]float64{}
	for _, f := range families {
		for _, metric := range f.Metric {
			name := strings.TrimPrefix(f.GetName(), "sluice_consumer_")
			for _, l := range metric.Label {
				if l.GetName() != "group" && l.GetName() != "topic" && l.GetName() != "partition" {
					name += fmt.Sprintf("{%s=%q}", l.GetName(), l.GetValue())
				}
			}
			values[name] += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return values
}

func (m *member) metric(name string) float64 {
	m.w.t.Helper()
	values := m.scrape()
	require.Contains(m.w.t, values, name)
	return values[name]
}

// addsUp checks that every record is in exactly one state.
func (m *member) addsUp() {
	m.w.t.Helper()
	v := m.scrape()
	sum := v["records_ok_total"] + v["records_dead_total"] + v["records_returned_total"] + v["records_queued"] + v["records_running"] + v["records_retrying"]
	require.Equal(m.w.t, v["records_in_total"], sum)
}

// handled is what the handlers of a test have done, and what they are to do.
type handled struct {
	mu       sync.Mutex
	expected map[int32]map[int64]string
	times    map[int32]map[int64]int
	order    map[int32][]int64
}

func newHandled() *handled {
	return &handled{expected: map[int32]map[int64]string{}, times: map[int32]map[int64]int{}, order: map[int32][]int64{}}
}

func (h *handled) expect(partition int32, offset int64, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.expected[partition] == nil {
		h.expected[partition] = map[int64]string{}
	}
	h.expected[partition][offset] = value
}

// reset forgets everything: the topic is another one now.
func (h *handled) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.expected)
	clear(h.times)
	clear(h.order)
}

// forget drops what was expected from an offset on and below another: it was
// deleted.
func (h *handled) forget(partition int32, from, below int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for o := from; o < below; o++ {
		delete(h.expected[partition], o)
	}
}

// record makes a handler that notes what work has done without an error.
func (h *handled) record(work consumer.HandlerFunc) consumer.HandlerFunc {
	return func(ctx context.Context, r *record.Record) error {
		if work != nil {
			if err := work(ctx, r); err != nil {
				return err
			}
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.times[r.Partition] == nil {
			h.times[r.Partition] = map[int64]int{}
		}
		h.times[r.Partition][r.Offset]++
		h.order[r.Partition] = append(h.order[r.Partition], r.Offset)
		return nil
	}
}

func (h *handled) missingBelow(partition int32, offset int64) []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var missing []int64
	for o := range h.expected[partition] {
		if o < offset && h.times[partition][o] == 0 {
			missing = append(missing, o)
		}
	}
	slices.Sort(missing)
	return missing
}

// all reports whether everything expected was handled.
func (h *handled) all() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for partition, offsets := range h.expected {
		for o := range offsets {
			if h.times[partition][o] == 0 {
				return false
			}
		}
	}
	return true
}

// count returns how many records were handled, and how often one was again.
func (h *handled) count() (records, repeats int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, offsets := range h.times {
		for _, n := range offsets {
			records++
			repeats += n - 1
		}
	}
	return records, repeats
}

// end returns the offset behind the last record that is expected.
func (h *handled) end(partition int32) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	end := int64(0)
	for o := range h.expected[partition] {
		end = max(end, o+1)
	}
	return end
}

func (h *handled) of(partition int32) []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.order[partition])
}

// logBook keeps what was logged.
type logBook struct {
	slog.Handler
	mu    *sync.Mutex
	lines *strings.Builder
}

func newLogBook() *logBook {
	b := &logBook{mu: new(sync.Mutex), lines: new(strings.Builder)}
	b.Handler = slog.NewTextHandler(b, nil)
	return b
}

func (b *logBook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.Write(line)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.String()
}

func (b *logBook) count(text string) int { return strings.Count(b.String(), text) }

// read returns all records of a topic, as readers of committed records see it.
func (w *world) read(name string) []*kgo.Record {
	w.t.Helper()
	return w.readWith(kadm.NewClient(w.client), name, w.options())
}

func (w *world) readWith(admin *kadm.Client, name string, opts []kgo.Opt) []*kgo.Record {
	w.t.Helper()
	starts, err := admin.ListStartOffsets(w.t.Context(), name)
	require.NoError(w.t, err)
	ends, err := admin.ListCommittedOffsets(w.t.Context(), name)
	require.NoError(w.t, err)
	from, left := map[string]map[int32]kgo.Offset{name: {}}, map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(name, end.Partition)
		if end.Err == nil && end.Offset > start.Offset {
			from[name][end.Partition] = kgo.NewOffset().At(start.Offset)
			left[end.Partition] = end.Offset
		}
	})
	if len(left) == 0 {
		return nil
	}
	client, err := kgo.NewClient(append(opts, kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())...)
	require.NoError(w.t, err)
	defer client.Close()
	var records []*kgo.Record
	for len(left) > 0 {
		client.PollFetches(w.t.Context()).EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return records
}

// deadLetters returns where the dead letters of the topic were first read, and
// when they were written.
func (w *world) deadLetters() map[place]time.Time {
	w.t.Helper()
	all := map[place]time.Time{}
	for _, r := range w.read(deadletter.Topic(topic, group)) {
		_, l := w.letter(r)
		p := place{l.Partition, l.Offset}
		if at, ok := all[p]; !ok || r.Timestamp.Before(at) {
			all[p] = r.Timestamp
		}
	}
	return all
}

// letter takes a dead letter apart.
func (w *world) letter(r *kgo.Record) ([]record.Header, deadletter.Letter) {
	w.t.Helper()
	headers := make([]record.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = record.Header(h)
	}
	original, l, ok := deadletter.Split(headers)
	require.True(w.t, ok, "the record is a dead letter")
	return original, l
}

func numbered(prefix string, from, to int) []string {
	var values []string
	for i := from; i < to; i++ {
		values = append(values, fmt.Sprintf("%s-%d", prefix, i))
	}
	return values
}

// seek commits an offset for the group from outside.
func (w *world) seek(partition int32, offset int64, metadata string) {
	w.t.Helper()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: offset, LeaderEpoch: -1, Metadata: metadata})
	_, err := kadm.NewClient(w.client).CommitOffsets(w.t.Context(), group, offsets)
	require.NoError(w.t, err)
}

// expel removes a member from the group, as an operator can.
func (w *world) expel(memberID string) {
	w.t.Helper()
	require.NoError(w.t, w.throwOut(w.t.Context(), memberID))
}

// fault makes requests of a kind fail so many times.
func (w *world) fault(key kmsg.Key, err *kerr.Error, times int) *kfake.FaultHandle {
	return w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: err, Count: times})
}
