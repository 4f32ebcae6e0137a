package stream_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sluice/internal/stream"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// bye waits until the stream ends, and returns why.
func (c *client) bye() string {
	c.Helper()
	err := <-c.ended
	c.ended <- err
	bye := (*stream.Bye)(nil)
	require.ErrorAs(c, err, &bye)
	require.Equal(c, bye.Reason, c.seen("bye").Data.Reason)
	return bye.Reason
}

func refused(t *testing.T, err error) string {
	t.Helper()
	bye := (*stream.Bye)(nil)
	require.ErrorAs(t, err, &bye)
	return bye.Reason
}

// Hundreds of clients that come back at once, with positions next to each other
// that the ring does not have, get all that they miss, and Kafka is read a few
// times.
func TestCatchUpsAreShared(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	w.produce("t", 1, 400)
	h := w.hub()
	id := w.watch(h, stream.Request{Topics: []string{"t"}}).seen("ready").ID
	at, err := stream.ParseCursor(id)
	require.NoError(t, err)
	fetches := 0
	var mu sync.Mutex
	w.kafka.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		if f, ok := r.(*kmsg.FetchRequest); ok && f.MaxWaitMillis == 0 {
			mu.Lock()
			defer mu.Unlock()
			fetches++
		}
		return nil, nil, false
	})
	const clients = 300
	var all []*client
	for i := range clients {
		at[0].Next[0] = int64((i * 7919) % clients)
		all = append(all, w.watch(h, stream.Request{Topics: []string{"t"}, Cursor: at.String()}))
	}
	for i, c := range all {
		from := int64((i * 7919) % clients)
		c.seen("caughtup")
		inOrder(t, c.records(400-int(from)), map[int32]int64{0: from})
	}
	mu.Lock()
	defer mu.Unlock()
	require.Positive(t, fetches)
	require.Less(t, fetches, 40, "for %d clients", clients)
}

// A client that has fallen behind by more than is allowed is told what it has
// missed, and goes on live; or its stream ends, if it has asked for that. One
// that replays is sent away, and goes on from where it was.
func TestReplaysAreLimited(t *testing.T) {
	w := newWorld(t)
	w.cfg.Ring, w.cfg.Replay.Bytes = 1<<20, 1<<20
	w.topic("t", 1)
	w.produce("t", 1, 100_000)
	h := w.hub()
	got := 0
	cursor, from := "", stream.Earliest
	for got < 100_000 {
		c := w.watch(h, stream.Request{Topics: []string{"t"}, From: from, Cursor: cursor})
		end := c.until(func(e []event) bool { return len(named(e, "bye"))+len(named(e, "caughtup")) > 0 })
		records := named(end, "message")
		require.NotEmpty(t, records)
		inOrder(t, records, map[int32]int64{0: int64(got)})
		got += len(records)
		cursor = c.lastID()
		if len(named(end, "bye")) > 0 {
			require.Equal(t, stream.ByeReplayLimit, c.bye())
		}
		c.close()
	}
}

// slowSink reads nothing until it may.
type slowSink struct {
	*client
	gate chan struct{}
}

func (s slowSink) Flush() error {
	<-s.gate
	return nil
}

func TestASlowClient(t *testing.T) {
	for name, closing := range map[string]bool{"a gap": false, "the end": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cfg.Ring, w.cfg.Replay.Bytes = 1<<20, 1<<20
			w.topic("t", 1)
			h := w.hub()
			feed, err := h.Open(t.Context(), stream.Request{Topics: []string{"t"}, Form: stream.Form{Format: stream.JSON}, CloseSlow: closing})
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			c := &client{world: w, cancel: cancel, ended: make(chan error, 1), wake: make(chan struct{}, 1)}
			s := slowSink{c, make(chan struct{}, 1)}
			go func() {
				err := feed.Run(ctx, s)
				feed.Close()
				c.ended <- err
			}()
			defer c.close()
			s.gate <- struct{}{}
			c.seen("caughtup")
			w.produce("t", 1, 100_000)
			other := w.watch(h, stream.Request{Topics: []string{"t"}, From: stream.Earliest})
			other.until(func(e []event) bool { return len(named(e, "message"))+len(named(e, "bye")) > 0 })
			close(s.gate)
			if closing {
				require.Equal(t, stream.ByeSlow, c.bye())
				return
			}
			gap := c.seen("gap").Data
			require.Equal(t, stream.Slow, gap.Reason)
			require.Positive(t, *gap.To-*gap.From)
			w.produce("t", 1, 1)
			// What came and what the gap says are all there is.
			got := c.until(func(e []event) bool {
				m := named(e, "message")
				return len(m) > 0 && m[len(m)-1].Data.Offset == 100_000
			})
			next := int64(0)
			for _, e := range got {
				switch e.Name {
				case "message":
					require.Equal(t, next, e.Data.Offset)
					next++
				case "gap":
					require.Equal(t, next, *e.Data.From)
					next = *e.Data.To
				}
			}
		})
	}
}

