package groups

import (
	"strings"
	"time"
)

// Group is what Kafka said of a consumer group at one time.
type Group struct {
	Name string `json:"group"`
	// State is Kafka's word: Stable, Empty (there are offsets and no members),
	// PreparingRebalance and the like; Dead where Kafka does not know the group.
	State string `json:"state" doc:"Kafka's word: Stable, Empty, PreparingRebalance, CompletingRebalance, Assigning, Reconciling, or Dead where Kafka does not know the group."`
	// Type is the protocol of the group's members: classic, or consumer for
	// the newer one of KIP-848. It is empty where Kafka does not know the group.
	Type string `json:"type,omitempty" doc:"The protocol of its members: classic or consumer (KIP-848)."`
	// Assignor is how partitions are divided; empty unless the group is stable.
	Assignor string `json:"assignor,omitempty" doc:"How partitions are divided among the members."`
	// Topics are those that the group reads or has committed offsets of.
	Topics []string `json:"topics" doc:"Topics that the group reads or has committed offsets of."`
	// MissingTopics are those of the group that do not exist.
	MissingTopics []string `json:"missing_topics,omitempty" doc:"Topics of the group that do not exist."`
	Total
	Partitions []PartitionLag `json:"partitions" doc:"By topic and number."`
	Members    []Member       `json:"members"`
	At         time.Time      `json:"at" doc:"When Kafka was asked."`
}

// Total is the lag of a whole group: of the topics that it reads. A commit of a
// topic that nobody subscribes to any more is listed and not counted, unless
// the group subscribes to nothing at present.
type Total struct {
	// Lag is the sum over the partitions where it is known; nil where it is
	// known of none.
	Lag *int64 `json:"lag" doc:"Records that are not handled yet: the sum over the partitions where it is known, null where it is known of none. Commits of topics that the group no longer reads are not counted."`
	// LagSeconds is the largest one; nil where none is known.
	LagSeconds *float64 `json:"lag_seconds" doc:"Age of the oldest record that is not handled yet, in seconds; 0 where there is none, null where it is not known of any partition."`
	// Unknown is how many partitions are left out of one or both.
	Unknown int `json:"unknown" doc:"Partitions of which the lag in records or in seconds could not be found out, and is not in the totals."`
}

// PartitionLag is how far a group is behind in one partition. Offsets that are
// not known are -1.
type PartitionLag struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Committed is the group's offset; see Stale.
	Committed int64 `json:"committed" doc:"The group's offset; -1 for none."`
	// Start and End bound what a reader of committed records can read: the
	// start of the log and the last stable offset.
	Start int64 `json:"start" doc:"The first offset in the log; -1 where it is not known."`
	End   int64 `json:"end" doc:"The last stable offset, behind the last record that a reader of committed records gets; -1 where it is not known."`
	// Lag counts the offsets from Committed, or Start where that is higher, to
	// End. Markers of transactions count where they are not committed over.
	Lag *int64 `json:"lag" doc:"Offsets from the committed one, or the start of the log, to the end; null where it is not known."`
	// LagSeconds is the age of the next record that is not handled.
	LagSeconds *float64 `json:"lag_seconds" doc:"Age of the next record that is not handled, in seconds; 0 where there is none, null where it is not known."`
	// Stale says that the group's only commit is of a topic of this name that
	// was deleted. It is not used, and Committed is -1.
	Stale bool `json:"stale_commit,omitempty" doc:"The group has committed an offset of an earlier topic of this name, which is not used."`
	// Subscribed says that the group reads the topic and so the partition is in
	// the totals.
	Subscribed bool `json:"subscribed" doc:"The group reads the topic; the partition is in the totals."`
	// Member is the id of the member that has the partition, "" for none.
	Member string `json:"member,omitempty" doc:"The id of the member that has the partition."`
	// Problem says why something is not known.
	Problem string `json:"problem,omitempty" doc:"Why a lag is not known."`
}

// Member is a member of a group.
type Member struct {
	ID       string            `json:"id"`
	Instance string            `json:"instance,omitempty" doc:"The name of a static member (group.instance.id)."`
	ClientID string            `json:"client_id"`
	Host     string            `json:"host" doc:"Where the member is connected from, as the broker sees it."`
	Assigned []TopicPartitions `json:"assigned" doc:"The partitions that the member has."`
}

// String names a member for people: its id, which with the older protocol begins
// with its client's, and where it is.
func (m Member) String() string {
	name := m.ID
	switch {
	case m.Instance != "":
		name = m.Instance + " (" + m.ID + ")"
	case !strings.HasPrefix(m.ID, m.ClientID):
		name = m.ClientID + " (" + m.ID + ")"
	}
	return name + " at " + m.Host
}

// TopicPartitions are partitions of one topic.
type TopicPartitions struct {
	Topic      string  `json:"topic"`
	Partitions []int32 `json:"partitions"`
}

// place is a partition's name.
type place struct {
	topic     string
	partition int32
}

// TotalOf adds up the partitions that are subscribed.
func TotalOf(partitions []PartitionLag) Total {
	t, counted, lag, known := Total{}, 0, int64(0), 0
	for _, p := range partitions {
		if !p.Subscribed {
			continue
		}
		counted++
		if p.Lag != nil {
			lag += *p.Lag
			known++
		}
		if p.Lag == nil || p.LagSeconds == nil {
			t.Unknown++
		}
		if p.LagSeconds != nil && (t.LagSeconds == nil || *p.LagSeconds > *t.LagSeconds) {
			t.LagSeconds = p.LagSeconds
		}
	}
	if known > 0 || counted == 0 {
		t.Lag = &lag
	}
	if counted == 0 {
		t.LagSeconds = new(float64)
	}
	return t
}
