package redrive

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/access"
	"sluice/internal/deadletter"
	"sluice/internal/kafka"
	"sluice/record"
)

const (
	// DefaultPage is how many dead letters a page has.
	DefaultPage = 50
	// MaxPage is how many it may have.
	MaxPage = 1000
	// pageBytes ends a page early: values are as large as Kafka takes them.
	pageBytes = 8 << 20
	// maxKey is the longest key in a list without payloads.
	maxKey = 1024
)

// ListRequest says what to list.
type ListRequest struct {
	Group string
	// Topic is that of the original records; all of the group's, as far as the
	// caller may read them, when empty.
	Topic string
	// Limit is how many letters the page has, at most: DefaultPage when 0.
	Limit int
	// From is where the page begins, as Next of the page before says. A list
	// from there has no summary.
	From string
	// Payloads adds values, headers and long keys. It needs the right to
	// operate on each topic.
	Payloads bool
	// Within bounds the time that the summary may take: it counts everything.
	// Zero is no bound.
	Within time.Duration
}

// List is a part of the backlog of a group: dead letters without a receipt.
type List struct {
	Group   string   `json:"group"`
	Topics  []string `json:"topics" doc:"The topics of the original records."`
	Summary *Summary `json:"summary,omitempty" doc:"Of all dead letters; only with the first page."`
	Letters []Letter `json:"letters" doc:"A page of the backlog, by topic, partition and offset of the dead letter."`
	Next    string   `json:"next,omitempty" doc:"The parameter from of the next page; absent on the last."`
}

// Summary counts the dead letters of a group, as of when the list was made.
type Summary struct {
	Letters  int64 `json:"letters" doc:"Dead letters, with those that were redriven."`
	Backlog  int64 `json:"backlog" doc:"Dead letters that were not redriven yet."`
	Foreign  int64 `json:"foreign" doc:"Records in the same topics that are no dead letters of this group and topic: never redriven."`
	Complete bool  `json:"complete" doc:"Whether everything was counted; else the time was up, and each count is too low."`
	Histogram
	// Oldest and Newest are the times of the last failure, in the backlog.
	Oldest time.Time `json:"oldest,omitzero" doc:"The earliest last failure in the backlog."`
	Newest time.Time `json:"newest,omitzero" doc:"The latest last failure in the backlog."`
}

// Letter is a dead letter, for people.
type Letter struct {
	Topic     string    `json:"topic" doc:"Of the original record, as are partition, offset and timestamp."`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Timestamp time.Time `json:"timestamp"`

	Letter Coordinates `json:"dead_letter" doc:"Where the dead letter itself is."`

	Class        string    `json:"class"`
	Message      string    `json:"message" doc:"The last error; at most 1 KiB."`
	Handler      string    `json:"handler"`
	Attempts     int       `json:"attempts"`
	FirstFailure time.Time `json:"first_failure"`
	LastFailure  time.Time `json:"last_failure"`
	Replays      int       `json:"replay_count" doc:"How often it was redriven."`

	Key       *string  `json:"key" doc:"Null for a record without a key, and, unless payloads are asked for, for a key of more than 1 KiB."`
	KeySize   int      `json:"key_size" doc:"In bytes; -1 for a record without a key."`
	ValueSize int      `json:"value_size" doc:"In bytes; -1 for a record without a value."`
	Headers   int      `json:"header_count" doc:"Of the original record."`
	Payload   *Payload `json:"payload,omitempty" doc:"Only with payloads."`

	KeyEncoding string `json:"key_encoding,omitempty" enum:"base64" doc:"base64 where the key is not UTF-8."`
}

// Coordinates are where a record is.
type Coordinates struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// Payload is what the original record carried.
type Payload struct {
	Value         *string  `json:"value" doc:"Null for a record without a value."`
	ValueEncoding string   `json:"value_encoding,omitempty" enum:"base64" doc:"base64 where the value is not UTF-8."`
	Headers       []Header `json:"headers" doc:"In their order; names may repeat."`
}

