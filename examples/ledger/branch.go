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
	clearing  *account
	accounts  map[string]*account
	// names are those of the accounts, of which the one at again is the next
	// to be written once more.
	names []string
	again int
}

func newBranch(t topics, partition int32) *branch {
	return &branch{
		topics: t, partition: partition,
		clearing: &account{Name: clearingOf(partition)},
		accounts: map[string]*account{},
	}
}

// Restore takes in a balance.
func (b *branch) Restore(r *record.Record) error {
	a, err := readAccount(r)
	switch {
	case err != nil:
		return err
	case a.Name == b.clearing.Name:
		b.clearing = a
	case !isCustomer(a.Name):
		return fmt.Errorf("the balance at offset %d of %s is of %.40q, which is no account", r.Offset, r.Topic, a.Name)
	default:
		if err := b.lives(a.Name); err != nil {
			return err
		}
		b.add(a)
	}
	return nil
}

func (b *branch) add(a *account) {
	if b.accounts[a.Name] == nil {
		b.names = append(b.names, a.Name)
	}
	b.accounts[a.Name] = a
}

// Handle does what a request says: the entry, both balances and, of a transfer,
// the credit for the other branch, or the reason why not.
func (b *branch) Handle(_ context.Context, r *record.Record) ([]record.Record, error) {
	var q request
	if err := json.Unmarshal(r.Value, &q); err != nil {
		return nil, consumer.Undecodable(fmt.Errorf("it is no request: %w", err))
	}
	if q.Amount <= 0 || q.Amount > largest || !isCustomer(q.From) || !isCustomer(q.To) || q.From == q.To {
		return nil, consumer.Permanent(errors.New("the intake would not have written it: somebody else may write to this topic"))
	}
	switch q.Kind {
	case kindTransfer:
		if err := b.lives(q.From); err != nil {
			return nil, consumer.Permanent(err)
		}
		return b.debit(q), nil
	case kindCredit:
		if err := b.lives(q.To); err != nil {
			return nil, consumer.Permanent(err)
		}
		return b.credit(q), nil
	}
	return nil, consumer.Permanent(fmt.Errorf("%.40q is no kind of request", q.Kind))
}

// lives is an error unless an account is at home here. Where partitions were
// added, another branch has its balance, and here it would begin again.
func (b *branch) lives(account string) error {
	if at := home(account); at != b.partition {
		return fmt.Errorf("account %s lives in partition %d, and this is %d: %s must have %d partitions, as it had at first",
			account, at, b.partition, b.topics.requests, branches)
	}
	return nil
}

// account is one that lives here, with what it has at the beginning where it has
// no balance yet.
func (b *branch) account(name string) *account {
	a := b.accounts[name]
	if a == nil {
		a = &account{Name: name, Balance: opening}
		b.add(a)
	}
	return a
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
		from.remember(q.ID, rejected)
		no.Code, no.Balance, no.N = codeFunds, from.Balance, from.N
		no.Reason = fmt.Sprintf("the account has %s and needs %s", inFull(from.Balance), inFull(q.Amount))
		return []record.Record{b.balance(from), made(b.topics.rejected, q.From, no)}
	}
	from.remember(q.ID, posted)
	return append(b.post(entryDebit, q, from, -q.Amount),
		made(b.topics.requests, q.To, request{kindCredit, q.transfer, q.Origin}))
}

// credit gives the account what is on its way to it. It was written in the
// debit's transaction, so it is there exactly once.
func (b *branch) credit(q request) []record.Record {
	return b.post(entryCredit, q, b.account(q.To), q.Amount)
}

// post moves money between an account and the branch's clearing account. It
// writes the balance of one more account, of each in turn: where a topic is not
// compacted but cut at a size, as the embedded broker does, none gets old.
func (b *branch) post(kind string, q request, a *account, delta int64) []record.Record {
	e := entry{kind, q.transfer, q.Origin, []posting{a.post(delta), b.clearing.post(-delta)}}
	b.again = (b.again + 1) % len(b.names)
	other := b.accounts[b.names[b.again]]
	return []record.Record{made(b.topics.entries, a.Name, e), b.balance(other), b.balance(a), b.balance(b.clearing)}
}

func (b *branch) balance(a *account) record.Record { return made(b.topics.balances, a.Name, a) }