func TestRoom(t *testing.T) {
	w := newWorld(t)
	w.cfg.Clients = 2
	w.topic("t", 1)
	h := w.hub()
	a := w.watch(h, stream.Request{Topics: []string{"t"}})
	w.watch(h, stream.Request{Topics: []string{"t"}})
	_, err := w.open(h, stream.Request{Topics: []string{"t"}})
	require.Equal(t, stream.ByeOverload, refused(t, err))
	a.close()
	w.watch(h, stream.Request{Topics: []string{"t"}})
}

// The rings' memory is bounded in all: a topic that nobody has watched is
// refused when it is used up, and those that are watched go on.
func TestMemory(t *testing.T) {
	w := newWorld(t)
	w.cfg.Ring, w.cfg.Memory = 1<<20, 1<<20
	w.topic("t", 1)
	w.topic("u", 1)
	h := w.hub()
	c := w.watch(h, stream.Request{Topics: []string{"t"}})
	c.seen("ready")
	w.produce("t", 1, 50_000)
	inOrder(t, c.records(50_000), nil)
	require.Less(t, h.Stats().Topics[0].Bytes, 1<<20+200<<10)
	w.cfg.Memory = 1 << 10
	small := w.hub()
	d := w.watch(small, stream.Request{Topics: []string{"t"}, From: stream.Earliest})
	d.seen("ready")
	w.produce("t", 1, 10)
	inOrder(t, d.records(50_010), nil)
	_, err := w.open(small, stream.Request{Topics: []string{"u"}})
	require.Equal(t, stream.ByeOverload, refused(t, err))
}

func TestDrain(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 2)
	a, b := w.hub(), w.hub()
	var all []*client
	for range 20 {
		all = append(all, w.watch(a, stream.Request{Topics: []string{"t"}}))
	}
	for _, c := range all {
		c.seen("caughtup")
	}
	w.produce("t", 2, 10)
	drained := make(chan error)
	go func() { drained <- a.Drain(t.Context()) }()
	for _, c := range all {
		require.Equal(t, stream.ByeDrain, c.bye())
		got := named(c.until(func([]event) bool { return true }), "message")
		again := w.watch(b, stream.Request{Topics: []string{"t"}, Cursor: c.lastID()})
		inOrder(t, append(got, again.records(20-len(got))...), nil)
	}
	require.NoError(t, <-drained)
	_, err := w.open(a, stream.Request{Topics: []string{"t"}})
	require.Equal(t, stream.ByeDrain, refused(t, err))
}

func TestKafkaIsAway(t *testing.T) {
	w := newWorld(t, kfake.SleepOutOfOrder())
	w.topic("t", 1)
	h := w.hub()
	w.kafka.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		return nil, errors.New("away"), true
	})
	_, err := w.open(h, stream.Request{Topics: []string{"t"}})
	require.Equal(t, stream.ByeKafkaAway, refused(t, err))
}

func TestUnknownTopics(t *testing.T) {
	w := newWorld(t)
	h := w.hub()
	_, err := w.open(h, stream.Request{Topics: []string{"nope"}})
	require.ErrorIs(t, err, stream.ErrUnknownTopic)
	w.topic("nope", 1)
	w.watch(h, stream.Request{Topics: []string{"nope"}}).seen("ready")
	_, err = w.open(h, stream.Request{})
	require.ErrorIs(t, err, stream.ErrTooMany)
	w.topic("wide", stream.MaxPartitions+1)
	_, err = w.open(h, stream.Request{Topics: []string{"wide"}})
	require.ErrorIs(t, err, stream.ErrTooMany)
}

func TestTheCredentialEnds(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	h := w.hub()
	c := w.watch(h, stream.Request{Topics: []string{"t"}, Valid: func() error { return errors.New("revoked") }})
	require.Equal(t, stream.ByeAuth, c.bye())
}

