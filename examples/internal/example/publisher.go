package example

import (
	"context"
	"sync"
	"time"
)

// publisher writes verdicts to the checker's topic. One that is older than what
// waits is dropped: the page wants the newest.
type publisher struct {
	newest  chan Verdict
	stop    context.CancelFunc
	running sync.WaitGroup
}

// lastWord is how long the last verdict may take to be written.
const lastWord = 5 * time.Second

func newPublisher(c *Client, topic string) *publisher {
	ctx, stop := context.WithCancel(context.Background())
	p := &publisher{newest: make(chan Verdict, 1), stop: stop}
	p.running.Go(func() {
		for v := range p.newest {
			// An error is that of ctx, or that the topic is gone; who looks at it
			// sees that no verdict comes.
			_ = c.Write(ctx, topic, Line{Key: "verdict", Value: v})
		}
	})
	return p
}

// put hands a verdict over. It is called by one goroutine.
func (p *publisher) put(v Verdict) {
	select {
	case <-p.newest: // It was not written yet.
	default:
	}
	p.newest <- v
}

// close waits until the last verdict was written, or cannot be.
func (p *publisher) close() {
	close(p.newest)
	timer := time.AfterFunc(lastWord, p.stop)
	p.running.Wait()
	timer.Stop()
	p.stop()
}
