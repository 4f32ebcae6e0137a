package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"sluice/record"
)

// remembered is how many of its requests an account knows by their ids. A
// repeat that comes after so many others of the same account is a new request.
const remembered = 64

// account is what a branch knows of an account, and the record of the topic
// balances.
type account struct {
	Name    string `json:"account"`
	Balance int64  `json:"balance"`
	N       int64  `json:"n"` // postings so far
	// Requests are the last ids, the newest last, each behind a sign: + was
	// posted, - was rejected.
	Requests []string `json:"requests,omitempty"`
}

// What has become of a request.
const (
	posted   = "posted"
	rejected = "rejected"
)

// readAccount reads a record of the table. What is not as we have written it is
// an error, since going on with another balance would make money.
func readAccount(r *record.Record) (*account, error) {
	a := new(account)
	if r.Value == nil {
		return nil, fmt.Errorf("somebody has deleted the balance of %.40q, at offset %d of %s: write the record before it again", r.Key, r.Offset, r.Topic)
	}
	if err := json.Unmarshal(r.Value, a); err != nil {
		return nil, fmt.Errorf("the balance at offset %d of %s cannot be read: %w", r.Offset, r.Topic, err)
	}
	if a.Name != string(r.Key) {
		return nil, fmt.Errorf("the balance at offset %d of %s is of %.40q, and its key says %.40q", r.Offset, r.Topic, a.Name, r.Key)
	}
	return a, nil
}

// outcome is what became of a request of this account, or nothing.
func (a *account) outcome(id string) string {
	switch {
	case slices.Contains(a.Requests, "+"+id):
		return posted
	case slices.Contains(a.Requests, "-"+id):
		return rejected
	}
	return ""
}

// remember notes a request that is honoured, in place of the oldest one.
func (a *account) remember(id, outcome string) {
	sign := "+"
	if outcome == rejected {
		sign = "-"
	}
	if len(a.Requests) == remembered {
		a.Requests = slices.Delete(a.Requests, 0, 1)
	}
	a.Requests = append(a.Requests, sign+id)
}

// post changes the balance, and returns what the ledger says of it.
func (a *account) post(delta int64) posting {
	a.Balance += delta
	a.N++
	return posting{a.Name, delta, a.N, a.Balance}
}