// Several topics in one stream have one cursor, which resumes all of them.
func TestSeveralTopics(t *testing.T) {
	w := newWorld(t)
	w.topic("a", 2)
	w.topic("b", 3)
	h := w.hub()
	both := []string{"a", "b"}
	c := w.watch(h, stream.Request{Topics: both})
	c.seen("caughtup")
	w.produce("a", 2, 10)
	w.produce("b", 3, 10)
	got := c.until(func(e []event) bool { return len(named(e, "message")) == 50 })
	count := map[string]map[int32]int64{"a": {}, "b": {}}
	for i, e := range got {
		if e.Name != "message" {
			continue
		}
		next := count[e.Data.Topic]
		require.Equal(t, next[e.Data.Partition], e.Data.Offset)
		next[e.Data.Partition]++
		if i%9 == 0 {
			again := w.watch(w.hub(), stream.Request{Topics: both, Cursor: e.ID})
			again.seen("caughtup")
			left := int64(50)
			for _, parts := range count {
				for _, n := range parts {
					left -= n
				}
			}
			require.Len(t, named(again.until(func([]event) bool { return true }), "message"), int(left), fmt.Sprint(count))
			again.close()
		}
	}
	// A topic that the cursor does not know begins at from.
	w.topic("c", 1)
	w.produce("c", 1, 3)
	more := w.watch(h, stream.Request{Topics: []string{"a", "b", "c"}, Cursor: c.lastID(), From: stream.Earliest})
	for _, e := range more.records(3) {
		require.Equal(t, "c", e.Data.Topic)
	}
}

func TestSelections(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 3)
	h := w.hub()
	one := int32(1)
	live := w.watch(h, stream.Request{Topics: []string{"t"}, Selection: stream.Selection{Partition: &one, Key: []byte("k3")}})
	live.seen("caughtup")
	w.produce("t", 3, 100)
	replay := w.watch(h, stream.Request{Topics: []string{"t"}, From: stream.Earliest, Selection: stream.Selection{Partition: &one, Key: []byte("k3")}})
	for _, c := range []*client{live, replay} {
		for i, e := range c.records(10) {
			require.Equal(t, []any{int32(1), int64(10*i + 3), "k3"}, []any{e.Data.Partition, e.Data.Offset, e.Data.Key})
		}
	}
}

func TestSince(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 2)
	w.produce("t", 2, 10)
	h := w.hub()
	w.watch(h, stream.Request{Topics: []string{"t"}}).seen("ready")
	all := w.watch(h, stream.Request{Topics: []string{"t"}, From: stream.Since(time.Now().Add(-time.Hour))})
	inOrder(t, all.records(20), nil)
	none := w.watch(h, stream.Request{Topics: []string{"t"}, From: stream.Since(time.Now().Add(time.Hour))})
	none.seen("caughtup")
	require.Empty(t, named(none.until(func([]event) bool { return true }), "message"))
	before := w.watch(h, stream.Request{Topics: []string{"t"}, From: stream.Since(time.Unix(-1, 0))})
	inOrder(t, before.records(20), nil)
}

func TestParseFrom(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]stream.From{
		"": stream.Now, "now": stream.Now, "earliest": stream.Earliest,
		"-15m": stream.Since(now.Add(-15 * time.Minute)), "2026-01-01T00:00:00Z": stream.Since(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
	} {
		got, err := stream.ParseFrom(text, now)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"latest", "15m", "-", "--5m", "-5", "5", "2026-01-01", "NOW", "-15m ", "\x00"} {
		_, err := stream.ParseFrom(text, now)
		require.Error(t, err, text)
	}
}

// stuckSink waits in a write until it is cut off, as a client does that does
// not read.
type stuckSink struct {
	*client
	cut chan struct{}
}

func (s stuckSink) Flush() error {
	<-s.cut
	return errors.New("cut off")
}

func (s stuckSink) Cut() { close(s.cut) }

// A client that does not read does not hold up the end.
func TestADrainCutsOffWhoDoesNotRead(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	h := w.hub()
	feed, err := h.Open(t.Context(), stream.Request{Topics: []string{"t"}, Form: stream.Form{Format: stream.JSON}})
	require.NoError(t, err)
	c := &client{world: w, hub: h, cancel: func() {}, ended: make(chan error, 1), wake: make(chan struct{}, 1)}
	go func() {
		err := feed.Run(t.Context(), stuckSink{c, make(chan struct{})})
		feed.Close()
		c.ended <- err
	}()
	c.seen("ready")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.NoError(t, h.Drain(ctx))
	c.close()
}
