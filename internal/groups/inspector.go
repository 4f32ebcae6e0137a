package groups

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"sluice/internal/deadletter"
	"sluice/internal/kafka"
)

const (
	// maxPartitions bounds what one look at a group costs.
	maxPartitions = 20_000
	// maxPeekTime bounds how long a look reads records for their timestamps.
	// Of the time that the context gives, it takes at most a third.
	maxPeekTime = 10 * time.Second
	// maxAskTime bounds how long the broker of a group is waited for.
	maxAskTime = 10 * time.Second
	askEvery   = 100 * time.Millisecond
	// maxListTime bounds how long brokers may take to tell where logs end.
	maxListTime = 15 * time.Second
	// maxRemembered bounds for how many groups the timestamps are kept.
	maxRemembered = 1000
)

// Inspector asks Kafka about groups. All methods may be called at any time from
// any goroutine.
type Inspector struct {
	control *kafka.Control
	now     func() time.Time

	mu    sync.Mutex
	peeks map[string]map[place]sighting // by group
}

// NewInspector makes an Inspector that asks through control, which the caller
// closes when nobody uses the Inspector any more.
func NewInspector(control *kafka.Control) *Inspector {
	return &Inspector{control: control, now: time.Now, peeks: map[string]map[place]sighting{}}
}

// Question says which group is asked about, and what is known of it besides
// what Kafka knows.
type Question struct {
	Group string
	// Topics are those that the group reads, whether or not a member says so
	// now. With any, a group that Kafka does not know is no error.
	Topics []string
	// FromEnd says that a partition without a commit is read from its end, so
	// that it has no lag. It is read from the start of its log otherwise.
	FromEnd bool
}

// Inspect looks at a group: its members, and its lag in every partition that
// it reads or has committed an offset of. It takes a handful of round trips to
// each broker, however many partitions there are, and ends with ctx; give that
// a few seconds. What could not be found out of a partition in that time is
// unknown in the answer and no error.
//
// The error is ErrUnknownGroup, ErrBadName, kafka.ErrAway when Kafka does not
// answer in time, or Kafka's own (a *kerr.Error) when it refuses to say.
func (i *Inspector) Inspect(ctx context.Context, q Question) (*Group, error) {
	if err := validName(q.Group); err != nil {
		return nil, err
	}
	// Commits are asked for before the ends of the logs, so that none of them
	// is behind the end for having been asked later.
	d, commits, err := i.ask(ctx, q.Group)
	if err != nil {
		return nil, err
	}
	if !d.exists && len(commits) == 0 && len(q.Topics) == 0 {
		return nil, fmt.Errorf("%w %q", ErrUnknownGroup, q.Group)
	}
	g := &Group{
		Name: q.Group, State: d.state, Type: d.kind, Assignor: d.assignor,
		Topics: topicsOf(d, commits, q), Partitions: []PartitionLag{}, Members: d.members, At: i.now(),
	}
	if g.Members == nil {
		g.Members = []Member{}
	}
	topics, missing, err := i.topics(ctx, g.Topics)
	if err != nil {
		return nil, err
	}
	g.MissingTopics = missing
	if err := i.measure(ctx, q, g, d, commits, topics); err != nil {
		return nil, err
	}
	g.Total = TotalOf(g.Partitions)
	return g, nil
}

// ask asks for the members and the commits of a group at the same time. While
// the group's broker is being decided, as in a cluster that has just had its
// first group, it asks again.
func (i *Inspector) ask(ctx context.Context, group string) (description, kadm.OffsetResponses, error) {
	deadline := time.Now().Add(maxAskTime)
	for {
		d, commits, err := i.askOnce(ctx, group)
		code, ok := errors.AsType[*kerr.Error](err)
		if !ok || !code.Retriable || time.Now().After(deadline) {
			return d, commits, err
		}
		select {
		case <-ctx.Done():
			return d, commits, err
		case <-time.After(askEvery):
		}
	}
}

func (i *Inspector) askOnce(ctx context.Context, group string) (description, kadm.OffsetResponses, error) {
	var d description
	var described error
	var wg sync.WaitGroup
	wg.Go(func() { d, described = i.describe(ctx, group) })
	commits, err := i.committed(ctx, group)
	wg.Wait()
	return d, commits, cmp.Or(described, err)
}

// topicsOf returns the topics of a group, sorted.
func topicsOf(d description, commits kadm.OffsetResponses, q Question) []string {
	all := maps.Clone(d.topics)
	for topic := range commits {
		all[topic] = true
	}
	for _, topic := range q.Topics {
		all[topic] = true
	}
	names := slices.AppendSeq([]string{}, maps.Keys(all))
	slices.Sort(names)
	return names
}

