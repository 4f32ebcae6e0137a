package stream

import (
	"context"
	"errors"
	"slices"
	"time"

	"sluice/record"
)

// course is the way of one client through one topic.
//
// A course is merged when it is where the ring is: everything from batch seq on
// is sent as it lies there, with ids that are the same for all. Before that it
// is somewhere else in at least one partition: where that is before the ring,
// it reads blocks; then it goes through the ring and leaves out what it has.
type course struct {
	tail *watched
	name [4]byte // for cursors
	id   record.TopicID
	era  uint64

	merged  bool
	located bool   // seq is the place of a course that is not merged
	seq     uint64 // the next batch of the ring
	at      []int64
	own     bool // at may be changed: it is not the ring's

	// told is the last position of which the client has the id; it may lie in
	// toldIn.
	told, toldIn []int64
	// target is what has to be reached to have caught up.
	target []int64
	// over is set when the client was told that the topic is deleted.
	over bool
	// stalled are the partitions of which the client was told that they stand
	// still.
	stalled map[int32]bool
}

// newCourse begins at a position; nil is where the ring ends now.
func newCourse(t *watched, at []int64) *course {
	v := t.ring.look(0, 0)
	c := &course{tail: t, name: nameHash(t.topic), id: v.id, era: v.era, own: true}
	for _, b := range t.ring.boundsOf() {
		c.target = append(c.target, b.stable)
	}
	if at == nil {
		at = slices.Clone(v.next)
	}
	c.at = at
	return c
}

// caughtUp reports whether the course has come to where the topic ended when it
// began or last fell behind.
func (c *course) caughtUp() bool {
	if len(c.at) < len(c.target) {
		return false
	}
	for p, target := range c.target {
		if c.at[p] < target {
			return false
		}
	}
	return true
}

// moved reports whether the position is another one than that of the last id.
func (c *course) moved() bool { return !slices.Equal(c.at, c.told) }

// tell remembers that the client gets the id of the position.
func (c *course) tell() {
	c.toldIn = append(c.toldIn[:0], c.at...)
	c.told = c.toldIn
}

// leave makes the position the course's own, so that it can go ways of its own.
func (c *course) leave() {
	if !c.own {
		c.at, c.own = slices.Clone(c.at), true
	}
	c.merged, c.located = false, false
}

// join puts the course where the ring is.
func (c *course) join(at []int64) { c.at, c.own, c.merged = at, false, true }

// burst is how many batches a course sends at most before others of the same
// client have their turn.
const burst = 8

// step sends what there is to send next, and reports whether there was
// something. It waits for Kafka for a short time at most; errAgain says that
// there is more to come, but not now.
func (f *Feed) step(ctx context.Context, c *course) (bool, error) {
	v := c.tail.ring.look(c.seq, burst)
	switch {
	case v.era != c.era:
		return true, f.renew(c, v)
	case v.gone && !c.over:
		c.over = true
		return true, f.gap(Gap{Topic: c.tail.topic, Reason: TopicDeleted})
	case c.merged && c.seq < v.first:
		c.leave()
		return true, nil
	case c.merged:
		return f.follow(c, v)
	}
	f.grow(c, v)
	if p := f.behind(c, v); p >= 0 {
		return f.catchUp(ctx, c, p)
	}
	if !c.located || c.seq < v.first {
		c.seq, c.located = c.tail.ring.locate(c.at), true
		f.replayed = replay{}
		f.leaveReplays()
		return true, nil
	}
	return f.weave(c, v)
}

// renew begins with a topic that was made anew, from its beginning.
func (f *Feed) renew(c *course, v view) error {
	c.leave()
	c.id, c.era, c.over = v.id, v.era, false
	c.at, c.target = nil, nil
	for _, b := range c.tail.ring.boundsOf() {
		c.at = append(c.at, b.start)
		c.target = append(c.target, b.stable)
	}
	return f.gap(Gap{Topic: c.tail.topic, Reason: TopicRecreated})
}

// grow adds partitions that the course has not seen: they were made later, and
// begin with their first offset, although it may be deleted by now. Those that
// the client does not want are wherever the ring is.
func (f *Feed) grow(c *course, v view) {
	for len(c.at) < len(v.next) {
		c.at = append(c.at, 0)
	}
	for p := range v.low {
		if !f.selection.partition(int32(p)) {
			c.at[p] = max(c.at[p], v.low[p])
		}
	}
}

// behind returns a partition in which the course is before the ring, or -1.
func (f *Feed) behind(c *course, v view) int32 {
	for i := range v.low {
		// Each in its turn, so that none has to wait for all of another.
		p := (i + int(f.turn)) % len(v.low)
		if c.at[p] < v.low[p] {
			f.turn++
			return int32(p) //nolint:gosec // G115: a count of partitions fits.
		}
	}
	return -1
}

