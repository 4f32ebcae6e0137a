package groups

import "time"

// progress is what the watchdog remembers of a partition.
type progress struct {
	// since is when the partition was first seen to have lag behind the commit
	// that it has; zero while it has none.
	since     time.Time
	committed int64
	stuck     bool
}

// event is what a look at a partition has brought.
type event int

const (
	nothing event = iota
	becameStuck
	movesAgain
)

// see takes in one look. A partition is stuck when it has had lag for so long
// without a commit that differs from the one before, backwards included. What
// is not known changes nothing.
func (p *progress) see(lag PartitionLag, now time.Time, stuckAfter time.Duration) event {
	if lag.Lag == nil {
		return nothing
	}
	was := p.stuck
	switch {
	case *lag.Lag == 0:
		*p = progress{}
	case p.since.IsZero() || lag.Committed != p.committed:
		*p = progress{since: now, committed: lag.Committed}
	}
	if was && !p.stuck {
		return movesAgain
	}
	if p.since.IsZero() || p.stuck || now.Sub(p.since) < stuckAfter {
		return nothing
	}
	p.stuck = true
	return becameStuck
}
