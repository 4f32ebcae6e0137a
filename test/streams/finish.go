//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/test/harm"
)

// toTheEnd waits until every client has got everything, for as long as anybody
// gets on. What is missing then is for the judge.
func (k *checker) toTheEnd(ctx context.Context, h history, finish chan struct{}, stop context.CancelFunc, work *sync.WaitGroup) (history, error) {
	for _, c := range k.clients {
		c.goal = map[line]int64{}
		for at, r := range h.records {
			if r.state == committed && slices.Contains(c.selection.topics, at.topic) && c.selection.wants(at, r) {
				l := line{at.topic, at.partition}
				c.goal[l] = max(c.goal[l], at.offset+1)
			}
		}
	}
	close(finish)
	var best int64
	for last := k.clock.Passed(); k.through.Load() < int64(len(k.clients)); {
		if !harm.Sleep(ctx, 20*time.Millisecond) {
			return h, fmt.Errorf("broken off: %w", context.Cause(ctx))
		}
		if sum := k.progress(); sum > best {
			best, last = sum, k.clock.Passed()
		} else if k.clock.Passed()-last > endBudget {
			k.say("%d of %d clients are at the end, and nobody has got any further for %s", k.through.Load(), len(k.clients), endBudget)
			break
		}
	}
	stop()
	work.Wait()
	for i := range k.replicas {
		if n, err := k.fleet.reads(ctx, i); err == nil {
			k.reads += n
		}
	}
	k.fleet.end((*harm.Process).Stop)
	h.unclean = k.fleet.complaints()
	return h, nil
}

// progress is the sum of all positions, and of the clients that have ended.
func (k *checker) progress() int64 {
	sum := k.through.Load()
	for _, c := range k.clients {
		c.mu.Lock()
		for _, next := range c.next {
			sum += next
		}
		c.mu.Unlock()
	}
	return sum
}

// tidy removes what the run has left in Kafka.
func (k *checker) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	_, err1 := k.admin.DeleteGroups(ctx, k.idle)
	_, err2 := k.admin.DeleteTopics(ctx, append(slices.Clone(k.topics), k.idle)...)
	if err := errors.Join(err1, err2); err != nil {
		k.say("left behind in Kafka: %v", err)
	}
}
