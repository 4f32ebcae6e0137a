package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sluice/consumer"
	"sluice/record"
)

// branch is the state of a partition: the accounts that live there. What Handle
// returns is written in one transaction with the position of the request, so
// it needs neither a lock nor a way back: a branch that is killed at any moment
// is made again from the balances, as of the last request that counts.
type branch struct {
	topics    topics
	partition int32
	accounts  map[string]*account
}

func newBranch(t topics, partition int32) *branch {
	clearing := clearingOf(partition)
	return &branch{t, partition, map[string]*account{clearing: {Name: clearing}}}
}

// Restore takes in a balance. What is not as we have written it is an error,
// since going on with another balance would make money.
func (b *branch) Restore(r *record.Record) error {
	a := new(account)
	if err := json.Unmarshal(r.Value, a); err != nil {
		return fmt.Errorf("the balance of %.40q, at offset %d of %s, cannot be read: write the one before it again: %w", r.Key, r.Offset, r.Topic, err)
	}
	if a.Name != string(r.Key) || a.Name != clearingOf(b.partition) && !b.lives(a.Name) {
		return fmt.Errorf("the balance at offset %d of %s is of %.40q and has the key %.40q: both have to be one account of partition %d",
			r.Offset, r.Topic, a.Name, r.Key, b.partition)
	}
	b.accounts[a.Name] = a
	return nil
}

// lives reports whether a customer's account is at home here.
func (b *branch) lives(account string) bool {
	return isCustomer(account) && home(account) == b.partition
}

// Handle does what a request says: the entry, both balances and, of a debit, the
// credit for the other branch, or the reason why not.
func (b *branch) Handle(_ context.Context, r *record.Record) ([]record.Record, error) {
	var q request
	if err := json.Unmarshal(r.Value, &q); err != nil {
		return nil, consumer.Undecodable(fmt.Errorf("it is no request: %w", err))
	}
	account, _ := q.effect()
	switch {
	case account == "", !isAmount(q.Amount), !isCustomer(q.From), !isCustomer(q.To), q.From == q.To:
		return nil, consumer.Permanent(errors.New("the intake would not have written it: somebody else may write to this topic"))
	case !b.lives(account):
		// Another branch has its balance, and here it would begin again.
		return nil, consumer.Permanent(fmt.Errorf("account %s lives in partition %d, and this is %d: %s must have %d partitions, as it had at first",
			account, home(account), b.partition, b.topics.requests, branches))
	case q.Kind == kindCredit:
		return b.post(q), nil // It was written in the debit's transaction, so it is there exactly once.
	}
	return b.debit(q), nil
}

// debit takes the money from the account and sends it on its way, or rejects the
// request. A request id is honoured once.
func (b *branch) debit(q request) []record.Record {
	from := b.account(q.From)
	no := rejection{Origin: q.Origin, ID: q.ID, Account: q.From, Amount: q.Amount}
	if first := from.outcome(q.ID); first != "" {
		no.Code, no.First = codeDuplicate, first
		no.Reason = "it repeats a request that was " + first
		return []record.Record{made(b.topics.rejected, q.From, no)}
	}
	if from.Balance < q.Amount {
		from.remember("-" + q.ID)
		no.Code, no.Balance, no.N = codeFunds, from.Balance, from.N
		no.Reason = fmt.Sprintf("the account has %s and needs %s", inFull(from.Balance), inFull(q.Amount))
		return []record.Record{b.balance(from), made(b.topics.rejected, q.From, no)}
	}
	from.remember("+" + q.ID)
	return append(b.post(q), made(b.topics.requests, q.To, request{kindCredit, q.transfer, q.Origin}))
}

// inFull writes cents for people, of an amount that is not below zero.
func inFull(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

// post moves money between an account and the branch's clearing account.
func (b *branch) post(q request) []record.Record {
	name, delta := q.effect()
	a, clearing := b.account(name), b.accounts[clearingOf(b.partition)]
	e := entry{q, []posting{a.post(delta), clearing.post(-delta)}}
	return []record.Record{made(b.topics.entries, a.Name, e), b.balance(a), b.balance(clearing)}
}

// account is a customer's that lives here, with what it has at the beginning
// where it has no balance yet.
func (b *branch) account(name string) *account {
	if b.accounts[name] == nil {
		b.accounts[name] = &account{Name: name, Balance: opening}
	}
	return b.accounts[name]
}

func (b *branch) balance(a *account) record.Record { return made(b.topics.balances, a.Name, a) }
