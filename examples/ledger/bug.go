package main

import (
	"context"
	"slices"

	"sluice/record"
)

// bugs are what can be wrong with the branches on purpose, to see that the
// auditor notices.
type bugs struct{ forgetIDs, loseCredits bool }

// often is of how many requests the credit of one is lost.
const often = 50

// buggy is a branch with a bug.
type buggy struct {
	*branch
	bugs
}

// Handle does what a branch does, and some of it wrong.
func (b buggy) Handle(ctx context.Context, r *record.Record) ([]record.Record, error) {
	if a := b.accounts[string(r.Key)]; a != nil && b.forgetIDs {
		a.Requests = nil
	}
	results, err := b.branch.Handle(ctx, r)
	if b.loseCredits && r.Offset%often == 0 {
		results = slices.DeleteFunc(results, func(made record.Record) bool { return made.Topic == b.topics.requests })
	}
	return results, err
}
