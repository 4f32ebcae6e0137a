package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"time"

	"sluice/internal/access"
	"sluice/internal/stream/filter"
)

const (
	// MaxPage is how many records a page has at most.
	MaxPage = 1000
	// pageScan, pageTime and pageBytes are what a page looks at, how long it
	// takes, and how large it grows, until it answers with what it has.
	pageScan  = 10_000
	pageTime  = time.Second
	pageBytes = 1 << 20
	// pageFilter is how much of its time may be its filter's: who asks page
	// after page should not take a whole processor.
	pageFilter = 250 * time.Millisecond
	// pageShare is how many records a partition gives at least in its turn: each
	// of them may be a question to Kafka.
	pageShare = 10
)

// ErrBadCursor means that a text is not a cursor.
var ErrBadCursor = errBadCursor

// ErrNoPartition means that the topic has no such partition.
var ErrNoPartition = errors.New("the topic has no such partition")

// ErrNoOffset means that a partition has not come to an offset yet.
var ErrNoOffset = errors.New("the partition has not come to this offset")

// GoneError is the error of a page whose records are not there any more. Next is the
// cursor behind what is missing.
type GoneError struct {
	Gaps []Gap
	Next string
}

func (g *GoneError) Error() string {
	return "the records are not there any more: " + g.Gaps[0].String()
}

// PageRequest is what a page of a topic is made of.
type PageRequest struct {
	Topic string
	// From is where the page begins without a cursor, and FromOffset, where
	// set, the offset in the selection's partition, which must be set then.
	From       From
	FromOffset *int64
	Cursor     string
	// To and ToOffset, where set, are where pages end: before the first record
	// of each partition that has this timestamp or a later one, and before an
	// offset of the selection's partition.
	To       *From
	ToOffset *int64
	// Limit is how many records it has at most, 1 to MaxPage.
	Limit     int
	Selection Selection
	Values    Values
	Principal *access.Principal
}

// Page is a run of records. Those of a partition are in their order.
type Page struct {
	// Records are JSON objects, and Ends where each of them ends.
	Records []byte
	Ends    []int
	// Next is the cursor behind all that was looked at.
	Next string
	// End is set when all that is committed, or all before the request's end,
	// was looked at.
	End bool
}

// Page reads records from Kafka, together with the clients that catch up. The
// error is a *GoneError, ErrBadCursor, ErrNoPartition, ErrNoOffset, or one of those
// of Open.
func (h *Hub) Page(ctx context.Context, r PageRequest) (*Page, error) {
	f, err := h.Open(ctx, Request{
		Topics: []string{r.Topic}, From: r.From, Cursor: r.Cursor, Selection: r.Selection, Principal: r.Principal,
	})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := f.courses[0]
	if slices.ContainsFunc(f.gaps, func(g Gap) bool { return g.Reason == BadCursor }) {
		return nil, ErrBadCursor
	}
	if len(f.gaps) > 0 {
		return nil, &GoneError{f.gaps, f.Cursor().String()}
	}
	if err := f.enterReplays(c); err != nil {
		return nil, err
	}
	p := &paging{feed: f, course: c, request: r}
	if err := p.bound(ctx); err != nil {
		return nil, err
	}
	p.until = time.Now().Add(pageTime)
	if err := p.run(ctx); err != nil {
		return nil, err
	}
	p.page.Next = f.Cursor().String()
	return &p.page, nil
}

// paging is the making of a page.
type paging struct {
	feed    *Feed
	course  *course
	request PageRequest
	page    Page

	limits  []int64 // by partition, where it ends at the latest
	ends    []int64 // by partition, where it ends now
	until   time.Time
	scanned int
	judging time.Duration // what the filters have taken
	cut     bool          // something is missing before the next record
}

