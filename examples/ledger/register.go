package main

// register follows each record of the topic transfers to its end: debited and
// credited, or rejected, exactly once. The topics are read side by side, so an
// end may be known before its beginning is. What has ended is forgotten.
type register struct {
	items map[place]*item // that have not ended
	next  map[int32]int64 // by partition of transfers: all before it were read
	turns map[pair]*turn
	legs  map[pair]*leg
	ids   *idMemory
	// room has a place for each transfer that was read and has not ended.
	room   chan struct{}
	counts counts
	offend func(format string, args ...any)
}

// counts are numbers of transfers.
type counts struct{ read, posted, rejected, duplicates, invalid, open int64 }

// item is a transfer, and what is known of it.
type item struct {
	at    place
	read  bool
	valid bool
	asked transfer // as the topic transfers has it

	debit, credit *transfer // as the entries have it
	rejection     *rejection
}

// decided reports whether the paying account's branch has had it.
func (i *item) decided() bool { return i.rejection != nil || i.debit != nil }

func (i *item) ended() bool {
	return i.read && (i.rejection != nil || i.debit != nil && i.credit != nil)
}

// pair is from where to where: from a partition of transfers to a branch, or
// from one branch to another.
type pair struct{ from, to int32 }

// turn is what came from a partition of transfers and is a branch's to decide.
// The branch takes it in order, so what it has passed by does not come any
// more. It writes to two topics, each of which has its own order.
type turn struct {
	waiting           []*item // that were read, by offset
	entry, rejections int64   // the last offsets of which a decision is known
}

// leg is the way of money from one branch to another: credits come in the order
// of the debits. Of those that wait for the other half, only one kind is there.
type leg struct{ debits, credits []*item }

// mostOpen bounds the memory for transfers that have not ended.
const mostOpen = 100_000

func newRegister(offend func(format string, args ...any)) *register {
	return &register{
		items: map[place]*item{}, next: map[int32]int64{}, turns: map[pair]*turn{}, legs: map[pair]*leg{},
		ids: newIDMemory(200_000), room: make(chan struct{}, mostOpen), offend: offend,
	}
}

// read takes in a record of the topic transfers. Those of a partition come in
// their order, and there has to be room for each.
func (g *register) read(at place, asked transfer, valid bool) {
	if at.offset > g.next[at.partition] {
		g.passBy(at)
	}
	g.next[at.partition] = at.offset + 1
	i := g.at(at)
	i.read, i.asked, i.valid = true, asked, valid
	g.counts.read++
	g.counts.open++
	if i.ended() {
		g.end(i)
	} else if valid {
		t := g.turn(at.partition, asked.From)
		t.waiting = append(t.waiting, i)
		g.passed(t)
	}
}

// passBy finds ends of what the topic transfers does not have.
func (g *register) passBy(at place) {
	for other, i := range g.items {
		if !i.read && other.partition == at.partition && other.offset < at.offset {
			g.offend("transfer %s has an end, and there is no record of it", other)
			delete(g.items, other)
		}
	}
}

// entry takes in an entry of the ledger, and returns the transfer's place.
func (g *register) entry(e entry) (at place, ok bool) {
	i := g.find(e.Origin, "a "+e.Kind)
	if i == nil {
		return place{}, false
	}
	l := g.leg(e.transfer)
	switch {
	case i.rejection != nil:
		g.offend("a %s of transfer %s (%s), which was rejected", e.Kind, i.at, e.ID)
		return i.at, true
	case e.Kind == entryDebit && i.debit == nil:
		i.debit = &e.transfer
		l.debits = append(l.debits, i)
		t := g.turn(i.at.partition, e.From)
		t.entry = max(t.entry, i.at.offset)
		g.honoured(i, e.transfer, posted)
		g.passed(t)
	case e.Kind == entryCredit && i.credit == nil:
		i.credit = &e.transfer
		l.credits = append(l.credits, i)
	default:
		g.offend("a %s of transfer %s (%s), which has had one", e.Kind, i.at, e.ID)
		return i.at, true
	}
	g.match(l)
	g.settle(i)
	return i.at, true
}

