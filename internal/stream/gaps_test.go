package stream_test

import (
	"testing"

	"sluice/internal/stream"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
)

// Whatever event was the last that a client has got, its id leads to every
// record behind it or to a gap that covers it: also when the connection is cut
// between ready and the gap that follows it, or between two gaps.
func TestAGapIsToldAgainWhereTheClientWasCutOffBeforeIt(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 2)
	first := w.watch(w.hub(), stream.Request{Topics: []string{"t"}})
	old := first.seen("ready").ID // 0, 0
	first.close()
	w.produce("t", 2, 20)
	offsets := kadm.Offsets{}
	offsets.AddOffset("t", 0, 10, -1)
	offsets.AddOffset("t", 1, 10, -1)
	_, err := w.admin.DeleteRecords(t.Context(), offsets)
	require.NoError(t, err)

	for _, c := range []struct{ name, cursor string }{{"expired", old}, {"bad cursor", "v1.nonsense"}} {
		t.Run(c.name, func(t *testing.T) {
			again := w.watch(w.hub(), stream.Request{Topics: []string{"t"}, Cursor: c.cursor})
			again.seen("caughtup")
			all := again.until(func([]event) bool { return true })
			gaps := named(all, "gap")
			require.NotEmpty(t, gaps)
			for i, e := range all {
				if e.Name == "caughtup" {
					break
				}
				if e.Name != "ready" && e.Name != "gap" {
					continue
				}
				left := len(named(all[i+1:], "gap"))
				id := e.ID // cut off behind event i; without an id the client keeps what it had
				if id == "" {
					id = c.cursor
				}
				next := w.watch(w.hub(), stream.Request{Topics: []string{"t"}, Cursor: id})
				next.seen("caughtup")
				got := next.until(func([]event) bool { return true })
				require.GreaterOrEqual(t, len(named(got, "gap")), left, "cut off behind event %d (%s): then %v; before: %v", i, e.Name, names(got), names(all))
				next.close()
			}
		})
	}
}

// What was deleted of a partition that was added after the cursor is a gap as well.
func TestTheDeletedBeginningOfAnAddedPartitionIsAGap(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	old := w.watch(w.hub(), stream.Request{Topics: []string{"t"}})
	id := old.seen("ready").ID
	old.close()
	_, err := w.admin.CreatePartitions(t.Context(), 1, "t")
	require.NoError(t, err)
	w.produce("t", 2, 20)
	offsets := kadm.Offsets{}
	offsets.AddOffset("t", 1, 10, -1)
	_, err = w.admin.DeleteRecords(t.Context(), offsets)
	require.NoError(t, err)
	again := w.watch(w.hub(), stream.Request{Topics: []string{"t"}, Cursor: id})
	again.seen("caughtup")
	all := again.until(func([]event) bool { return true })
	require.NotEmpty(t, named(all, "gap"), "%v", names(all))
}

// Who wants one partition is not told of gaps in others, and with strict=1 not
// refused for them.
func TestAGapOfAnotherPartitionIsNotTold(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 2)
	one := int32(1)
	first := w.watch(w.hub(), stream.Request{Topics: []string{"t"}, Selection: stream.Selection{Partition: &one}})
	id := first.seen("ready").ID
	first.close()
	w.produce("t", 2, 20)
	offsets := kadm.Offsets{}
	offsets.AddOffset("t", 0, 10, -1)
	_, err := w.admin.DeleteRecords(t.Context(), offsets)
	require.NoError(t, err)
	again := w.watch(w.hub(), stream.Request{Topics: []string{"t"}, Cursor: id, Selection: stream.Selection{Partition: &one}})
	again.seen("caughtup")
	all := again.until(func([]event) bool { return true })
	require.Len(t, named(all, "message"), 20)
	require.Empty(t, named(all, "gap"))
}