// bound finds out where the page begins and ends in each partition.
func (p *paging) bound(ctx context.Context) error {
	c, t := p.course, p.course.tail
	known := t.ring.boundsOf()
	for i := len(c.at); i < len(known); i++ {
		c.at = append(c.at, known[i].start) // It is newer than the cursor.
	}
	only := p.request.Selection.Partition
	if only != nil && int(*only) >= len(c.at) {
		return fmt.Errorf("%w: it has %d", ErrNoPartition, len(c.at))
	}
	p.limits, p.ends = make([]int64, len(c.at)), make([]int64, len(c.at))
	for i := range c.at {
		p.limits[i] = math.MaxInt64
		if i < len(known) {
			p.ends[i] = known[i].stable
		}
	}
	if p.request.To != nil {
		if err := p.request.To.limit(ctx, t, p.limits); err != nil {
			return kafkaAway(ctx, err)
		}
	}
	if p.request.ToOffset != nil {
		p.limits[*only] = *p.request.ToOffset
	}
	if p.request.FromOffset != nil && p.request.Cursor == "" {
		return p.jump(ctx, *only, *p.request.FromOffset)
	}
	return nil
}

// jump begins at an offset.
func (p *paging) jump(ctx context.Context, partition int32, offset int64) error {
	gone, err := p.course.tail.outOfRange(ctx, p.course.tail.client, partition, offset)
	if err != nil {
		return kafkaAway(ctx, err)
	}
	p.course.at[partition] = offset
	switch {
	case gone == nil:
		return nil
	case gone.gap.Reason == Truncated:
		return fmt.Errorf("%w: its next one is %d", ErrNoOffset, gone.bounds.stable)
	}
	p.course.at[partition] = *gone.gap.To
	return &GoneError{[]Gap{gone.gap}, p.feed.Cursor().String()}
}

// limit sets where each partition ends that has a record of this time or later.
func (f From) limit(ctx context.Context, t *watched, limits []int64) error {
	if f.kind == fromNow || f.kind == fromTime && !f.at.Before(time.Now()) {
		return nil
	}
	if f.kind == fromEarliest {
		clear(limits)
		return nil
	}
	partitions := layout{leaders: make([]int32, len(limits))}.all()
	found, err := offsets(ctx, t.client, t.topic, partitions, max(f.at.UnixMilli(), 0), true)
	if err != nil {
		return err
	}
	for i, p := range partitions {
		if found[p] >= 0 {
			limits[i] = found[p]
		}
	}
	return nil
}

// run reads up to the ends that are known, which costs Kafka no question, and
// then, where there is room, up to those that it says.
func (p *paging) run(ctx context.Context) error {
	if err := p.walk(ctx); err != nil || p.full() {
		return err
	}
	t := p.course.tail
	partitions := layout{leaders: make([]int32, len(p.ends))}.all()
	ends, err := offsets(ctx, t.client, t.topic, partitions, atEnd, true)
	if err != nil {
		return p.enough(kafkaAway(ctx, err))
	}
	for i, partition := range partitions {
		p.ends[i] = ends[partition]
	}
	if err := p.walk(ctx); err != nil {
		return err
	}
	p.page.End = !p.full()
	return nil
}

// full reports whether the page has to be answered now.
func (p *paging) full() bool {
	return p.cut || len(p.page.Ends) >= p.request.Limit || len(p.page.Records) >= pageBytes ||
		p.scanned >= pageScan || p.judging >= pageFilter || !time.Now().Before(p.until)
}

// enough drops an error where there is something to answer.
func (p *paging) enough(err error) error {
	if p.scanned == 0 {
		return err
	}
	p.cut = true
	return nil
}

// end is where a partition ends.
func (p *paging) end(partition int32) int64 { return min(p.limits[partition], p.ends[partition]) }

// walk reads the partitions in turns, so that none has to wait for one that
// grows all the time.
func (p *paging) walk(ctx context.Context) error {
	order := p.order()
	for !p.full() {
		order = slices.DeleteFunc(order, func(partition int32) bool { return p.course.at[partition] >= p.end(partition) })
		if len(order) == 0 {
			return nil
		}
		share := max(pageShare, (p.request.Limit-len(p.page.Ends))/len(order))
		var left []int32
		for _, partition := range order {
			if p.full() {
				return nil
			}
			more, err := p.block(ctx, partition, share)
			if err != nil {
				return err
			}
			if more {
				left = append(left, partition)
			}
		}
		order = left
	}
	return nil
}