// reject takes in a rejection.
func (g *register) reject(r rejection) {
	i := g.find(r.Origin, "a rejection")
	if i == nil {
		return
	}
	if i.rejection != nil || i.debit != nil || i.credit != nil {
		g.offend("a rejection of transfer %s (%s), which was rejected or posted before", i.at, r.ID)
		return
	}
	i.rejection = &r
	asked := transfer{ID: r.ID, From: r.Account}
	switch r.Code {
	case codeFunds:
		g.honoured(i, asked, rejected)
	case codeDuplicate:
		if was := g.ids.told(asked, r.First); was != r.First {
			g.offend("transfer %s (%s) is said to repeat one that was %s, and that was %s", i.at, r.ID, r.First, was)
		}
	}
	if r.Code != codeInvalid { // The intake's are not in the branch's order.
		t := g.turn(i.at.partition, r.Account)
		t.rejections = max(t.rejections, i.at.offset)
		g.passed(t)
	}
	g.settle(i)
}

// find is the item of an origin. It is nil, after an offence, where that has
// ended already or is no place.
func (g *register) find(origin, what string) *item {
	at, ok := parsePlace(origin)
	if !ok {
		g.offend("%s: %.40q is no place in the topic transfers", what, origin)
		return nil
	}
	if g.items[at] == nil && at.offset < g.next[at.partition] {
		g.offend("%s of transfer %s, which has ended before", what, at)
		return nil
	}
	return g.at(at)
}

func (g *register) at(at place) *item {
	i := g.items[at]
	if i == nil {
		i = &item{at: at}
		g.items[at] = i
	}
	return i
}

func (g *register) turn(partition int32, from string) *turn {
	p := pair{partition, home(from)}
	if g.turns[p] == nil {
		g.turns[p] = &turn{entry: -1, rejections: -1}
	}
	return g.turns[p]
}

func (g *register) leg(t transfer) *leg {
	p := pair{home(t.From), home(t.To)}
	if g.legs[p] == nil {
		g.legs[p] = new(leg)
	}
	return g.legs[p]
}

// passed finds transfers that a branch has passed by: it has posted a later one
// and rejected a later one, so neither can come any more.
func (g *register) passed(t *turn) {
	for len(t.waiting) > 0 {
		i := t.waiting[0]
		if !i.decided() {
			if i.at.offset >= min(t.entry, t.rejections) && len(t.waiting) < mostOpen {
				return
			}
			g.offend("transfer %s (%s) was passed by: it was neither posted nor rejected, and later ones of its branch were", i.at, i.asked.ID)
			g.forget(i)
		}
		t.waiting = t.waiting[1:]
	}
}

// match finds debits without a credit, and credits without a debit.
func (g *register) match(l *leg) {
	for len(l.debits) > 0 && len(l.credits) > 0 {
		debit, credit := l.debits[0], l.credits[0]
		if debit != credit && credit.debit != nil {
			g.offend("transfer %s (%s) was debited and not credited, and later ones were", debit.at, debit.debit.ID)
			g.forget(debit)
			l.debits = l.debits[1:]
			continue
		}
		if debit == credit {
			l.debits = l.debits[1:]
		} else {
			g.offend("transfer %s (%s) was credited and not debited", credit.at, credit.credit.ID)
		}
		l.credits = l.credits[1:]
	}
}

// honoured notes that a request id had its effect.
func (g *register) honoured(i *item, asked transfer, outcome string) {
	if err := g.ids.honoured(asked, i.at, outcome); err != nil {
		g.offend("request %s of account %s: %v", asked.ID, asked.From, err)
	}
}

// settle forgets a transfer that has ended, after a look at how.
func (g *register) settle(i *item) {
	if i.ended() {
		g.end(i)
	}
}

func (g *register) end(i *item) {
	g.judge(i)
	g.forget(i)
}

// judge compares the end of a transfer with what was asked for.
func (g *register) judge(i *item) {
	if i.rejection == nil {
		g.counts.posted++
		if !i.valid || *i.debit != i.asked || *i.credit != i.asked {
			g.offend("transfer %s: %+v was asked for, and the entries say %+v and %+v", i.at, i.asked, *i.debit, *i.credit)
		}
		return
	}
	switch i.rejection.Code {
	case codeDuplicate:
		g.counts.duplicates++
	case codeInvalid:
		g.counts.invalid++
	case codeFunds:
		g.counts.rejected++
	default:
		g.offend("transfer %s was rejected for %.40q, which is no reason", i.at, i.rejection.Code)
	}
	if i.valid == (i.rejection.Code == codeInvalid) {
		g.offend("transfer %s was rejected (%s), and the auditor reads it otherwise", i.at, i.rejection.Reason)
	}
}

// forget makes room.
func (g *register) forget(i *item) {
	if g.items[i.at] != i {
		return
	}
	delete(g.items, i.at)
	if i.read {
		g.counts.open--
		<-g.room
	}
}
