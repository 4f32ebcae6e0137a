package groups_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/groups"
	"sluice/internal/kafka"
)

func TestSeek(t *testing.T) {
	for name, c := range map[string]struct {
		to     groups.Target
		offset int64
		behind bool
	}{
		"to the beginning":              {groups.ToBeginning(), 1, false},
		"to the end":                    {groups.ToEnd(), 4, false},
		"to an offset":                  {groups.ToOffset(3), 3, false},
		"to the first offset":           {groups.ToOffset(1), 1, false},
		"to the offset behind the last": {groups.ToOffset(4), 4, false},
		"to a record's time":            {groups.ToTime(now.Add(-30 * time.Minute)), 2, false},
		"between two records":           {groups.ToTime(now.Add(-31 * time.Minute)), 2, false},
		"before all of them":            {groups.ToTime(now.Add(-100 * time.Hour)), 1, false},
		"before 1970":                   {groups.ToTime(time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC)), 1, false},
		"the zero time":                 {groups.ToTime(time.Time{}), 1, false},
		"behind all of them":            {groups.ToTime(now), 4, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2)
			w.write(record(0, 2*time.Hour), record(0, time.Hour), record(0, 30*time.Minute), record(0, 10*time.Minute))
			w.transaction("open", record(0, time.Minute)) // Not there yet.
			w.deleteBelow(0, 1)
			w.commit(0, 2, "somebody's")

			plan, err := w.Plan(t.Context(), groups.Seek{Group: group, Topic: topic, Partitions: []int32{0}, To: c.to})
			require.NoError(t, err)
			require.False(t, plan.New)
			require.Equal(t, []groups.Move{{Partition: 0, From: 2, To: c.offset, Start: 1, End: 4, BehindAll: c.behind}}, plan.Moves)
			require.EqualValues(t, 2, w.cluster.GroupInfo(group).Commits[topic][0].Offset, "a plan changes nothing")

			require.NoError(t, w.Commit(t.Context(), plan))
			commits := w.cluster.GroupInfo(group).Commits[topic]
			require.Len(t, commits, 1, "the other partition is not sought")
			require.Equal(t, c.offset, commits[0].Offset)
			require.Equal(t, kafka.TopicNote(w.topicID()), commits[0].Metadata, "a member takes it for one of this topic")
		})
	}
}

func TestASeekToATimeIntoAnOpenTransaction(t *testing.T) {
	w := newWorld(t, 1)
	w.write(record(0, time.Hour))
	w.transaction("open", record(0, time.Minute))
	plan, err := w.Plan(t.Context(), groups.Seek{Group: group, Topic: topic, To: groups.ToTime(now.Add(-2 * time.Minute))})
	require.NoError(t, err)
	require.EqualValues(t, 1, plan.Moves[0].To, "its records are not skipped")
}

func TestAGroupThatHasNeverBeenStartsWhereItIsSought(t *testing.T) {
	w := newWorld(t, 3)
	w.write(record(0, time.Hour), record(1, time.Hour))
	plan, err := w.Plan(t.Context(), groups.Seek{Group: group, Topic: topic, To: groups.ToEnd()})
	require.NoError(t, err)
	require.True(t, plan.New)
	require.Len(t, plan.Moves, 3)
	require.EqualValues(t, -1, plan.Moves[0].From)
	require.NoError(t, w.Commit(t.Context(), plan))
	require.EqualValues(t, 0, *w.inspect().Lag)
}

func TestSeeksThatAreRefused(t *testing.T) {
	w := newWorld(t, 2)
	w.write(record(0, time.Hour), record(0, time.Hour))
	w.deleteBelow(0, 1)
	for name, c := range map[string]struct {
		seek groups.Seek
		says string
	}{
		"past the end":        {groups.Seek{Topic: topic, Partitions: []int32{0}, To: groups.ToOffset(3)}, "offset 3 is not in events/0, which has 1 to 2"},
		"before the start":    {groups.Seek{Topic: topic, Partitions: []int32{0}, To: groups.ToOffset(0)}, "which has 1 to 2"},
		"a negative offset":   {groups.Seek{Topic: topic, Partitions: []int32{0}, To: groups.ToOffset(-1)}, "which has 1 to 2"},
		"in one of them":      {groups.Seek{Topic: topic, To: groups.ToOffset(1)}, "events/1, which has 0 to 0"},
		"unknown partition":   {groups.Seek{Topic: topic, Partitions: []int32{0, 2}}, "topic events has no partition 2, only 0 to 1"},
		"negative partition":  {groups.Seek{Topic: topic, Partitions: []int32{-1}}, "no partition -1"},
		"unknown topic":       {groups.Seek{Topic: "nowhere"}, `unknown topic "nowhere"`},
		"no topic's name":     {groups.Seek{Topic: "a/b"}, `"a/b" is not a topic's name`},
		"no topic's name: ''": {groups.Seek{}, "not a topic's name"},
	} {
		t.Run(name, func(t *testing.T) {
			c.seek.Group = group
			_, err := w.Plan(t.Context(), c.seek)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestAGroupWithMembersIsNotSought(t *testing.T) {
	for name, opt := range map[string]kgo.Opt{
		"classic":  kgo.Balancers(kgo.CooperativeStickyBalancer()),
		"consumer": kgo.ServerSideBalancer(),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.write(record(0, time.Hour))
			w.commit(0, 0, "")
			plan, err := w.Plan(t.Context(), groups.Seek{Group: group, Topic: topic, To: groups.ToEnd()})
			require.NoError(t, err)

			w.join(opt)
			_, err = w.Plan(t.Context(), groups.Seek{Group: group, Topic: topic, To: groups.ToEnd()})
			require.ErrorIs(t, err, groups.ErrActive)
			require.ErrorContains(t, err, "has members, 1 in all")
			require.ErrorContains(t, err, "at 127.0.0.1")
			require.ErrorContains(t, err, "Stop them first")

			err = w.Commit(t.Context(), plan)
			require.ErrorIs(t, err, groups.ErrActive, "a member that joins in between wins")
			require.EqualValues(t, 0, w.cluster.GroupInfo(group).Commits[topic][0].Offset)
		})
	}
}

// A topic that is made anew between the plan and the commit is not skipped into.
func TestASeekOfATopicThatIsReplaced(t *testing.T) {
	w := newWorld(t, 1)
	w.write(record(0, time.Hour), record(0, time.Hour))
	plan, err := w.Plan(t.Context(), groups.Seek{Group: group, Topic: topic, To: groups.ToEnd()})
	require.NoError(t, err)
	_, err = w.admin.DeleteTopics(t.Context(), topic)
	require.NoError(t, err)
	_, err = w.admin.CreateTopic(t.Context(), 1, 1, nil, topic)
	require.NoError(t, err)
	w.client.PurgeTopicsFromClient(topic)
	w.write(record(0, time.Minute))
	if err := w.Commit(t.Context(), plan); err != nil {
		return // Kafka has noticed.
	}
	require.Eventually(t, func() bool { return *w.inspect().Lag == 1 }, time.Minute, 5*time.Millisecond)
	require.True(t, w.lag(0).Stale)
}

func TestASeekThatKafkaDoesNotAnswer(t *testing.T) {
	w := newWorld(t, 1)
	plan, err := w.Plan(t.Context(), groups.Seek{Group: group, Topic: topic, To: groups.ToEnd()})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, w.Commit(ctx, plan), kafka.ErrAway)
}
