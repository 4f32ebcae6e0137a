package consumer

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Status is what this member of a group is doing: one moment, in which every
// record that it has taken over is in exactly one state.
type Status struct {
	Handler string `json:"handler" doc:"The handler's name."`
	Group   string `json:"group"`
	// Joined is empty while the member is in its group, else why it is not.
	NotJoined string `json:"not_joined,omitempty" doc:"Why the member is not in its group at present."`
	// Held says why the handler is given no record at present, HeldUntil until
	// when; see Hold.
	Held      string    `json:"held,omitempty" doc:"Why the handler is given no record at present."`
	HeldUntil time.Time `json:"held_until,omitzero" doc:"When it is tried again."`
	// Records are those of all partitions, former ones included.
	Records States `json:"records" doc:"Records by state, since the start, those of former partitions included."`
	// Partitions are those assigned to the member, by topic and number.
	Partitions []PartitionStatus `json:"partitions"`
}

// PartitionStatus is one partition that is assigned to a member.
type PartitionStatus struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Position is the offset before which all is handled, Committed the one
	// that the group has, or -1; both are -1 until they are known.
	Position  int64  `json:"position" doc:"Offset before which every record is handled; -1 while it is not known."`
	Committed int64  `json:"committed" doc:"Offset that the group has committed; -1 for none."`
	Records   States `json:"records"`
	// Lanes is how many lanes have records.
	Lanes int `json:"lanes" doc:"Lanes that have records."`
	// OldestRunning is when the attempt began that has run for longest.
	OldestRunning time.Time `json:"oldest_running,omitzero" doc:"When the attempt began that has run for longest."`
	// Restoring says why the handler has no state of the partition yet; see
	// Stateful.
	Restoring string `json:"restoring,omitempty" doc:"Why the handler waits for its state of the partition."`
	// Stopped says why the partition is held until it is assigned anew.
	Stopped string `json:"stopped,omitempty" doc:"Why nothing more of the partition is handled until this member is started again."`
	// LastError is the last failure of a record that waits to be tried again.
	LastError string `json:"last_error,omitempty" doc:"Why a record of the partition waits to be tried again."`
}

// States counts records by the state they are in. A record that was taken over
// from the Kafka client is in exactly one:
//
//	In = OK + Dead + Queued + Running + Retrying + Returned
type States struct {
	In int64 `json:"in" doc:"Taken over from Kafka: the sum of the others."`
	// OK were handled, Dead are in a dead-letter topic.
	OK   int64 `json:"ok" doc:"Handled."`
	Dead int64 `json:"dead" doc:"Written to the dead-letter topic."`
	// Queued wait for the handler, Running are with it or on their way to the
	// dead-letter topic, Retrying have failed and wait for their next attempt.
	Queued   int64 `json:"queued" doc:"Wait for the handler."`
	Running  int64 `json:"running" doc:"With the handler, or on the way to the dead-letter topic."`
	Retrying int64 `json:"retrying" doc:"Failed, and wait for the next attempt."`
	// Returned were handed back unfinished, at a rebalance, a loss or the end
	// of the program; another member or a later run gets them.
	Returned int64 `json:"returned" doc:"Handed back unfinished; another member or a later run gets them."`
}

func (s *States) add(o States) {
	s.In += o.In
	s.OK += o.OK
	s.Dead += o.Dead
	s.Queued += o.Queued
	s.Running += o.Running
	s.Retrying += o.Retrying
	s.Returned += o.Returned
}

// retired are the records of partitions that are no longer ours.
type retired map[topicPartition]States

// add fences a partition and keeps its count.
func (r retired) add(p *partition) {
	s := r[p.topicPartition]
	s.add(p.fence())
	r[p.topicPartition] = s
}

// Status returns what the member is doing. It may be called at any time.
func (g *Group) Status() Status {
	s, _ := g.snapshot()
	return s
}

// snapshot returns the status, and the records of each partition, those of
// former assignments included.
func (g *Group) snapshot() (Status, retired) {
	s := Status{Handler: g.config.Name, Group: g.config.Group, Partitions: []PartitionStatus{}}
	if until, held := g.pool.holding(); held != nil {
		s.Held, s.HeldUntil = held.Error(), until
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state.why != nil {
		s.NotJoined = g.state.why.Error()
	}
	counts := maps.Clone(g.retired)
	for tp, p := range g.partitions {
		status := p.status()
		all := counts[tp]
		all.add(status.Records)
		counts[tp] = all
		s.Partitions = append(s.Partitions, status)
	}
	for _, states := range counts {
		s.Records.add(states)
	}
	slices.SortFunc(s.Partitions, func(a, b PartitionStatus) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return s, counts
}

func (p *partition) status() PartitionStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := PartitionStatus{Topic: p.topic, Partition: p.id, Position: -1, Committed: -1, Records: p.states}
	if p.located {
		s.Position = p.position.Offset
	}
	if p.hasCommit {
		s.Committed = p.committed.Offset
	}
	s.Lanes = p.countLanes()
	for l := range p.busy {
		if s.OldestRunning.IsZero() || l.began.Before(s.OldestRunning) {
			s.OldestRunning = l.began
		}
	}
	if p.opening != nil {
		s.Restoring = p.opening.why(p.group.table)
	}
	if p.halted != nil {
		s.Stopped = p.halted.Error()
	}
	for l := range p.waiting {
		s.LastError = l.waits.Error()
		break
	}
	return s
}

// countLanes is how many lanes have records.
func (p *partition) countLanes() int {
	switch p.group.config.Order {
	case OrderKey:
		return len(p.lanes)
	case OrderNone:
		return int(p.states.Queued + p.states.Running + p.states.Retrying)
	case OrderPartition:
	}
	if p.lane.first == nil {
		return 0
	}
	return 1
}