// Header is a header of a record.
type Header struct {
	Name     string  `json:"name"`
	Value    *string `json:"value"`
	Encoding string  `json:"encoding,omitempty" enum:"base64" doc:"base64 where the value is not UTF-8."`
}

// List reads the backlog of a group. The caller needs the right to read each
// topic. The errors are *InvalidError, ErrNoLetters, ErrForbidden,
// kafka.ErrAway within a few seconds, and what the cluster says.
func (s *Service) List(ctx context.Context, q ListRequest, caller Caller) (*List, error) {
	if err := q.validate(); err != nil {
		return nil, err
	}
	if q.Topic != "" && !q.allows(caller, q.Topic) {
		return nil, fmt.Errorf("%w: this principal may not %s topic %s", ErrForbidden, q.right(), q.Topic)
	}
	select {
	case s.listing <- struct{}{}:
		defer func() { <-s.listing }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: other lists wait for it: %w", kafka.ErrAway, ctx.Err())
	}
	client, err := s.connect()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	l := &lister{
		ListRequest: q, cluster: newCluster(client), started: time.Now(),
		list: &List{Group: q.Group, Letters: []Letter{}},
	}
	all, _, err := l.cluster.topics(ctx)
	if err != nil {
		return nil, err
	}
	found, err := sources(all, q.Group, q.Topic)
	if err != nil {
		return nil, err
	}
	for _, source := range found {
		if q.allows(caller, source.name) {
			l.sources = append(l.sources, source)
			l.list.Topics = append(l.list.Topics, source.name)
		}
	}
	if len(l.sources) == 0 {
		return nil, fmt.Errorf("%w: this principal may not %s any topic of which group %s has dead letters", ErrForbidden, q.right(), q.Group)
	}
	return l.list, l.run(ctx)
}

func (q *ListRequest) right() string {
	if q.Payloads {
		return "operate on"
	}
	return "read"
}

func (q *ListRequest) allows(caller Caller, topic string) bool {
	return caller.may(access.Read, topic) && (!q.Payloads || caller.may(access.Operate, topic))
}

func (q *ListRequest) validate() error {
	other := Request{Group: q.Group, Topic: q.Topic}
	if err := other.validate(); err != nil {
		return err
	}
	if q.Limit < 0 || q.Limit > MaxPage {
		return &InvalidError{"limit", fmt.Sprintf("has to be between 1 and %d", MaxPage)}
	}
	if q.Limit == 0 {
		q.Limit = DefaultPage
	}
	if _, ok := parsePosition(q.From); q.From != "" && !ok {
		return &InvalidError{"from", "is not what next of another page has said"}
	}
	return nil
}

// position is where a page begins, <topic>/<partition>/<offset>.
type position struct {
	topic     string
	partition int32
	offset    int64
}

func (p position) String() string { return fmt.Sprintf("%s/%d/%d", p.topic, p.partition, p.offset) }

func parsePosition(text string) (p position, ok bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 || !topicName.MatchString(parts[0]) {
		return p, false
	}
	partition, err := strconv.ParseInt(parts[1], 10, 32)
	offset, err2 := strconv.ParseInt(parts[2], 10, 64)
	return position{parts[0], int32(partition), offset}, err == nil && err2 == nil && partition >= 0 && offset >= 0
}

// lister makes one list.
type lister struct {
	ListRequest
	cluster *cluster
	sources []*source
	started time.Time
	list    *List
	bytes   int
	reasons reasons
}

func (l *lister) run(ctx context.Context) error {
	from, _ := parsePosition(l.From)
	if l.From == "" {
		l.list.Summary = &Summary{}
	}
	var err error
	for _, source := range l.sources {
		if source.name < from.topic {
			continue
		}
		if source.name > from.topic {
			from = position{}
		}
		if err = l.source(ctx, source, from); err != nil {
			break
		}
	}
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if s := l.list.Summary; s != nil {
		s.Complete = err == nil
		s.Histogram = *l.reasons.histogram()
	}
	return nil
}