// topics returns what Kafka knows of the topics, and those that do not exist.
func (i *Inspector) topics(ctx context.Context, names []string) (kadm.TopicDetails, []string, error) {
	if len(names) == 0 { // Kafka would list all there are.
		return nil, nil, nil
	}
	details, err := i.control.Admin().ListTopicsWithInternal(ctx, names...)
	if err != nil {
		return nil, nil, asked("list topics", err)
	}
	var missing []string
	partitions := 0
	for _, name := range names {
		detail := details[name]
		partitions += len(detail.Partitions)
		switch {
		case len(detail.Partitions) > 0:
		case detail.Err == nil, errors.Is(detail.Err, kerr.UnknownTopicOrPartition), errors.Is(detail.Err, kerr.InvalidTopicException):
			missing = append(missing, name)
		default:
			return nil, nil, asked("list topic "+name, detail.Err)
		}
	}
	if partitions > maxPartitions {
		return nil, nil, fmt.Errorf("%w: the topics of the group have %d partitions; at most %d can be looked at", errTooMany, partitions, maxPartitions)
	}
	return details, missing, nil
}

var errTooMany = errors.New("too many partitions")

// measure fills in the partitions of a group.
func (i *Inspector) measure(ctx context.Context, q Question, g *Group, d description, commits kadm.OffsetResponses, topics kadm.TopicDetails) error {
	var places []place
	for _, topic := range g.Topics {
		for _, partition := range slices.Sorted(maps.Keys(topics[topic].Partitions)) {
			places = append(places, place{topic, partition})
		}
	}
	starts, ends, err := i.bounds(ctx, places)
	if err != nil {
		return err
	}
	owners := d.owners()
	var spots []spot
	for _, p := range places {
		detail := topics[p.topic]
		lag := PartitionLag{
			Topic: p.topic, Partition: p.partition, Member: owners[p],
			Subscribed: subscribed(p.topic, q, d), Committed: -1, Start: -1, End: -1,
		}
		from, ok := lag.count(commits, detail.ID, starts[p], ends[p], q.FromEnd)
		if ok && from < lag.End {
			spots = append(spots, spot{place: p, id: detail.ID, leader: detail.Partitions[p.partition].Leader, from: from, end: lag.End})
		}
		g.Partitions = append(g.Partitions, lag)
	}
	i.age(ctx, g, spots)
	return nil
}

// bounds asks where the logs start and end. A broker that does not answer may
// take half of the time, and what it leads is unknown; the error is that none
// has answered.
func (i *Inspector) bounds(ctx context.Context, places []place) (starts, ends map[place]listed, err error) {
	timeout := maxListTime
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { starts = i.list(ctx, places, logStart) })
	ends = i.list(ctx, places, logEnd)
	wg.Wait()
	for _, end := range ends {
		if end.err == nil {
			return starts, ends, nil
		}
	}
	if ctx.Err() != nil {
		return nil, nil, asked("list offsets", ctx.Err())
	}
	return starts, ends, nil
}

// subscribed reports whether the group reads the topic now: it was said to, a
// member does, or there is nothing that says what the group reads. The topic of
// redriven dead letters belongs to the one that they came from.
func subscribed(topic string, q Question, d description) bool {
	if d.topics[topic] || len(d.topics)+len(q.Topics) == 0 {
		return true
	}
	return slices.ContainsFunc(q.Topics, func(read string) bool {
		return topic == read || topic == deadletter.Retry(read, q.Group)
	})
}

// count fills in the offsets and the lag in records, and returns the offset
// that is next for the group. It reports false when that is not known.
func (p *PartitionLag) count(commits kadm.OffsetResponses, id kadm.TopicID, start, end listed, fromEnd bool) (next int64, ok bool) {
	var problems []string
	if start.err != nil {
		problems = append(problems, "start of the log: "+start.err.Error())
	} else {
		p.Start = start.offset
	}
	if end.err != nil {
		problems = append(problems, "end of the log: "+end.err.Error())
	} else {
		p.End = end.offset
	}
	if c, has := commits.Lookup(p.Topic, p.Partition); has {
		switch {
		case c.Err != nil:
			problems = append(problems, "committed offset: "+c.Err.Error())
		case c.At >= 0 && !kafka.OfTopic(c.Metadata, id):
			p.Stale = true
		default:
			p.Committed = c.At
		}
	}
	if len(problems) > 0 {
		p.Problem = strings.Join(problems, "; ")
		return 0, false
	}
	next = max(p.Committed, p.Start)
	if p.Committed < 0 && !p.Stale && fromEnd {
		next = p.End
	}
	lag := max(p.End-next, 0)
	p.Lag = &lag
	if lag == 0 {
		p.LagSeconds = new(float64)
	}
	return next, true
}
