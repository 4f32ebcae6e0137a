package kafka

import (
	"context"
	"time"
)

// RetryEvery is the pause between two attempts to reach a cluster that does
// not answer; the log lines of both services state it.
const RetryEvery = 5 * time.Second

// attemptTimeout bounds one attempt.
const attemptTimeout = 5 * time.Second

// Connect calls attempt until it succeeds or ctx ends, for ever, with a pause
// of RetryEvery after each failure, which it reports first. It returns only
// ctx's error.
func Connect(ctx context.Context, attempt func(context.Context) error, failed func(error)) error {
	for {
		err := try(ctx, attempt)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failed(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(RetryEvery):
		}
	}
}

func try(ctx context.Context, attempt func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return attempt(ctx)
}
