package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/kafka"
)

const (
	rebalanceTimeout  = 60 * time.Second
	heartbeatInterval = 2 * time.Second // A third of the shortest session.

	// complainEvery is how often one error of the loop is logged, at most.
	complainEvery = 5 * time.Second

	// revokeBudget is how long a rebalance waits for the records in work, well
	// below the rebalance time-out, after which the group would go on without
	// us. drainBudget is the same at the end of Run.
	revokeBudget = 10 * time.Second
	drainBudget  = 9 * time.Second
	leaveBudget  = 2 * time.Second

	fetchMaxBytes          = 8 << 20
	fetchMaxPartitionBytes = 512 << 10
	// fetchMaxWait is how long a fetch that finds nothing holds the one
	// connection to a broker: a partition that is resumed meanwhile waits for
	// it. A fetch ten times a second is what being prompt costs.
	fetchMaxWait = 100 * time.Millisecond
)

// Deps are what a Group needs from the program around it.
type Deps struct {
	// Client are the options that say how to reach the cluster. The group's
	// own come on top and win, except for its time-outs.
	Client []kgo.Opt
	Log    *slog.Logger
	// Metrics is where the group's metrics are registered; nil for nowhere.
	Metrics prometheus.Registerer
	// Create lets the group create topics for its dead letters.
	Create bool
	// Prepare, where it is set, runs in each attempt to connect, as soon as
	// Kafka answers and before the group is joined. Its error fails the
	// attempt, which is then repeated: make it harmless to repeat.
	Prepare func(ctx context.Context, client *kgo.Client) error
	// Away, where it is set, says why Kafka is known not to answer, or nil. It
	// is asked every five seconds, and by Ready.
	Away func() error
}

// Group is one member of a consumer group and the handler that it feeds.
//
// Run does everything. A program that shuts down in phases calls StopPolling,
// Drain and Leave in this order while Run is running; a program that does not
// ends Run's context, and Run does the same by itself. All other methods may
// be called at any time from any goroutine.
type Group struct {
	config    Config
	handler   Handler
	transform Transform // the handler, where it is one
	stateful  *Stateful // the handler, where it is one
	table     *table    // of a Stateful
	deps      Deps
	log       *slog.Logger
	metrics   *metrics
	errors    complaints
	failures  failures

	client *kgo.Client
	admin  *kadm.Client
	// base is the context of everything that outlives Run's, so that a drain
	// can finish what is in work; it ends with Leave.
	base     context.Context
	killBase context.CancelFunc
	// work are the goroutines that end with their partition or with base.
	work       sync.WaitGroup
	pool       *pool
	letters    *letters
	transactor *transactor // nil where the handler makes no records

	// polls ends with StopPolling.
	polls     context.Context
	stopPolls context.CancelFunc
	polling   poller
	commits   committer

	leave  sync.Once
	polled chan struct{} // closed when the poll loop has ended
	left   chan struct{} // closed when Leave is through

	mu         sync.Mutex
	state      state
	partitions map[topicPartition]*partition
	retired    retired
	retries    map[string]string         // see watchRetries
	known      map[string]int32          // see countPartitions
	notes      map[topicPartition]string // see offsetsFetched
	rereading  map[string]bool           // see reread
	former     map[topicPartition]former // see topicGone
	over       bool                      // Leave was called
}

// New returns a Group that has not begun anything yet. The error is a bad
// setting, a bad client option, or a metric that is registered already.
func New(config Config, h Handler, deps Deps) (*Group, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	g := &Group{
		config:     config,
		handler:    h,
		deps:       deps,
		log:        deps.Log.With(slog.String("handler", config.Name), slog.String("group", config.Group)),
		metrics:    newMetrics(config.Group),
		left:       make(chan struct{}),
		polled:     make(chan struct{}),
		partitions: map[topicPartition]*partition{},
		retired:    retired{},
		retries:    retryTopics(config),
		known:      map[string]int32{},
		rereading:  map[string]bool{},
		former:     map[topicPartition]former{},
		commits:    newCommitter(),
		state:      state{why: errors.New("not started")},
	}
	g.errors.log = g.log
	g.pool = &pool{limit: config.Concurrency, work: g.handle, workers: &g.work}
	g.letters = newLetters(g)
	switch h := h.(type) {
	case Transform:
		g.transform, g.transactor = h, newTransactor(g)
	case Stateful:
		if err := h.validate(config); err != nil {
			return nil, err
		}
		g.stateful, g.table, g.transactor = &h, &table{g, h.Table}, newTransactor(g)
	}
	g.base, g.killBase = context.WithCancel(context.Background())
	g.polls, g.stopPolls = context.WithCancel(g.base)
	if err := kgo.ValidateOpts(g.options()...); err != nil {
		return nil, fmt.Errorf("consumer.handlers[%s]: %w", config.Name, err)
	}
	if deps.Metrics != nil {
		if err := deps.Metrics.Register(newCollector(g)); err != nil {
			return nil, fmt.Errorf("consumer.handlers[%s]: register metrics: %w", config.Name, err)
		}
	}
	return g, nil
}

