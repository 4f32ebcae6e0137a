//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/stream"
	"sluice/test/harm"
)

// client watches, breaks its connections at random bytes, and resumes on
// another replica from the id of the last event that it has got whole.
type client struct {
	*story
	clock    harm.Clock
	random   *rand.Rand
	replicas []string // host:port
	calm     bool     // it does not break connections by itself
	hasty    bool     // it does so sooner
	first    string   // from
	cuts     *atomic.Int64

	at     int    // the replica
	cursor string // the last event ID
	// next is where it is in each partition, to know when it has got all.
	mu     sync.Mutex
	next   map[line]int64
	caught int // how often it was told that it has caught up
	// goal is where it has to get to, by partition. It is set before finish is
	// closed.
	goal map[line]int64
	// leave, where there is one, is closed when it has to break the connection
	// that it has, and to stay away until back is closed.
	leave, back <-chan struct{}
	away        *atomic.Int64 // how many do
}

// mood is how a connection is treated.
type mood struct {
	bytes int64         // after which it is broken; 0 for never
	time  time.Duration // after which it is broken; 0 for never
	pause time.Duration // between reads
	away  time.Duration // before it
}

func (c *client) mood() mood {
	if c.calm {
		return mood{}
	}
	r := c.random
	var m mood
	switch r.IntN(10) {
	case 0: // In the first lines.
		m.bytes = 1 + r.Int64N(400)
	case 1, 2, 3, 4:
		m.bytes = 1 + r.Int64N(20_000)
	case 5, 6:
		m.bytes = 1 + r.Int64N(1_000_000)
	case 7: // Slow, for a while.
		m.pause = time.Duration(r.IntN(200)) * time.Millisecond
		m.time = time.Duration(1+r.IntN(15)) * time.Second
	default:
		m.time = time.Duration(1+r.IntN(20)) * time.Second
	}
	switch r.IntN(10) {
	case 0: // For so long that the ring has passed.
		m.away = time.Duration(5+r.IntN(20)) * time.Second
	case 1, 2, 3:
		m.away = time.Duration(r.IntN(2000)) * time.Millisecond
	}
	if c.hasty {
		m.bytes /= 4
		m.time /= 8
		m.away /= 4
	}
	return m
}

// run watches until ctx ends. When finish is closed it stays where it is and
// breaks nothing any more; when it has reached its goal it returns.
func (c *client) run(ctx context.Context, finish <-chan struct{}) {
	for ctx.Err() == nil {
		m := c.mood()
		select {
		case <-finish:
			if c.reached(c.goal) {
				return
			}
			m = mood{}
		default:
		}
		select {
		case <-ctx.Done():
			return
		case <-finish:
		case <-time.After(m.away):
		}
		c.stayAway(ctx)
		if len(c.replicas) > 1 {
			c.at = (c.at + 1 + c.random.IntN(len(c.replicas)-1)) % len(c.replicas)
		}
		if !c.connect(ctx, m, finish) {
			c.refused++
			harm.Sleep(ctx, 50*time.Millisecond)
		}
	}
}

// stayAway waits where everybody was told to leave.
func (c *client) stayAway(ctx context.Context) {
	select {
	case <-c.leave: // Never where there is none.
	default:
		return
	}
	c.away.Add(1)
	select {
	case <-ctx.Done():
	case <-c.back:
	}
	c.leave = nil
}

// reached reports whether the client has got all up to the ends.
func (c *client) reached(ends map[line]int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for l, end := range ends {
		if c.next[l] < end {
			return false
		}
	}
	return true
}

// connect has one connection, and reports whether it came about.
func (c *client) connect(ctx context.Context, m mood, finish <-chan struct{}) bool {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if m.time > 0 {
		time.AfterFunc(m.time, func() { cancel(errCut) })
	}
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	watch.Go(func() { c.end(ctx, cancel, m, finish) })

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address(), nil)
	if err != nil {
		return false
	}
	if c.cursor != "" {
		req.Header.Set("Last-Event-Id", c.cursor)
	}
	// A connection of its own, as that of a browser that comes back; a frozen
	// replica takes it and says nothing.
	transport := &http.Transport{
		DisableKeepAlives: true, ResponseHeaderTimeout: 10 * time.Second,
		DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }() // It was read from, and is left.
	n := &conn{}
	cut := c.read(&body{in: resp.Body, left: m.bytes, pause: m.pause, idle: time.AfterFunc(quiet, func() { cancel(errQuiet) })}, resp, n)
	c.conns = append(c.conns, *n)
	switch {
	case cut, errors.Is(context.Cause(ctx), errCut):
		c.cut++
		c.cuts.Add(1)
	case errors.Is(context.Cause(ctx), errQuiet):
		c.refused++
	default:
		c.ended++
	}
	return true
}

// quiet is after how long without a byte a client gives a connection up: more
// than a heartbeat takes to come.
const quiet = 20 * time.Second

