package stream

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"sluice/internal/access"
	"sluice/internal/stream/filter"
)

// Sink takes what a feed has to say. Its methods are called by one goroutine,
// one after the other. An error ends the feed.
type Sink interface {
	// Frames takes the frames of several records, and where each of them ends.
	// Neither may be changed or kept.
	Frames(all []byte, ends []int) error
	// Frame takes one frame in two pieces.
	Frame(head, body []byte) error
	// Event takes what is not a record: its name, the id of the position
	// behind it ("" for none) and its data, which is JSON on one line.
	Event(name, id string, data []byte) error
	// Beat takes a sign of life.
	Beat() error
	// Flush has everything sent that was taken.
	Flush() error
	// Cut makes what waits for the client fail, and all that follows. It may be
	// called at any time from any goroutine.
	Cut()
}

const (
	// beatEvery is how often a client hears something at least.
	beatEvery = 15 * time.Second
	// pulse is how often a feed looks after what does not wake it.
	pulse = 5 * time.Second
)

// Feed is one client's stream of one or several topics. It is made by Open, run
// once, and closed.
type Feed struct {
	hub       *Hub
	courses   []*course
	selection Selection
	form      Form
	principal *access.Principal
	valid     func() error
	closeSlow bool
	budget    *filter.Budget

	about about

	gaps []Gap // to tell at the beginning
	sink Sink
	wake chan struct{}
	head []byte // of a frame, to be used again
	turn uint

	position Cursor // to be used again

	live     bool // it has caught up
	late     bool // it was live before it fell behind
	replays  bool // it is counted as one that replays
	replayed replay
}

// Gaps returns what of the client's position could not be resumed: the stream
// begins with these gaps.
func (f *Feed) Gaps() []Gap { return f.gaps }

// Cursor returns where the feed is. It is good until the feed goes on.
func (f *Feed) Cursor() Cursor {
	f.position = f.position[:0]
	for _, c := range f.courses {
		f.position = append(f.position, TopicCursor{ID: c.id, name: c.name, Next: c.at})
	}
	return f.position
}

// Close gives back what the feed holds.
func (f *Feed) Close() {
	f.leaveReplays()
	for _, c := range f.courses {
		c.tail.ring.unwatch(f.wake)
		f.hub.release(c.tail)
	}
	f.hub.left(f)
}

// Run feeds the sink until ctx ends, the sink fails, or the stream has to end:
// then the error is a *Bye, which the sink has been told.
func (f *Feed) Run(ctx context.Context, sink Sink) error {
	f.sink = sink
	f.about.sink.Store(&sink)
	err := f.run(ctx)
	if bye := (*Bye)(nil); errors.As(err, &bye) {
		f.hub.metrics.byes.WithLabelValues(bye.Reason).Inc()
		if e := sink.Event("bye", f.Cursor().String(), encode(bye)); e != nil {
			return e
		}
		if e := sink.Flush(); e != nil {
			return e
		}
	}
	return err
}

func (f *Feed) run(ctx context.Context) error {
	for _, c := range f.courses {
		c.tail.ring.watch(f.wake)
	}
	if err := f.begin(); err != nil {
		return err
	}
	due := &duties{pulse: time.NewTicker(pulse), beat: time.Now().Add(beatEvery), draining: f.hub.draining}
	defer due.pulse.Stop()
	for {
		more, again, err := f.steps(ctx)
		if err == nil {
			err = f.sink.Flush()
		}
		if err == nil {
			err = f.attend(ctx, due, more, again)
		}
		if err != nil {
			return err
		}
	}
}

// duties are what a feed has to do beside sending records.
type duties struct {
	pulse    *time.Ticker
	beat     time.Time // when the client is to hear something
	draining <-chan struct{}
	leave    <-chan time.Time
	again    <-chan time.Time // when Kafka is asked again
}

