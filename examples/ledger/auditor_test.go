package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/example"
	"sluice/record"
)

// copied is a world with logs of its own, for another test.
func (w *world) copied(t *testing.T) *world {
	t.Helper()
	c := &world{t: t, topics: w.topics, random: w.random, logs: map[string][][]record.Record{}}
	for topic, logs := range w.logs {
		for _, log := range logs {
			c.logs[topic] = append(c.logs[topic], slices.Clone(log))
		}
	}
	return c
}

// find returns the partition of a topic with the most records, and the place of
// one in its first half that matches, if there is one.
func find[T any](w *world, topic string, match func(T) bool) (log *[]record.Record, at int, found T) {
	w.t.Helper()
	longest := 0
	for p := range w.logs[topic] {
		if len(w.logs[topic][p]) > len(w.logs[topic][longest]) {
			longest = p
		}
	}
	log = &w.logs[topic][longest]
	for i, r := range (*log)[:len(*log)/2] {
		var v T
		if json.Unmarshal(r.Value, &v) == nil && match(v) {
			return log, i, v
		}
	}
	require.Fail(w.t, "no such record in "+topic)
	return nil, 0, found
}

// edit changes a record of a topic.
func edit[T any](w *world, topic string, match func(T) bool, change func(*T)) {
	w.t.Helper()
	log, at, v := find(w, topic, match)
	change(&v)
	(*log)[at].Value, _ = json.Marshal(v)
}

func anyEntry(entry) bool                 { return true }
func aDebit(e entry) bool                 { return e.Kind == kindDebit }
func aRefusal(r rejection) bool           { return r.Code == codeFunds }
func aDuplicate(r rejection) bool         { return r.Code == codeDuplicate }
func aDecision(r rejection) bool          { return r.Code != codeInvalid }
func ofCustomer(a account) bool           { return isCustomer(a.Name) && a.N > 0 }
func ofClearing(a account) bool           { return !isCustomer(a.Name) }
func remove(log *[]record.Record, at int) { *log = slices.Delete(*log, at, at+1) }

func again(log *[]record.Record, at int) {
	r := (*log)[at]
	r.Offset = int64(len(*log))
	*log = append(*log, r)
}

