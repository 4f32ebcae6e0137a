package access

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// buckets are the rate limits of a principal: token buckets of records and of
// bytes that hold a second's worth. Either may be nil, for no limit.
type buckets struct {
	// mu makes a look at both buckets and the taking one step: a request takes
	// from both or from none.
	mu             sync.Mutex
	records, bytes *rate.Limiter
}

// newBuckets returns nil where there is no limit at all.
func newBuckets(l Limits) *buckets {
	if l.Records == 0 && l.Bytes == 0 {
		return nil
	}
	return &buckets{records: newBucket(int64(l.Records)), bytes: newBucket(int64(l.Bytes))}
}

func newBucket(perSecond int64) *rate.Limiter {
	if perSecond == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), int(perSecond))
}

// Spend takes a request's records and bytes from the rate limits and returns
// 0; or it takes nothing and returns after what time to come back. A request
// that is larger than a second's worth takes that much: it would otherwise be
// refused for ever.
func (p *Principal) Spend(records int, bytes int64) (retryAfter time.Duration) {
	if p == nil || p.rate == nil {
		return 0
	}
	b := p.rate
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	wait := max(missing(b.records, now, int64(records)), missing(b.bytes, now, bytes))
	if wait == 0 {
		take(b.records, now, int64(records))
		take(b.bytes, now, bytes)
	}
	return wait
}

// Wait is Spend for streams: instead of refusing it waits, first come, first
// served. Its error is ctx's, and then nothing was taken.
func (p *Principal) Wait(ctx context.Context, records int, bytes int64) error {
	if p.Spend(records, bytes) == 0 {
		return nil
	}
	b := p.rate
	b.mu.Lock()
	now := time.Now()
	reserved := [2]*rate.Reservation{reserve(b.records, now, int64(records)), reserve(b.bytes, now, bytes)}
	b.mu.Unlock()
	var wait time.Duration
	for _, r := range reserved {
		if r != nil {
			wait = max(wait, r.DelayFrom(now))
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		for _, r := range reserved {
			if r != nil {
				r.Cancel()
			}
		}
		return fmt.Errorf("rate limit of %s: %w", p.name, context.Cause(ctx))
	}
}

// missing returns how long it takes until the bucket holds n tokens.
func missing(l *rate.Limiter, now time.Time, n int64) time.Duration {
	if l == nil {
		return 0
	}
	lacks := float64(capped(l, n)) - l.TokensAt(now)
	if lacks <= 0 {
		return 0
	}
	// A microsecond more than computed, so that rounding does not make the
	// one who comes back then come too early.
	return time.Duration(math.Ceil(lacks/float64(l.Limit())*float64(time.Second))) + time.Microsecond
}

func take(l *rate.Limiter, now time.Time, n int64) {
	if l != nil {
		l.AllowN(now, capped(l, n)) // It was looked whether it has them.
	}
}

func reserve(l *rate.Limiter, now time.Time, n int64) *rate.Reservation {
	if l == nil {
		return nil
	}
	return l.ReserveN(now, capped(l, n))
}

func capped(l *rate.Limiter, n int64) int { return int(min(n, int64(l.Burst()))) }

// full reports whether both buckets are as new.
func (b *buckets) full() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	return missing(b.records, now, math.MaxInt64) == 0 && missing(b.bytes, now, math.MaxInt64) == 0
}
