package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sluice/examples/internal/example"
)

// auditor looks at what came out, and is not told how. It reads the transfers,
// the entries, the balances and the rejections as anybody could, through service
// B and so only what is committed, and recomputes the bank from them. From the
// clients it knows what they have sent.
type auditor struct {
	topics  topics
	clients atomic.Int64 // that may still send

	mu sync.Mutex
	findings
	book     *book
	register *register
	ids      idMemory
	entries  int64
	sent     map[string]sentLine // and was not seen in the log yet
	newest   map[int32]time.Time // by partition: of what was seen there
}

// findings are what is wrong.
type findings struct {
	offences []string // the first of them
	offended int64
}

const mostOffences = 20

// offend notes what is wrong. The auditor's lock is held.
func (f *findings) offend(format string, args ...any) {
	f.offended++
	if len(f.offences) < mostOffences {
		f.offences = append(f.offences, fmt.Sprintf(format, args...))
	}
}

// newAuditor makes the auditor of so many clients.
func newAuditor(t topics, clients int64) *auditor {
	a := &auditor{topics: t, sent: map[string]sentLine{}, newest: map[int32]time.Time{}}
	a.clients.Store(clients)
	a.book, a.register = newBook(&a.findings), newRegister(&a.findings)
	a.ids = idMemory{findings: &a.findings, known: map[requestKey]effect{}}
	return a
}

// take takes in a record. What is wrong with it is an offence, and no error.
func (a *auditor) take(e example.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch e.Topic {
	case a.topics.transfers:
		delete(a.sent, e.Headers[lineHeader])
		a.newest[e.Partition] = e.Time
		a.register.read(place{e.Partition, e.Offset}, e.Value)
	case a.topics.entries:
		decode(a, e, a.entry)
	case a.topics.balances:
		decode(a, e, a.book.balance)
	case a.topics.rejected:
		decode(a, e, a.rejection)
	}
	return nil
}

// decode takes in a value that the bank has written.
func decode[T any](a *auditor, e example.Event, take func(T)) {
	var v T
	if err := json.Unmarshal(e.Value, &v); err != nil {
		a.offend("%s/%d, offset %d cannot be read: %v", e.Topic, e.Partition, e.Offset, err)
		return
	}
	take(v)
}

// entry takes in an entry: each adds up to zero, so that the sum over all
// accounts stays what it was.
func (a *auditor) entry(e entry) {
	a.entries++
	account, delta := e.effect()
	clearing, p := clearingOf(home(account)), e.Postings
	if len(p) != 2 || p[0].Account != account || p[0].Delta != delta || p[1].Account != clearing || p[1].Delta != -delta {
		a.offend("the %s of transfer %s (%s) posts something else than it says, or does not add up to zero", e.Kind, e.Origin, e.ID)
	}
	for _, p := range e.Postings {
		a.book.post(p)
	}
	a.register.hear(e.request, "")
	if e.Kind == kindDebit {
		a.ids.heard(e.From, e.ID, posted, true)
	}
}

// rejection takes in a rejection, which has to have a reason.
func (a *auditor) rejection(r rejection) {
	a.register.hear(request{kindRejection, transfer{ID: r.ID, From: r.Account, Amount: r.Amount}, r.Origin}, r.Code)
	switch r.Code {
	case codeFunds:
		a.ids.heard(r.Account, r.ID, rejected, true)
		a.book.refused(r)
	case codeDuplicate:
		a.ids.heard(r.Account, r.ID, r.First, false)
	case codeInvalid:
	default:
		a.offend("transfer %s was rejected for %.40q, which is no reason", r.Origin, r.Code)
	}
}

// sentLine is a line of a client. Service A has said that it is written, or is
// being asked again and again.
type sentLine struct {
	home int32
	at   time.Time
}

// missing is how much younger what was seen of a partition may be than a line
// that should be there: clocks differ, and what is in doubt is sent again.
const missing = 5 * time.Minute

// send notes what a client is about to send.
func (a *auditor) send(id, key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent[id] = sentLine{home(key), time.Now()}
}

// check finds lines that were sent and are not there.
func (a *auditor) check() {
	for id, line := range a.sent {
		if a.newest[line.home].Sub(line.at) > missing {
			a.offend("line %s was sent through service A, and the topic transfers does not have it", id)
			delete(a.sent, id)
		}
	}
}

// mostOpen bounds the memory for transfers that have not ended.
const mostOpen = 100_000

// behind reports whether so many transfers have not ended that a client had
// better wait.
func (a *auditor) behind() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.sent)+len(a.register.open) > mostOpen
}

// verdict says what was found so far. All is accounted for when no more is sent,
// each line that was is in the log, each transfer of the log has ended, nothing
// is on its way, and the balances are what the entries make of them.
func (a *auditor) verdict() example.Verdict {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.check()
	a.register.check()
	ended := a.register.ended
	return example.Verdict{
		OK:       a.offended == 0,
		Complete: a.clients.Load() == 0 && len(a.sent) == 0 && len(a.register.open) == 0 && a.book.even(),
		Figures: []example.Figure{
			{Name: "total", Value: a.book.total},
			{Name: "on its way", Value: a.book.clearing},
			{Name: "posted", Value: ended[posted]},
			{Name: "rejected", Value: ended[codeFunds]},
			{Name: "duplicates", Value: ended[codeDuplicate]},
			{Name: "invalid", Value: ended[codeInvalid]},
			{Name: "not settled", Value: int64(len(a.register.open))},
			{Name: "entries", Value: a.entries},
			{Name: "balances compared", Value: a.book.compared},
			{Name: "accounts", Value: int64(len(a.book.sheets))},
			{Name: "offences", Value: a.offended},
		},
		Offences: append([]string{}, a.offences...),
	}
}
