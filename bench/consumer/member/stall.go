package member

import (
	"context"
	"sync/atomic"
)

// stall waits in every record, or only in the first one of each partition,
// until the member is told to end.
type stall struct {
	first   *first
	only    bool // the first record of a partition alone
	release <-chan struct{}
	handled atomic.Int64
}

func (s *stall) done() <-chan struct{} { return nil }

func (s *stall) take(ctx context.Context, _ int32, offset int64, _ []byte) error {
	s.first.came()
	if s.only && offset > 0 {
		select {
		case <-s.release: // What comes now does not come behind a stalled one.
		default:
			s.handled.Add(1)
		}
		return nil
	}
	select {
	case <-s.release: // Handled, so that the drain has nothing to wait for.
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stall) result() (Result, error) { return Result{Handled: s.handled.Load()}, nil }
