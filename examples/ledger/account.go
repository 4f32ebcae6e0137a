package main

import "slices"

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

// remember notes an id with its sign, in place of the oldest one.
func (a *account) remember(signed string) {
	if len(a.Requests) == remembered {
		a.Requests = slices.Delete(a.Requests, 0, 1)
	}
	a.Requests = append(a.Requests, signed)
}

// post changes the balance, and returns what the ledger says of it.
func (a *account) post(delta int64) posting {
	a.Balance += delta
	a.N++
	return posting{a.Name, delta, a.N, a.Balance}
}
