package main

import (
	"encoding/json"
	"fmt"
	"regexp"

	"sluice/record"
)

// Money is in cents, and so are all amounts, deltas and balances.
const (
	customers = 10_000      // their accounts are 0000 to 9999
	opening   = 100_000     // what each has before its first entry: no record says so
	largest   = 100_000_000 // of one transfer
)

var fourDigits = regexp.MustCompile(`^[0-9]{4}$`)

// isCustomer reports whether there is such an account.
func isCustomer(name string) bool { return fourDigits.MatchString(name) }

// isAmount reports whether so much can be transferred.
func isAmount(cents int64) bool { return cents > 0 && cents <= largest }

// clearingOf is the account in which a branch books what leaves it for another
// one, or comes from there. It begins with nothing, and may be below zero.
func clearingOf(branch int32) string { return fmt.Sprintf("clearing-%d", branch) }

// place is where the topic transfers has a record.
type place struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
}

// String is short, for people.
func (p place) String() string { return fmt.Sprintf("%d/%d", p.Partition, p.Offset) }

// transfer is what a client asks for.
type transfer struct {
	ID     string `json:"id"`
	From   string `json:"from"`
	To     string `json:"to"`
	Amount int64  `json:"amount"`
}

// request is a record of the topic requests: one half of a transfer.
type request struct {
	Kind string `json:"kind"` // debit or credit, as the customer sees it
	transfer
	Origin place `json:"origin"` // of the transfer
}

const (
	kindDebit  = "debit"
	kindCredit = "credit"
)

// effect is the account that the request is addressed to, and what it adds to
// it. Of another kind there is none.
func (r request) effect() (account string, delta int64) {
	switch r.Kind {
	case kindDebit:
		return r.From, -r.Amount
	case kindCredit:
		return r.To, r.Amount
	}
	return "", 0
}

// entry is a record of the ledger: a request that was done. It moves money from
// one account of a branch to another one, so what is posted adds up to zero.
type entry struct {
	request
	Postings []posting `json:"postings"` // the customer's, then the clearing account's
}

// posting is what an entry does to an account.
type posting struct {
	Account string `json:"account"`
	Delta   int64  `json:"delta"`
	N       int64  `json:"n"`       // the account's postings are numbered from 1
	Balance int64  `json:"balance"` // behind it
}

// rejection is a record of the topic rejected: a transfer that was not posted.
type rejection struct {
	Code    string `json:"code"`
	Reason  string `json:"reason"`
	Origin  place  `json:"origin"`
	ID      string `json:"id,omitempty"`
	Account string `json:"account,omitempty"` // the one that should have paid
	Amount  int64  `json:"amount,omitempty"`
	// Balance and N are what the account had, where funds are missing.
	Balance int64 `json:"balance"`
	N       int64 `json:"n"`
	// First is what became of the first request of this id, of a duplicate.
	First string `json:"first,omitempty"`
}

const (
	codeInvalid   = "invalid"
	codeFunds     = "funds"
	codeDuplicate = "duplicate"
)

// made is a record of JSON. What is encoded here cannot fail: texts and numbers.
func made(topic, key string, value any) record.Record {
	text, _ := json.Marshal(value)
	return record.Record{Topic: topic, Key: []byte(key), Value: text}
}
