package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/access"
	"sluice/internal/kafka"
	"sluice/internal/stream/filter"
)

// Request is what a client wants.
type Request struct {
	Topics []string
	// From is where it begins in topics of which Cursor says nothing.
	From From
	// Cursor is the text of the position to resume from; "" for none.
	Cursor    string
	Selection Selection
	Form      Form
	// CloseSlow has the stream end, instead of going on behind a gap, when the
	// client has fallen behind too far.
	CloseSlow bool
	Principal *access.Principal
	// Remote is the client's address, for those who run the service.
	Remote string
	// Valid is asked from time to time whether the client's credential still
	// holds; nil where there is none.
	Valid func() error
}

// Open begins a stream. The error is a *Bye where a later try may succeed, else
// ErrUnknownTopic, ErrTooMany or ctx's. The Feed must be closed.
func (h *Hub) Open(ctx context.Context, r Request) (*Feed, error) {
	if len(r.Topics) == 0 || len(r.Topics) > maxTopics {
		return nil, ErrTooMany
	}
	if err := h.enter(); err != nil {
		return nil, err
	}
	f := &Feed{
		hub: h, selection: r.Selection, form: r.Form, principal: r.Principal, valid: r.Valid,
		closeSlow: r.CloseSlow, budget: filter.NewBudget(), wake: make(chan struct{}, 1),
		about: about{remote: r.Remote, since: time.Now(), topics: r.Topics},
	}
	if err := f.open(ctx, r); err != nil {
		f.Close()
		return nil, err
	}
	h.mu.Lock()
	h.feeds[f] = struct{}{}
	h.mu.Unlock()
	return f, nil
}

func (f *Feed) open(ctx context.Context, r Request) error {
	var cursor Cursor
	if r.Cursor != "" {
		var err error
		if cursor, err = ParseCursor(r.Cursor); err != nil {
			f.gaps = append(f.gaps, Gap{Reason: BadCursor})
			r.From = Now
		}
	}
	partitions := 0
	for _, topic := range r.Topics {
		t, err := f.hub.acquire(ctx, topic)
		if err != nil {
			return err
		}
		c := newCourse(t, nil)
		f.courses = append(f.courses, c)
		if partitions += len(c.at); partitions > MaxPartitions {
			return ErrTooMany
		}
		if err := f.place(ctx, c, cursor, r.From); err != nil {
			return kafkaAway(ctx, err)
		}
	}
	if len(f.Cursor().String()) > MaxCursor {
		return ErrTooMany
	}
	return nil
}

// place finds out where a course begins.
func (f *Feed) place(ctx context.Context, c *course, cursor Cursor, from From) error {
	at, found, anew := cursor.find(c.tail.topic, c.id)
	switch {
	case found:
		return f.resume(ctx, c, at.Next)
	case anew:
		f.gaps = append(f.gaps, Gap{Topic: c.tail.topic, Reason: TopicRecreated})
		from = Earliest
	}
	next, err := from.resolve(ctx, c.tail)
	if err != nil {
		return err
	}
	c.at = next
	return nil
}

// resume begins where the client's cursor says, if that is in the log.
func (f *Feed) resume(ctx context.Context, c *course, next []int64) error {
	all := c.tail.ring.boundsOf()
	if len(next) > len(all) {
		// Another replica may have seen new partitions before this one.
		l, err := lookup(ctx, c.tail.client, c.tail.topic)
		if err != nil {
			return err
		}
		if len(next) > len(l.leaders) {
			f.gaps = append(f.gaps, Gap{Reason: BadCursor})
			return nil
		}
		c.tail.soon()
	}
	live, low := c.at, c.tail.ring.look(0, 0).low
	c.at = append([]int64(nil), next...)
	for p := range c.at {
		gone, err := f.outside(ctx, c, int32(p), all, live, low)
		if err != nil {
			return err
		}
		if gone == nil {
			continue
		}
		c.at[p] = *gone.To
		if f.selection.partition(*gone.Partition) {
			f.gaps = append(f.gaps, *gone)
		}
	}
	return nil
}

// outside returns the gap where a resumed position is not in the log, else nil.
func (f *Feed) outside(ctx context.Context, c *course, p int32, all []bounds, live, low []int64) (*Gap, error) {
	at := c.at[p]
	switch {
	case int(p) < len(all) && at < all[p].start && at < low[p]: // What the ring has is not lost.
		return new(partitionGap(c.tail.topic, p, at, all[p].start, Expired)), nil
	case int(p) < len(live) && at <= live[p]:
		return nil, nil
	}
	// Ahead of what this replica has read: it may be so, or never come.
	gone, err := c.tail.outOfRange(ctx, c.tail.client, p, at)
	if err != nil || gone == nil {
		return nil, err
	}
	return &gone.gap, nil
}

// kafkaAway returns what a client is told of a question that Kafka has not
// answered.
func kafkaAway(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errNoTopic) {
		return ErrUnknownTopic
	}
	return fmt.Errorf("%w: %w", &Bye{ByeKafkaAway}, errors.Join(kafka.ErrAway, err))
}