// attend does what is due. Where there is no more to send it waits until there
// may be, again meaning that Kafka is asked again in a moment.
func (f *Feed) attend(ctx context.Context, due *duties, more, again bool) error {
	// What has come due goes before more records.
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-due.leave:
		return &Bye{ByeDrain}
	case <-due.draining:
		due.leave, due.draining = f.hub.goodbye(), nil
		return nil
	case now := <-due.pulse.C:
		return f.look(due, now)
	default:
	}
	if more {
		return nil
	}
	if again && due.again == nil {
		due.again = time.After(patience)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-due.leave:
		return &Bye{ByeDrain}
	case <-due.draining:
		due.leave, due.draining = f.hub.goodbye(), nil
	case now := <-due.pulse.C:
		return f.look(due, now)
	case <-due.again:
		due.again = nil
	case <-f.wake:
	}
	return nil
}

// look looks after what does not wake a feed.
func (f *Feed) look(due *duties, now time.Time) error {
	if f.valid != nil && f.valid() != nil {
		return &Bye{ByeAuth}
	}
	f.measure()
	if err := f.stalls(); err != nil {
		return err
	}
	if now.Before(due.beat) {
		return nil
	}
	due.beat = now.Add(beatEvery)
	return f.beat()
}

// begin says where the stream begins, and what is missing before that. The
// position lies behind the gaps, so only the last of them has its id: a client
// that is cut off before it comes again with what it had, and is told again.
func (f *Feed) begin() error {
	if len(f.gaps) == 0 {
		return f.event("ready", struct{}{})
	}
	if err := f.sink.Event("ready", "", encode(struct{}{})); err != nil {
		return err
	}
	last := len(f.gaps) - 1
	for _, gap := range f.gaps[:last] {
		f.hub.metrics.gap(gap.Reason)
		if err := f.sink.Event("gap", "", encode(gap)); err != nil {
			return err
		}
	}
	return f.gap(f.gaps[last])
}

// steps lets each topic have its turn. It reports whether there is more to
// send, and whether Kafka has to be asked again in a moment.
func (f *Feed) steps(ctx context.Context) (more, wait bool, err error) {
	caughtUp := true
	for _, c := range f.courses {
		progress, err := f.step(ctx, c)
		switch {
		case errors.Is(err, errAgain):
			wait = true
		case err != nil:
			return false, false, err
		}
		more = more || progress
		caughtUp = caughtUp && c.merged && c.caughtUp()
	}
	if caughtUp && !f.live {
		f.live = true
		return more, wait, f.event("caughtup", struct{}{})
	}
	return more, wait, nil
}

// one sends the frame of a record, with an id where one is due.
func (f *Feed) one(c *course, body []byte, last bool) error {
	cursor := f.Cursor()
	f.head = appendHead(f.head[:0], f.form.Format, cursor, last)
	c.tell()
	f.sent(1, len(f.head)+len(body))
	return f.sink.Frame(f.head, body)
}

// event sends an event with the id of the position.
func (f *Feed) event(name string, data any) error {
	for _, c := range f.courses {
		c.tell()
	}
	return f.sink.Event(name, f.Cursor().String(), encode(data))
}

func (f *Feed) gap(gap Gap) error {
	f.hub.metrics.gap(gap.Reason)
	return f.event("gap", gap)
}

// beat sends the position, if it is another one than the client knows, or a
// sign of life.
func (f *Feed) beat() error {
	moved := false
	for _, c := range f.courses {
		moved = moved || c.moved()
	}
	if moved {
		return f.event("position", struct{}{})
	}
	return f.sink.Beat()
}

// stalls tells of partitions that stand still behind an open transaction, once
// each time.
func (f *Feed) stalls() error {
	for _, c := range f.courses {
		for p, b := range c.tail.ring.boundsOf() {
			p := int32(p)
			if !b.stalled {
				delete(c.stalled, p)
				continue
			}
			if c.stalled[p] || !f.selection.partition(p) {
				continue
			}
			if c.stalled == nil {
				c.stalled = map[int32]bool{}
			}
			c.stalled[p] = true
			if err := f.event("stalled", Stall{c.tail.topic, p, b.stable, b.high}); err != nil {
				return err
			}
		}
	}
	return nil
}

// within returns a moment within a time, at random.
func within(d time.Duration) <-chan time.Time {
	return time.After(time.Duration(rand.Int64N(int64(max(d, 1))))) //nolint:gosec // G404: it spreads, and hides nothing.
}
