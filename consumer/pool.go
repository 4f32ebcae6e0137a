package consumer

import (
	"sync"
	"sync/atomic"
	"time"
)

// pool runs what is ready, at most so much at the same time, first come first
// served. Its workers are goroutines that end when nothing is left to do. It
// has nothing to do with what partitions and lanes are: their locks may be held
// when it is called, and it takes none of them with its own.
type pool struct {
	limit   int
	work    func(*lane)
	workers *sync.WaitGroup

	// waiting is how many lanes are ready, scarce is set while there are as many
	// workers as there may be, stop while nothing may be begun.
	waiting atomic.Int32
	scarce  atomic.Bool
	stop    atomic.Bool

	mu          sync.Mutex
	first, last *lane
	running     int
	// held is why nothing is begun until the time.
	held  error
	until time.Time
	timer *time.Timer
}

// add puts a lane at the end, or at the front.
func (p *pool) add(l *lane, atFront bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.first == nil:
		p.first, p.last = l, l
	case atFront:
		l.next, p.first = p.first, l
	default:
		p.last.next, p.last = l, l
	}
	p.waiting.Add(1)
	if p.held == nil {
		p.hire(1)
	}
}

// hire starts up to n workers. It is called under the lock.
func (p *pool) hire(n int) {
	for ; n > 0 && p.running < p.limit; n-- {
		p.running++
		p.workers.Go(p.worker)
	}
	p.scarce.Store(p.running == p.limit)
}

func (p *pool) worker() {
	for l := p.take(); l != nil; l = p.take() {
		p.work(l)
	}
}

// take returns the next lane, or nil when the worker is to end.
func (p *pool) take() *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.first
	if l == nil || p.held != nil {
		p.running--
		p.scarce.Store(false)
		return nil
	}
	p.first, l.next = l.next, nil
	if p.first == nil {
		p.last = nil
	}
	p.waiting.Add(-1)
	return l
}

// contended reports whether a worker has to give its lane back: another one
// waits for which there is no worker, or nothing may be begun.
func (p *pool) contended() bool { return p.scarce.Load() && p.waiting.Load() > 0 || p.stop.Load() }

// hold lets nothing be begun for a while. It reports whether that is new, and
// not a repetition by work that was begun before.
func (p *pool) hold(why error, d time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	until := time.Now().Add(d)
	fresh := p.held == nil
	if !fresh && !until.After(p.until) {
		return false
	}
	p.held, p.until = why, until
	p.stop.Store(true)
	if p.timer == nil {
		p.timer = time.AfterFunc(d, p.release)
	} else {
		p.timer.Reset(d)
	}
	return fresh
}

// release ends a hold whose time has come.
func (p *pool) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil || time.Now().Before(p.until) {
		return // It was prolonged.
	}
	p.held = nil
	p.stop.Store(false)
	p.hire(int(p.waiting.Load()))
}

// holding returns why nothing is begun, or nil, and until when.
func (p *pool) holding() (until time.Time, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		return time.Time{}, nil
	}
	return p.until, p.held
}

// close ends a hold's timer, and lets no worker be started any more: somebody
// waits for those that there are.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = 0
	if p.timer != nil {
		p.timer.Stop()
	}
}
