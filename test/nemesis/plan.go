//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"sluice/test/harm"
)

// kind is a kind of fault.
type kind string

const (
	killMember   kind = "SIGKILL a member"
	freezeMember kind = "SIGSTOP a member"
	stopMember   kind = "SIGTERM a member"
	extraMember  kind = "one more member for a while"
	killBroker   kind = "SIGKILL the broker"
	freezeBroker kind = "SIGSTOP the broker"
)

// twoAtOnce is in the deck for two faults at the same time.
const twoAtOnce kind = "two at once"

// fault is what happens to one member, or to the broker.
type fault struct {
	kind   kind
	member int
	// lasts is how long it lasts; with kills and stops, how long the process is
	// away before it is started again.
	lasts time.Duration
	// brutal ends the additional member by SIGKILL instead of SIGTERM.
	brutal bool
}

func (f fault) String() string {
	switch f.kind {
	case killMember, stopMember:
		return fmt.Sprintf("%s (%d), away for %s", f.kind, f.member+1, harm.Seconds(f.lasts))
	case freezeMember:
		return fmt.Sprintf("%s (%d) for %s", f.kind, f.member+1, harm.Seconds(f.lasts))
	case extraMember:
		if f.brutal {
			return fmt.Sprintf("%s, %s, and SIGKILL", f.kind, harm.Seconds(f.lasts))
		}
		return fmt.Sprintf("%s, %s", f.kind, harm.Seconds(f.lasts))
	case killBroker:
		return fmt.Sprintf("%s, away for %s", f.kind, harm.Seconds(f.lasts))
	default:
		return fmt.Sprintf("%s for %s", f.kind, harm.Seconds(f.lasts))
	}
}

// step is one fault, or two at once, and the pause before it.
type step struct {
	faults []fault
	// settle waits for the group to have caught up first; else pause passes,
	// and the group may be in the middle of what the last fault has caused.
	settle bool
	pause  time.Duration
}

// kind is the step's in the report.
func (s step) kind() kind {
	if len(s.faults) > 1 {
		return twoAtOnce
	}
	return s.faults[0].kind
}

func (s step) String() string {
	var texts []string
	for _, f := range s.faults {
		texts = append(texts, f.String())
	}
	return strings.Join(texts, " + ")
}

// The first cards are one of each kind, so that a short run has them all; then
// the deck is dealt again and again.
var (
	everyKind = []kind{killMember, freezeMember, stopMember, extraMember, killBroker, freezeBroker, twoAtOnce}
	deck      = []kind{
		killMember, killMember, killMember, killMember,
		freezeMember, freezeMember, freezeMember, freezeMember,
		stopMember, stopMember,
		extraMember, extraMember,
		killBroker, killBroker,
		freezeBroker, freezeBroker,
		twoAtOnce, twoAtOnce, twoAtOnce,
	}
)

// newPlan chooses n steps. The same arguments give the same plan.
func newPlan(seed uint64, n, members int) []step {
	random := rand.New(rand.NewPCG(seed, 3))
	var cards []kind
	for len(cards) < n {
		from := deck
		if len(cards) == 0 {
			from = everyKind
		}
		for _, i := range random.Perm(len(from)) {
			cards = append(cards, from[i])
		}
	}
	p := planner{random, members}
	steps := make([]step, n)
	for i := range steps {
		steps[i] = step{
			faults: p.faults(cards[i]),
			settle: random.IntN(2) == 0,
			pause:  p.between(500*time.Millisecond, 8*time.Second),
		}
	}
	return steps
}

// planner fills in what is random about a fault.
type planner struct {
	random  *rand.Rand
	members int
}

func (p planner) between(least, most time.Duration) time.Duration {
	return least + time.Duration(p.random.Int64N(int64(most-least)))
}

func (p planner) faults(k kind) []fault {
	if k != twoAtOnce {
		return []fault{p.fault(k, p.random.IntN(p.members))}
	}
	// Two members, or one and the broker: never two at one.
	member := p.random.IntN(p.members)
	ofMembers := []kind{killMember, freezeMember, stopMember, extraMember}
	ofBroker := []kind{killBroker, freezeBroker}
	first := p.fault(ofMembers[p.random.IntN(3)], member)
	if p.members == 1 || p.random.IntN(2) == 0 {
		return []fault{first, p.fault(ofBroker[p.random.IntN(len(ofBroker))], 0)}
	}
	other := (member + 1 + p.random.IntN(p.members-1)) % p.members
	return []fault{first, p.fault(ofMembers[p.random.IntN(len(ofMembers))], other)}
}

func (p planner) fault(k kind, member int) fault {
	f := fault{kind: k, member: member}
	switch k {
	case killMember, stopMember, killBroker:
		f.lasts = p.between(0, 5*time.Second)
	case freezeMember:
		f.lasts = p.between(time.Second, 15*time.Second)
	case extraMember:
		f.member = p.members // The one behind the last.
		f.lasts = p.between(2*time.Second, 12*time.Second)
		f.brutal = p.random.IntN(2) == 0
	default:
		f.lasts = p.between(time.Second, 10*time.Second)
	}
	return f
}