// options are the client's. The topics come later, when Kafka has answered and
// the program has created what it wants to be there.
func (g *Group) options() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SessionTimeout(g.config.SessionTimeout),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.HeartbeatInterval(heartbeatInterval),
	}
	opts = append(opts, g.deps.Client...)
	if g.config.Instance != "" {
		opts = append(opts, kgo.InstanceID(g.config.Instance))
	}
	return append(opts,
		kgo.ConsumerGroup(g.config.Group),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.BlockRebalanceOnPoll(),
		kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(g.assigned),
		kgo.OnPartitionsRevoked(g.revoked),
		kgo.OnPartitionsLost(g.lost),
		kgo.WithHooks(sessionEnds{g}),
		kgo.OnOffsetsFetched(g.offsetsFetched),
		kgo.AdjustFetchOffsetsFn(g.locate),
		// What locate does not decide is an error that we see, never a jump.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The markers of transactions are part of the position; without them
		// a group never reaches the end of a partition.
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(fetchMaxBytes),
		kgo.FetchMaxPartitionBytes(fetchMaxPartitionBytes),
		kgo.FetchMaxWait(fetchMaxWait),
	)
}

// clientOptions are those of the clients that write.
func (g *Group) clientOptions() []kgo.Opt {
	return append(slices.Clone(g.deps.Client), kgo.WithContext(g.base))
}

// Run connects, joins the group, and polls and handles until ctx ends or the
// program calls Leave. While Kafka does not answer it keeps trying, for ever.
// Once running, no error of Kafka or of the handler ends it.
//
// When ctx ends it stops polling, gives the records in work nine seconds to
// finish, commits and leaves. It returns nil after a clean end, else an error
// that says which records were still in work. It can be called once.
func (g *Group) Run(ctx context.Context) error {
	started, err := g.open()
	if !started {
		return err
	}
	defer context.AfterFunc(ctx, g.StopPolling)()
	if g.connect() == nil {
		g.work.Go(g.commitLoop)
		g.work.Go(g.watchAway)
		g.work.Go(g.watchRetries)
		if g.transactor != nil {
			g.work.Go(g.takeOver)
		}
		g.pollLoop()
	}
	close(g.polled)

	select {
	case <-g.left:
		return nil
	case <-ctx.Done():
	}
	drain, done := context.WithTimeout(context.WithoutCancel(ctx), drainBudget)
	defer done()
	err = g.Drain(drain)
	leave, done := context.WithTimeout(context.WithoutCancel(ctx), leaveBudget)
	defer done()
	g.Leave(leave)
	return err
}

// open makes the client, unless the group was left before it began.
func (g *Group) open() (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return false, nil
	}
	client, err := kgo.NewClient(append(g.options(), kgo.WithContext(g.base))...)
	if err != nil {
		return false, fmt.Errorf("consumer.handlers[%s]: %w", g.config.Name, err)
	}
	if err := g.letters.open(); err != nil {
		client.Close()
		return false, fmt.Errorf("consumer.handlers[%s]: %w", g.config.Name, err)
	}
	g.client, g.admin = client, kadm.NewClient(client)
	return true, nil
}

// connect tries until Kafka answers and the group can be joined, or the group
// is to stop.
func (g *Group) connect() error {
	g.become(state{why: errors.New("connecting to Kafka")})
	err := kafka.Connect(g.polls, g.attempt, func(err error) {
		g.become(state{why: fmt.Errorf("Kafka is not available: %w", err)}) //nolint:staticcheck // ST1005: a product's name.
		g.log.Warn("Kafka not available. Retrying in 5 seconds...", slog.Any("error", err))
	})
	if err != nil {
		return err
	}
	g.become(state{why: errors.New("joining the group")})
	g.client.AddConsumeTopics(g.config.Topics...)
	g.log.Info("Kafka consumer connected and listening...")
	return nil
}

func (g *Group) attempt(ctx context.Context) error {
	if err := g.client.Ping(ctx); err != nil {
		return err
	}
	if g.deps.Prepare != nil {
		if err := g.deps.Prepare(ctx, g.client); err != nil {
			return err
		}
	}
	return g.countPartitions(ctx)
}