var (
	errCut   = errors.New("broken by the client")
	errQuiet = errors.New("nothing came for long")
)

// end breaks a connection that was calm until now when all was seen, or when
// the client has to leave.
func (c *client) end(ctx context.Context, cancel context.CancelCauseFunc, m mood, finish <-chan struct{}) {
	select {
	case <-ctx.Done():
		return
	case <-c.leave:
		cancel(errCut)
		return
	case <-finish:
	}
	if m != (mood{}) && !c.calm {
		cancel(errCut)
		return
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if c.reached(c.goal) {
				cancel(nil)
				return
			}
		}
	}
}

func (c *client) address() string {
	q := url.Values{}
	if c.cursor == "" {
		q.Set("from", c.first)
	}
	if c.selection.partition >= 0 {
		q.Set("partition", strconv.Itoa(int(c.selection.partition)))
	}
	if c.selection.key != "" {
		q.Set("key", c.selection.key)
	}
	path := "/events"
	if len(c.selection.topics) == 1 {
		path = "/topics/" + c.selection.topics[0] + "/events"
	} else {
		q["topic"] = c.selection.topics
	}
	return "http://" + c.replicas[c.at] + path + "?" + q.Encode()
}

// body reads what comes, up to the byte at which it is broken.
type body struct {
	in    io.Reader
	left  int64 // 0 for no end
	pause time.Duration
	idle  *time.Timer
	read  int64
	cut   bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.cut {
		return 0, errCut
	}
	if b.pause > 0 {
		time.Sleep(b.pause)
	}
	if b.left > 0 && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.in.Read(p)
	b.read += int64(n)
	b.idle.Reset(quiet)
	if b.left > 0 {
		if b.left -= int64(n); b.left == 0 {
			b.cut = true
		}
	}
	return n, err
}

// read takes events until there are no more, and reports whether the client has
// broken the connection.
func (c *client) read(b *body, resp *http.Response, n *conn) bool {
	defer b.idle.Stop()
	bad := func(format string, args ...any) { n.wrong = append(n.wrong, fmt.Sprintf(format, args...)) }
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500)) // What has come says enough.
		bad("status %d: %s", resp.StatusCode, text)
		return false
	}
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		bad("Content-Type %q", got)
	}
	in := newEventReader(b, c.cursor)
	for number := 0; ; number++ {
		e, err := in.next()
		if err != nil {
			c.bytes += b.read
			return b.cut
		}
		c.events++
		if e.id != c.cursor {
			if _, err := stream.ParseCursor(e.id); err != nil {
				bad("the id %q is no cursor", e.id)
			}
		}
		if number == 0 && e.name != "ready" && e.name != "bye" {
			bad("it begins with %s", e.name)
		}
		if err := c.take(e, n); err != nil {
			bad("%s %.200q: %v", e.name, e.data, err)
		}
		c.cursor = e.id
	}
}

// take remembers an event.
func (c *client) take(e event, n *conn) error {
	var what struct {
		Topic     string
		Partition int32
		Offset    int64
		Value     struct{ N int64 }
		From, To  int64
		Reason    string
	}
	if err := json.Unmarshal([]byte(e.data), &what); err != nil {
		return err
	}
	at := place{what.Topic, what.Partition, what.Offset}
	switch e.name {
	case "message":
		// The topics' names are two, and not one for each record.
		at.topic = c.topic(at.topic)
		n.seen = append(n.seen, sight{place: at, number: what.Value.N})
		c.advance(at, at.offset+1)
	case "gap":
		at.offset, at.topic = what.From, c.topic(at.topic)
		n.seen = append(n.seen, sight{place: at, gap: &gapTold{c.clock.Passed(), what.To, what.Reason}})
		c.advance(at, what.To)
	case "ready":
		if c.start == nil {
			return c.begin(e.id)
		}
	case "stalled":
		c.stalls++
	case "caughtup":
		c.mu.Lock()
		c.caught++
		c.mu.Unlock()
	case "bye":
		c.byes[what.Reason]++
	case "position":
	default:
		return errors.New("is no event of a stream")
	}
	return nil
}

// begin notes where the client's first stream begins. The cursor has the topics
// in the order of their names.
func (c *client) begin(id string) error {
	cursor, err := stream.ParseCursor(id)
	if err != nil || len(cursor) != len(c.selection.topics) {
		return fmt.Errorf("the id %q is not a cursor of %d topics", id, len(c.selection.topics))
	}
	c.start = map[string][]int64{}
	for i, topic := range c.selection.topics {
		c.start[topic] = cursor[i].Next
		for p, next := range cursor[i].Next {
			c.advance(place{topic, int32(p), 0}, next)
		}
	}
	return nil
}

func (c *client) topic(name string) string {
	for _, topic := range c.selection.topics {
		if topic == name {
			return topic
		}
	}
	return name
}

func (c *client) advance(at place, next int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := line{at.topic, at.partition}
	c.next[l] = max(c.next[l], next)
}