func TestTheAuditorTurnsRed(t *testing.T) {
	whole := newWorld(t, 1, bugs{})
	whole.sendMany(600)
	whole.run()
	require.Empty(t, whole.audit().Offences)
	for _, tt := range []struct {
		name   string
		harm   func(w *world)
		reason string
	}{
		{"an entry is lost", func(w *world) {
			log, at, _ := find(w, w.topics.entries, anyEntry)
			remove(log, at)
		}, "are missing"},
		{"an entry is there twice", func(w *world) {
			log, at, _ := find(w, w.topics.entries, anyEntry)
			again(log, at)
		}, "is there again, or too late"},
		{"two entries have changed places", func(w *world) {
			log, at, _ := find(w, w.topics.entries, anyEntry)
			(*log)[at], (*log)[at+1] = (*log)[at+1], (*log)[at]
		}, "is there again, or too late"},
		{"a transfer is debited behind a later one of its account", func(w *world) {
			swapOrigins(w)
		}, "which came later"},
		{"a rejection is lost", func(w *world) {
			log, at, _ := find(w, w.topics.rejected, aDecision)
			remove(log, at)
		}, "was passed by: it was neither posted nor rejected"},
		{"a rejection is there twice", func(w *world) {
			log, at, _ := find(w, w.topics.rejected, aDecision)
			again(log, at)
		}, "rejection"},
		{"what was rejected for funds had them", func(w *world) {
			edit(w, w.topics.rejected, aRefusal, func(r *rejection) { r.Balance = r.Amount })
		}, "were refused, and it had"},
		{"a duplicate is told something else", func(w *world) {
			edit(w, w.topics.rejected, func(r rejection) bool { return aDuplicate(r) && r.First == posted }, func(r *rejection) { r.First = rejected })
		}, "is said to have been"},
		{"a good transfer is rejected as invalid", func(w *world) {
			edit(w, w.topics.rejected, aDuplicate, func(r *rejection) { r.Code = codeInvalid })
		}, "(valid: true), and the rejection invalid"},
		{"a rejection gives no reason", func(w *world) {
			edit(w, w.topics.rejected, aRefusal, func(r *rejection) { r.Code = "mood" })
		}, "no reason"},
		{"an entry does not add up to zero", func(w *world) {
			edit(w, w.topics.entries, anyEntry, func(e *entry) { e.Postings[1].Delta++ })
		}, "does not add up to zero"},
		{"an entry moves another amount than was asked for", func(w *world) {
			edit(w, w.topics.entries, aDebit, func(e *entry) {
				e.Amount++
				e.Postings[0].Delta--
				e.Postings[1].Delta++
			})
		}, "was asked for"},
		{"an entry posts to another account than it says", func(w *world) {
			edit(w, w.topics.entries, aDebit, func(e *entry) { e.From, e.To = e.To, e.From })
		}, "posts something else"},
		{"a running balance is wrong", func(w *world) {
			edit(w, w.topics.entries, anyEntry, func(e *entry) { e.Postings[0].Balance += 7 })
		}, "is not"},
		{"an account is overdrawn", func(w *world) {
			edit(w, w.topics.entries, aDebit, func(e *entry) { e.Postings[0].Balance = -1 })
		}, "less than nothing"},
		{"an account that is none", func(w *world) {
			edit(w, w.topics.entries, anyEntry, func(e *entry) { e.Postings[0].Account = "vault" })
		}, "there is no account"},
		{"a balance is wrong", func(w *world) {
			edit(w, w.topics.balances, ofCustomer, func(a *account) { a.Balance++ })
		}, "is said to be"},
		{"an entry is of no kind", func(w *world) {
			edit(w, w.topics.entries, anyEntry, func(e *entry) { e.Kind = "gift" })
		}, "posts something else"},
		{"a clearing balance is wrong", func(w *world) {
			edit(w, w.topics.balances, ofClearing, func(a *account) { a.Balance-- })
		}, "is said to be"},
		{"an old balance comes again", func(w *world) {
			log, at, _ := find(w, w.topics.balances, ofClearing)
			again(log, at)
		}, "went back from posting"},
		{"an entry cannot be read", func(w *world) {
			log, at, _ := find(w, w.topics.entries, anyEntry)
			(*log)[at].Value = []byte("hello")
		}, "cannot be read"},
		{"an entry was deleted", func(w *world) {
			log, at, _ := find(w, w.topics.entries, anyEntry)
			(*log)[at].Value = []byte("null")
		}, "posts something else"},
		{"an entry of a transfer that is to come", func(w *world) {
			edit(w, w.topics.entries, aDebit, func(e *entry) { e.Origin.Offset = 1_000_000 })
		}, "which came later"},
		{"a transfer is in no log, and was posted", func(w *world) {
			log, at, _ := find(w, w.topics.transfers, func(v any) bool { _, ok := v.(map[string]any); return ok })
			remove(log, at)
		}, "transfer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := whole.copied(t)
			tt.harm(w)
			v := w.audit()
			require.False(t, v.OK)
			require.Contains(t, fmt.Sprint(v.Offences), tt.reason)
			require.LessOrEqual(t, len(v.Offences), mostOffences)
		})
	}
}

// swapOrigins has two debits of an account say that they are each other's.
func swapOrigins(w *world) {
	w.t.Helper()
	for _, log := range w.logs[w.topics.entries] {
		first := map[string]int{}
		for i, r := range log {
			var e, other entry
			require.NoError(w.t, json.Unmarshal(r.Value, &e))
			if e.Kind != kindDebit {
				continue
			}
			at, twice := first[e.From]
			if !twice {
				first[e.From] = i
				continue
			}
			require.NoError(w.t, json.Unmarshal(log[at].Value, &other))
			e.Origin, other.Origin = other.Origin, e.Origin
			log[i].Value, _ = json.Marshal(e)
			log[at].Value, _ = json.Marshal(other)
			return
		}
	}
	require.Fail(w.t, "no account has two debits")
}

