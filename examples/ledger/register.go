package main

import (
	"cmp"
	"encoding/json"
)

// register follows each record of the topic transfers to its end: debited and
// credited, or rejected, exactly once. The topics are read side by side, so an
// end may be known before its beginning is. What has ended is forgotten.
type register struct {
	*findings
	open  map[place]*item   // that have not ended
	next  map[int32]int64   // by partition of transfers: all before it were read
	last  map[course]*int64 // the offset of the newest transfer of which each was heard
	ended map[string]int64  // how many, by what became of them: posted, or the code
}

// item is a transfer, and what is known of it.
type item struct {
	read  bool
	asked transfer // as the topic transfers has it, where it is valid
	valid bool
	// heard is what became of it: a debit and a credit, in any order, or a
	// rejection for the reason code.
	heard []request
	code  string
}

// kindRejection is beside debit and credit.
const kindRejection = "rejection"

// course is what keeps the order of a partition of transfers. A branch takes
// them in order; it writes debits and rejections, each kind in its order, and
// for every other branch credits in the order of the debits.
type course struct {
	kind                string
	partition, from, to int32
}

func newRegister(f *findings) *register {
	return &register{findings: f, open: map[place]*item{}, next: map[int32]int64{}, last: map[course]*int64{}, ended: map[string]int64{}}
}

// read takes in a record of the topic transfers.
func (g *register) read(at place, value json.RawMessage) {
	g.next[at.Partition] = at.Offset + 1
	i := of(g.open, at)
	i.read = true
	i.asked, i.valid = understand(value)
	g.settle(at, i)
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
	return t, requestID.MatchString(t.ID) && isCustomer(t.From) && isCustomer(t.To) && t.From != t.To && isAmount(t.Amount)
}

// hear takes in what became of a transfer; of a rejection, code is the reason.
func (g *register) hear(q request, code string) {
	at := q.Origin
	if g.open[at] == nil && at.Offset < g.next[at.Partition] {
		g.offend("a %s of transfer %s (%s), which has ended before", q.Kind, at, q.ID)
		return
	}
	i := of(g.open, at)
	for _, had := range i.heard {
		if had.Kind == q.Kind || had.Kind == kindRejection || q.Kind == kindRejection {
			g.offend("a %s of transfer %s (%s), which has had a %s", q.Kind, at, q.ID, had.Kind)
			return
		}
	}
	i.heard, i.code = append(i.heard, q), code
	if code != codeInvalid { // The intake's are not in the branch's order.
		newest := g.newest(q.Kind, at, q.transfer)
		if at.Offset < *newest {
			g.offend("the %s of transfer %s (%s) is behind that of offset %d, which came later", q.Kind, at, q.ID, *newest)
		}
		*newest = max(*newest, at.Offset)
	}
	g.settle(at, i)
}

// newest is the offset of the newest transfer of which such a thing was heard.
func (g *register) newest(kind string, at place, t transfer) *int64 {
	c := course{kind: kind, partition: at.Partition, from: home(t.From)}
	if kind == kindCredit {
		c.to = home(t.To)
	}
	return of(g.last, c)
}

// of is what a map has for a key, and something new where it had nothing.
func of[K comparable, V any](m map[K]*V, key K) *V {
	if m[key] == nil {
		m[key] = new(V)
	}
	return m[key]
}

// settle forgets a transfer that has ended, after a comparison with what was
// asked for.
func (g *register) settle(at place, i *item) {
	if !i.read || i.code == "" && len(i.heard) < 2 {
		return
	}
	delete(g.open, at)
	g.ended[cmp.Or(i.code, posted)]++
	for _, q := range i.heard {
		if i.valid == (i.code == codeInvalid) || i.code == "" && q.transfer != i.asked {
			g.offend("transfer %s: %+v was asked for (valid: %t), and the %s %s says %+v", at, i.asked, i.valid, q.Kind, i.code, q.transfer)
		}
	}
}

// check finds transfers whose end cannot come any more: what is before another
// one in its order does not come behind it.
func (g *register) check() {
	for at, i := range g.open {
		debited := len(i.heard) > 0 && i.heard[0].Kind == kindDebit
		switch {
		case !i.read && at.Offset < g.next[at.Partition]:
			g.offend("transfer %s has an end, and there is no record of it", at)
		case i.valid && debited && at.Offset < *g.newest(kindCredit, at, i.asked):
			g.offend("transfer %s (%s) was debited and not credited, and later ones were", at, i.asked.ID)
		case i.valid && !debited && at.Offset < min(*g.newest(kindDebit, at, i.asked), *g.newest(kindRejection, at, i.asked)):
			g.offend("transfer %s (%s) was passed by: it was neither posted nor rejected, and later ones of its branch were", at, i.asked.ID)
		default:
			continue
		}
		delete(g.open, at)
	}
}
