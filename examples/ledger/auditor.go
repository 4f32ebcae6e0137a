package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice/examples/internal/example"
)

// auditor looks at what came out, and is not told how. It reads the transfers,
// the entries, the balances and the rejections as anybody could, through service
// B and so only what is committed, and recomputes the bank from them. From the
// clients it knows what they have sent.
type auditor struct {
	topics topics

	mu       sync.Mutex
	book     *book
	register *register
	sent     *sentLines
	entries  int64
	over     bool     // no more is sent
	offences []string // the first of them
	offended int64
}

const mostOffences = 20

func newAuditor(t topics) *auditor {
	a := &auditor{topics: t}
	a.book, a.register, a.sent = newBook(a.offend), newRegister(a.offend), newSentLines(a.offend)
	return a
}

// offend notes what is wrong. a.mu is held.
func (a *auditor) offend(format string, args ...any) {
	a.offended++
	if len(a.offences) < mostOffences {
		a.offences = append(a.offences, fmt.Sprintf(format, args...))
	}
}

// follow reads until ctx ends. The transfers are a stream of their own, which
// waits where too many have not ended.
func (a *auditor) follow(ctx context.Context, c *example.Client) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var streams sync.WaitGroup
	for _, topics := range [][]string{{a.topics.transfers}, {a.topics.entries, a.topics.balances, a.topics.rejected}} {
		streams.Go(func() {
			if err := c.Follow(ctx, topics, func(e example.Event) error { return a.take(ctx, e) }); err != nil {
				stop(err) // Without one of them the other says nothing.
			}
		})
	}
	streams.Wait()
	return context.Cause(ctx)
}

// take takes in a record of any of the topics.
func (a *auditor) take(ctx context.Context, e example.Event) error {
	if e.Topic == a.topics.transfers {
		select {
		case a.register.room <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch e.Topic {
	case a.topics.transfers:
		a.sent.seen(string(e.Value), e.Partition, e.Time)
		asked, valid := understand(e.Value)
		a.register.read(place{e.Partition, e.Offset}, asked, valid)
	case a.topics.entries:
		if v, ok := decode[entry](a, e); ok {
			a.entry(v)
		}
	case a.topics.balances:
		if v, ok := decode[account](a, e); ok {
			a.book.balance(v)
		}
	case a.topics.rejected:
		if v, ok := decode[rejection](a, e); ok {
			a.register.reject(v)
			if v.Code == codeFunds {
				a.book.refused(v)
			}
		}
	}
	return nil
}

// decode reads a value that the bank has written.
func decode[T any](a *auditor, e example.Event) (v T, ok bool) {
	err := json.Unmarshal(e.Value, &v)
	if err == nil && string(e.Value) == "null" {
		err = errors.New("it is null")
	}
	if err != nil {
		a.offend("%s/%d, offset %d cannot be read: %v", e.Topic, e.Partition, e.Offset, err)
	}
	return v, err == nil
}

// send notes what a client is about to send.
func (a *auditor) send(lines []line) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range lines {
		a.sent.send(l.key, string(l.text))
	}
}

// written notes what service A has said is written.
func (a *auditor) written(lines []line) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range lines {
		a.sent.written(string(l.text), time.Now())
	}
}

// end notes that the clients have sent all.
func (a *auditor) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
}

// entry takes in an entry: each adds up to zero, so that the sum over all
// accounts stays what it was.
func (a *auditor) entry(e entry) {
	a.entries++
	var sum int64
	for _, p := range e.Postings {
		sum += p.Delta
		a.book.post(p)
	}
	customer, delta := e.From, -e.Amount
	if e.Kind == entryCredit {
		customer, delta = e.To, e.Amount
	}
	switch {
	case sum != 0:
		a.offend("the %s of %s (%s) adds up to %d, not to zero", e.Kind, e.Origin, e.ID, sum)
	case len(e.Postings) != 2 || e.Postings[0].Account != customer || e.Postings[0].Delta != delta || isCustomer(e.Postings[1].Account):
		a.offend("the %s of %s (%s) posts something else than it says", e.Kind, e.Origin, e.ID)
	}
	if at, ok := a.register.entry(e); ok && e.Kind == entryDebit {
		a.book.debit(e.From, at)
	}
}

// verdict says what was found so far. All is accounted for when each line that
// was sent is in the log, and no more come, each transfer of the log has ended, nothing is on its
// way, and the balances are what the entries make of them.
func (a *auditor) verdict() example.Verdict {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent.check()
	n := a.register.counts
	v := example.Verdict{
		OK:       a.offended == 0,
		Complete: a.over && a.sent.none() && len(a.register.items) == 0 && a.book.even(),
		Figures: []example.Figure{
			{Name: "total", Value: a.book.total},
			{Name: "on its way", Value: a.book.clearing},
			{Name: "transfers", Value: n.read},
			{Name: "posted", Value: n.posted},
			{Name: "rejected", Value: n.rejected},
			{Name: "duplicates", Value: n.duplicates},
			{Name: "invalid", Value: n.invalid},
			{Name: "not settled", Value: n.open},
			{Name: "entries", Value: a.entries},
			{Name: "balances compared", Value: a.book.compared},
			{Name: "accounts", Value: int64(len(a.book.sheets))},
			{Name: "offences", Value: a.offended},
		},
		Offences: append([]string{}, a.offences...),
	}
	return v
}

// understand is what the auditor makes of a value of the topic transfers, by a
// reader of its own.
func understand(value json.RawMessage) (t transfer, valid bool) {
	var found map[string]json.RawMessage
	if json.Unmarshal(value, &found) != nil || len(found) != 4 {
		return t, false
	}
	for name, to := range map[string]any{"id": &t.ID, "from": &t.From, "to": &t.To, "amount": &t.Amount} {
		if member, ok := found[name]; !ok || string(member) == "null" || json.Unmarshal(member, to) != nil {
			return t, false
		}
	}
	return t, requestID.MatchString(t.ID) && isCustomer(t.From) && isCustomer(t.To) && t.From != t.To && t.Amount > 0 && t.Amount <= largest
}