func TestTheAuditorNoticesEachBug(t *testing.T) {
	for _, tt := range []struct {
		name   string
		bugs   bugs
		reason string
	}{
		{"forget ids", bugs{forgetIDs: true}, "was honoured twice"},
		{"lose credits", bugs{loseCredits: true}, "was debited and not credited"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 7, tt.bugs)
			w.sendMany(1000)
			for w.step(false) {
			}
			v := w.audit()
			require.False(t, v.OK)
			require.Contains(t, fmt.Sprint(v.Offences), tt.reason)
		})
	}
}

// TestWhatHasNoEndIsNotComplete looks before the credit is there: nothing is
// wrong yet, and not all is accounted for.
func TestWhatHasNoEndIsNotComplete(t *testing.T) {
	w := newWorld(t, 3, bugs{})
	w.send(line{"0001", `{"id":"a","from":"0001","to":"0002","amount":500}`})
	for len(w.logs[w.topics.entries][home("0001")]) == 0 {
		require.True(t, w.step(false))
	}
	v := w.audit()
	require.True(t, v.OK, v.Offences)
	require.False(t, v.Complete)
	require.EqualValues(t, 500, figure(t, v, "on its way"))
	require.EqualValues(t, 1, figure(t, v, "not settled"))
	w.run()
	require.True(t, w.audit().Complete)
}

func TestALineThatWasSentAndIsNotThere(t *testing.T) {
	a := newAuditor(testTopics, 1)
	a.send("app-1", "0001")
	a.send("app-2", "0001")
	a.clients.Add(-1)
	require.True(t, a.verdict().OK)
	require.False(t, a.verdict().Complete)
	e := example.Event{Topic: testTopics.transfers, Partition: home("0001"), Value: []byte(`"hello"`), Time: time.Now()}
	e.Headers = map[string]string{lineHeader: "app-2"}
	require.NoError(t, a.take(e))
	require.True(t, a.verdict().OK)
	e.Offset, e.Time = 1, time.Now().Add(2*missing)
	require.NoError(t, a.take(e))
	v := a.verdict()
	require.False(t, v.OK)
	require.Equal(t, []string{"line app-1 was sent through service A, and the topic transfers does not have it"}, v.Offences)
}

// TestTheAuditorForgets has it see many transfers, and hold few.
func TestTheAuditorForgets(t *testing.T) {
	w := newWorld(t, 5, bugs{})
	a := newAuditor(w.topics, 0)
	read := map[string][]int{}
	for range 12 {
		w.sendMany(100)
		w.run()
		for topic, logs := range w.logs {
			if read[topic] == nil {
				read[topic] = make([]int, branches)
			}
			for p, log := range logs {
				for _, r := range log[read[topic][p]:] {
					require.NoError(t, a.take(event(topic, int32(p), r)))
				}
				read[topic][p] = len(log)
			}
		}
		require.Empty(t, a.register.open)
	}
	require.LessOrEqual(t, len(a.register.last), 2*branches*branches+branches*branches*branches)
	require.True(t, a.verdict().OK, a.verdict().Offences)
	require.EqualValues(t, 1200, settled(t, a.verdict()))
}

func TestIDMemory(t *testing.T) {
	var f findings
	m := idMemory{findings: &f, known: map[requestKey]effect{}}
	for i := range mostKnown + 5 {
		m.heard("0001", fmt.Sprint(i), posted, true)
	}
	require.Len(t, m.known, mostKnown)
	m.heard("0002", "9", posted, true)
	require.Empty(t, f.offences)
	m.heard("0001", "9", posted, true)
	require.Equal(t, []string{"request 9 of account 0001 was honoured twice"}, f.offences)
	m.heard("0003", "a", rejected, false)
	m.heard("0003", "a", posted, true)
	require.Equal(t, "request a of account 0003 is said to have been rejected, and posted", f.offences[1])
}

func TestClientsWaitForABankThatIsBehind(t *testing.T) {
	a := newAuditor(testTopics, 1)
	for n := range mostOpen {
		a.send(fmt.Sprint(n), "0001")
	}
	require.False(t, a.behind())
	a.send("one more", "0001")
	require.True(t, a.behind())
}
