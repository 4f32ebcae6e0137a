package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/consumer"
	"sluice/record"
)

// bugs are what can be wrong with the branches on purpose, to see that the
// auditor notices.
var bugs = []string{"", "forget-ids", "lose-credits", "print-money"} // A constant, in all but name.

// bug is the name of one, or empty. It is a flag.Value.
type bug string

// Set implements flag.Value.
func (b *bug) Set(name string) error {
	if !slices.Contains(bugs, name) {
		return fmt.Errorf("there is no such bug, only %s", strings.Join(bugs[1:], ", "))
	}
	*b = bug(name)
	return nil
}

// String implements flag.Value.
func (b *bug) String() string { return string(*b) }

// often is how many records are handled rightly between two that are not.
const often = 50

// buggy is a branch with a bug.
type buggy struct {
	*branch
	bug     bug
	handled int
}

// open makes the state of a branch: a right one, unless there is a bug.
func (b bug) open(t topics) func(partition int32) consumer.State {
	return func(partition int32) consumer.State {
		if b == "" {
			return newBranch(t, partition)
		}
		return &buggy{newBranch(t, partition), b, 0}
	}
}

// Handle does it wrong: for each record that comes in, or for one of fifty.
func (b *buggy) Handle(ctx context.Context, r *record.Record) ([]record.Record, error) {
	b.handled++
	now := b.handled%often == 0
	switch a := b.accounts[string(r.Key)]; {
	case a == nil:
	case b.bug == "forget-ids":
		a.Requests = nil
	case b.bug == "print-money" && now:
		a.Balance++
	}
	results, err := b.branch.Handle(ctx, r)
	if b.bug == "lose-credits" && now {
		results = slices.DeleteFunc(results, func(made record.Record) bool { return made.Topic == b.topics.requests })
	}
	return results, err
}