// order returns the partitions that are wanted, from one on that differs from
// page to page but not between replicas.
func (p *paging) order() (all []int32) {
	n := len(p.course.at)
	begin := int(crc32.ChecksumIEEE([]byte(p.feed.Cursor().String()))) % max(n, 1)
	for i := range n {
		partition := int32((begin + i) % n) //nolint:gosec // G115: a count of partitions fits.
		if p.request.Selection.partition(partition) {
			all = append(all, partition)
		}
	}
	return all
}

// block takes what a block of the partition has, up to a number of records, and
// reports whether there may be more.
func (p *paging) block(ctx context.Context, partition int32, share int) (bool, error) {
	c := p.course
	short, cancel := context.WithTimeout(ctx, readPatience)
	if p.scanned > 0 {
		cancel()
		short, cancel = context.WithDeadline(ctx, p.until)
	}
	defer cancel()
	x, err := p.feed.hub.blocks.read(short, c.tail.tail, blockOf{c.tail.topic, c.id, partition}, c.at[partition])
	if gone := (*outside)(nil); errors.As(err, &gone) {
		return p.gap(partition, gone)
	}
	if err != nil {
		return false, p.enough(kafkaAway(ctx, err))
	}
	if x.next <= c.at[partition] {
		return false, nil
	}
	end := p.end(partition)
	records := x.batch.records
	first, _ := slices.BinarySearchFunc(records, c.at[partition], func(r rec, at int64) int { return cmp.Compare(r.offset, at) })
	for i := first; i < len(records) && records[i].offset < end; i++ {
		if p.full() || i-first >= share {
			return true, nil
		}
		p.take(ctx, x.batch.topic, &records[i])
		c.at[partition] = records[i].offset + 1
	}
	c.at[partition] = max(c.at[partition], min(x.next, end))
	return true, nil
}

// take adds a record if it is wanted.
func (p *paging) take(ctx context.Context, topic string, r *rec) {
	p.scanned++
	if !p.request.Selection.plain(r) || !p.judge(ctx, r) {
		return
	}
	p.page.Records = appendRecord(p.page.Records, p.request.Values, topic, r)
	p.page.Ends = append(p.page.Ends, len(p.page.Records))
}

// judge asks the filters.
func (p *paging) judge(ctx context.Context, r *rec) bool {
	if len(p.request.Selection.Filters) == 0 {
		return true
	}
	begin := time.Now()
	defer func() { p.judging += time.Since(begin) }()
	seen := &filter.Record{
		Partition: r.partition, Offset: r.offset, Timestamp: time.UnixMilli(r.millis), Key: r.key, Value: r.value, Headers: r.headers,
	}
	for _, f := range p.request.Selection.Filters {
		ok, err := f.Match(ctx, seen)
		if err != nil {
			p.feed.hub.metrics.filterErrors.Inc()
		}
		if err != nil || !ok {
			return false
		}
	}
	return true
}

// gap ends the page before what is missing, so that it is told first with the
// next one. Without a cursor, the log's beginning may have moved while we
// looked.
func (p *paging) gap(partition int32, gone *outside) (bool, error) {
	at := &p.course.at[partition]
	from := *at
	if p.request.Cursor == "" && p.scanned == 0 && p.request.FromOffset == nil && gone.gap.Reason == Expired {
		*at = *gone.gap.To
		return true, nil
	}
	if p.scanned > 0 {
		p.cut = true
		return false, nil
	}
	*at = *gone.gap.To
	return false, &GoneError{[]Gap{partitionGap(p.course.tail.topic, partition, from, *at, gone.gap.Reason)}, p.feed.Cursor().String()}
}

// Draining is closed when this replica stops: who waits for a client should not
// wait any longer.
func (h *Hub) Draining() <-chan struct{} { return h.draining }