// errAgain means that Kafka has to be asked again in a moment.
var errAgain = errors.New("not now")

// readPatience is how long a client waits for a block before it does what else
// there is to do.
const readPatience = 3 * time.Second

// catchUp sends records that are not in the ring any more.
func (f *Feed) catchUp(ctx context.Context, c *course, p int32) (bool, error) {
	if err := f.enterReplays(c); err != nil {
		return true, err
	}
	if !f.budget.Spend(0) {
		return false, errAgain
	}
	short, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	x, err := f.hub.blocks.read(short, c.tail.tail, blockOf{c.tail.topic, c.id, p}, c.at[p])
	if gone := (*outside)(nil); errors.As(err, &gone) {
		from := c.at[p]
		c.at[p] = *gone.gap.To
		return true, f.gap(partitionGap(c.tail.topic, p, from, c.at[p], gone.gap.Reason))
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil || x.next <= c.at[p] {
		return false, errAgain
	}
	frames := x.batch.encoded(f.form)
	sent := 0
	for i := range x.batch.records {
		r := &x.batch.records[i]
		if r.offset < c.at[p] {
			continue
		}
		last := i == len(x.batch.records)-1
		c.at[p] = r.offset + 1
		if last {
			c.at[p] = x.next
		}
		wanted, more := f.chooseOne(r)
		if wanted {
			body := frames.bodyOf(i)
			sent += len(body)
			if err := f.one(c, body, last || !more); err != nil {
				return true, err
			}
		}
		if !more {
			return true, f.spendReplay(c, sent)
		}
	}
	c.at[p] = max(c.at[p], x.next)
	return true, f.spendReplay(c, sent)
}

// weave goes through the ring and sends what the client does not have.
func (f *Feed) weave(c *course, v view) (bool, error) {
	for _, b := range v.batches {
		if err := f.part(c, b); err != nil {
			return true, err
		}
		for p, after := range b.after {
			c.at[p] = max(c.at[p], after)
		}
		c.seq++
		if slices.Equal(c.at, b.after) {
			c.join(b.after)
			return true, nil
		}
	}
	if len(v.batches) == 0 {
		for p, next := range v.next {
			c.at[p] = max(c.at[p], next)
		}
		if slices.Equal(c.at, v.next) {
			c.join(v.next)
			return true, nil
		}
	}
	return len(v.batches) > 0, nil
}

// part sends of a batch what the client does not have.
func (f *Feed) part(c *course, b *batch) error {
	if b.gap != nil {
		p := *b.gap.Partition
		from := max(c.at[p], *b.gap.From)
		if c.at[p] >= *b.gap.To && b.gap.Reason != Truncated {
			return nil
		}
		c.at[p] = *b.gap.To
		if !f.selection.partition(p) {
			return nil
		}
		return f.gap(partitionGap(c.tail.topic, p, from, *b.gap.To, b.gap.Reason))
	}
	frames := b.encoded(f.form)
	chosen, err := f.choose(b)
	if err != nil {
		return err
	}
	for i := range b.records {
		r := &b.records[i]
		if r.offset < c.at[r.partition] {
			continue
		}
		c.at[r.partition] = r.offset + 1
		if chosen(i) {
			if err := f.one(c, frames.bodyOf(i), i == len(b.records)-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow sends the batches of the ring as they are.
func (f *Feed) follow(c *course, v view) (bool, error) {
	for _, b := range v.batches {
		if err := f.batch(c, b); err != nil {
			return true, err
		}
		c.at = b.after
		c.seq++
	}
	if len(v.batches) == 0 {
		c.at = v.next
	}
	return len(v.batches) > 0, nil
}

// batch sends a batch to a client that is where the ring is.
func (f *Feed) batch(c *course, b *batch) error {
	if b.gap != nil {
		c.at = b.after
		if f.selection.partition(*b.gap.Partition) {
			return f.gap(*b.gap)
		}
		return nil
	}
	frames := b.encoded(f.form)
	if f.selection.all() && len(f.courses) == 1 {
		c.told = b.after
		f.sent(len(b.records), len(frames.bytes))
		return f.sink.Frames(frames.whole())
	}
	chosen, err := f.choose(b)
	if err != nil {
		return err
	}
	if len(f.courses) == 1 {
		for i := range b.records {
			if chosen(i) {
				f.sent(1, len(frames.of(i)))
				if err := f.sink.Frame(nil, frames.of(i)); err != nil {
					return err
				}
			}
		}
		if n := len(b.records); n > 0 && chosen(n-1) {
			c.told = b.after
		}
		return nil
	}
	c.at = slices.Clone(c.at)
	for i := range b.records {
		r := &b.records[i]
		c.at[r.partition] = r.offset + 1
		if chosen(i) {
			if err := f.one(c, frames.bodyOf(i), i == len(b.records)-1); err != nil {
				return err
			}
		}
	}
	return nil
}
