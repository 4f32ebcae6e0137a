//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"sluice/test/harm"
)

// kind is a kind of fault.
type kind string

const (
	killReplica     kind = "SIGKILL a replica"
	stopReplica     kind = "SIGTERM a replica"
	freezeReplica   kind = "SIGSTOP a replica"
	addPartitions   kind = "partitions added"
	deleteRecords   kind = "records deleted"
	openTransaction kind = "a transaction left open"
	killBroker      kind = "SIGKILL the broker"
	freezeBroker    kind = "SIGSTOP the broker"
)

// everyKind are all of them, in the order of the report.
var everyKind = []kind{killReplica, stopReplica, freezeReplica, addPartitions, deleteRecords, openTransaction, killBroker, freezeBroker}

// gentle are those that are over soon and leave the broker alone.
var gentle = []kind{killReplica, stopReplica, freezeReplica, addPartitions, deleteRecords}

// fault is what happens.
type fault struct {
	kind    kind
	replica int
	// lasts is how long it lasts; with kills and stops, how long the process is
	// away before it is started again. pause is before it.
	lasts, pause time.Duration
}

func (f fault) String() string {
	switch f.kind {
	case killReplica, stopReplica:
		return fmt.Sprintf("%s (%d), away for %s", f.kind, f.replica+1, harm.Seconds(f.lasts))
	case freezeReplica:
		return fmt.Sprintf("%s (%d) for %s", f.kind, f.replica+1, harm.Seconds(f.lasts))
	case addPartitions, deleteRecords:
		return string(f.kind)
	case killBroker:
		return fmt.Sprintf("%s, away for %s", f.kind, harm.Seconds(f.lasts))
	default:
		return fmt.Sprintf("%s for %s", f.kind, harm.Seconds(f.lasts))
	}
}

// newPlan chooses n faults: each of the kinds in turn, shuffled anew each time.
// The same arguments give the same plan. With hasty everything is over sooner.
func newPlan(seed uint64, n, replicas int, kinds []kind, hasty bool) []fault {
	random := rand.New(rand.NewPCG(seed, 3))
	between := func(least, most time.Duration) time.Duration {
		if hasty {
			least, most = least/8, most/8
		}
		return least + time.Duration(random.Int64N(int64(most-least)))
	}
	var faults []fault
	for len(faults) < n {
		for _, i := range random.Perm(len(kinds)) {
			f := fault{kind: kinds[i], replica: random.IntN(replicas), pause: between(time.Second, 5*time.Second)}
			switch f.kind {
			case killReplica, stopReplica, killBroker:
				f.lasts = between(100*time.Millisecond, 4*time.Second)
			case openTransaction:
				f.lasts = 20 * time.Second // A stall is told of after ten, within five.
			default:
				f.lasts = between(time.Second, 8*time.Second)
			}
			faults = append(faults, f)
		}
	}
	return faults[:n]
}
