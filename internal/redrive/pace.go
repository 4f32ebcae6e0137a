package redrive

import (
	"context"
	"math"
	"time"

	"golang.org/x/time/rate"
)

// pace says when the next letter may be redriven. Nil is at once.
type pace struct{ limiter *rate.Limiter }

// newPace allows so many letters a second, in spurts of a tenth of a second.
func newPace(perSecond float64) *pace {
	if perSecond == 0 {
		return nil
	}
	return &pace{rate.NewLimiter(rate.Limit(perSecond), int(math.Ceil(perSecond/10)))}
}

// next takes the turn of one letter and says how long it has to wait for it.
func (p *pace) next() time.Duration {
	if p == nil {
		return 0
	}
	return p.limiter.Reserve().Delay()
}

// wait waits, and calls alive about every ten seconds meanwhile.
func wait(ctx context.Context, d time.Duration, alive func() error) error {
	for d > 0 {
		slice := min(d, aliveEvery)
		timer := time.NewTimer(slice)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		if d -= slice; d > 0 {
			if err := alive(); err != nil {
				return err
			}
		}
	}
	return nil
}