func (l *lister) source(ctx context.Context, s *source, from position) error {
	letters, err := l.cluster.spans(ctx, s.dlq, committed)
	if err != nil {
		return err
	}
	ledger, err := l.cluster.readLedger(ctx, s, letters, committed)
	if err != nil {
		return err
	}
	for partition, span := range letters {
		number := int32(partition)
		switch {
		case number < from.partition:
			continue
		case number == from.partition:
			span.from = max(span.from, from.offset)
		}
		reader := l.cluster.reader(s.dlq, number, span)
		err := reader.each(ctx,
			func(r *kgo.Record) error { return l.one(s, ledger, r) },
			func() error { return l.pause(position{s.name, number, reader.next}) })
		if err != nil {
			return err
		}
	}
	return nil
}

// pause ends the list at a position when its time is up.
func (l *lister) pause(at position) error {
	if l.Within == 0 || time.Since(l.started) < l.Within {
		return nil
	}
	if l.list.Next == "" {
		l.list.Next = at.String()
	}
	return errEnough
}

// one looks at one record of a dead-letter topic.
func (l *lister) one(s *source, ledger *ledger, r *kgo.Record) error {
	letter, ok := newLetter(r, s.name, l.Group)
	redriven := ok && ledger.has(r.Partition, r.Offset)
	l.summarize(letter, ok, redriven)
	if !ok || redriven || l.list.Next != "" {
		return nil
	}
	shown := l.show(letter)
	if len(l.list.Letters) == l.Limit || len(l.list.Letters) > 0 && l.bytes+shown.size() > pageBytes {
		l.list.Next = position{s.name, r.Partition, r.Offset}.String()
		if l.list.Summary == nil {
			return errEnough
		}
		return nil
	}
	l.bytes += shown.size()
	l.list.Letters = append(l.list.Letters, shown)
	return nil
}

func (l *lister) summarize(letter *letter, ok, redriven bool) {
	s := l.list.Summary
	switch {
	case s == nil:
		return
	case !ok:
		s.Foreign++
		return
	case redriven:
		s.Letters++
		return
	}
	s.Letters++
	s.Backlog++
	l.reasons.add(letter)
	if s.Oldest.IsZero() || letter.LastFailure.Before(s.Oldest) {
		s.Oldest = clampYear(letter.LastFailure)
	}
	if letter.LastFailure.After(s.Newest) {
		s.Newest = clampYear(letter.LastFailure)
	}
}

// show copies a letter, so that a page does not hold all that was read with it.
func (l *lister) show(d *letter) Letter {
	shown := Letter{
		Topic: d.Topic, Partition: d.Partition, Offset: d.Offset, Timestamp: clampYear(d.Timestamp),
		Letter: Coordinates{deadletter.Topic(d.Topic, l.Group), d.record.Partition, d.record.Offset},
		Class:  brief(string(d.Class)), Message: brief(d.Message), Handler: brief(d.Handler),
		Attempts: d.Attempts, FirstFailure: clampYear(d.FirstFailure), LastFailure: clampYear(d.LastFailure), Replays: d.Replays,
		KeySize: sizeOf(d.record.Key), ValueSize: sizeOf(d.record.Value), Headers: len(d.original),
	}
	if l.Payloads || len(d.record.Key) <= maxKey {
		shown.Key, shown.KeyEncoding = text(d.record.Key)
	}
	if l.Payloads {
		shown.Payload = &Payload{Headers: make([]Header, len(d.original))}
		shown.Payload.Value, shown.Payload.ValueEncoding = text(d.record.Value)
		for i, h := range d.original {
			shown.Payload.Headers[i] = newHeader(h)
		}
	}
	return shown
}

// size is about what a letter takes in the answer.
func (d *Letter) size() int {
	n := 512 + len(d.Message)
	if d.Key != nil {
		n += len(*d.Key)
	}
	if d.Payload != nil {
		if d.Payload.Value != nil {
			n += len(*d.Payload.Value)
		}
		for _, h := range d.Payload.Headers {
			n += len(h.Name) + 32
			if h.Value != nil {
				n += len(*h.Value)
			}
		}
	}
	return n
}

func newHeader(h record.Header) Header {
	shown := Header{Name: strings.ToValidUTF8(h.Key, "\uFFFD")}
	shown.Value, shown.Encoding = text(h.Value)
	return shown
}
