package stream_test

import (
	"testing"

	"sluice/internal/stream"

	"github.com/stretchr/testify/require"
)

// A client that comes now gets what is written from now on; one that wants all
// gets all, and where it is live it is told so.
func TestNowAndEarliest(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 4)
	w.produce("t", 4, 250)
	h := w.hub()
	live := w.watch(h, stream.Request{Topics: []string{"t"}})
	all := w.watch(h, stream.Request{Topics: []string{"t"}, From: stream.Earliest})
	require.Equal(t, "ready", live.until(func(e []event) bool { return len(e) > 0 })[0].Name)
	require.NotEmpty(t, live.seen("caughtup").ID)
	all.seen("caughtup")
	inOrder(t, all.records(1000), nil)
	w.produce("t", 4, 50)
	require.Len(t, all.records(1200), 1200)
	inOrder(t, all.records(1200), nil)
	inOrder(t, live.records(200), map[int32]int64{0: 250, 1: 250, 2: 250, 3: 250})
}

// A client that goes on from each id it was given, on another replica, gets
// what comes behind it: nothing is left out and nothing comes twice.
func TestEveryIDResumes(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 3)
	a, b := w.hub(), w.hub()
	first := w.watch(a, stream.Request{Topics: []string{"t"}})
	first.seen("ready")
	w.produce("t", 3, 20)
	got := first.until(func(e []event) bool { return len(named(e, "message")) == 60 })
	at := map[int32]int64{}
	for i, e := range got {
		if e.Name == "message" {
			at[e.Data.Partition] = e.Data.Offset + 1
		}
		require.NotEmpty(t, e.ID)
		if i%7 != 0 {
			continue
		}
		again := w.watch(b, stream.Request{Topics: []string{"t"}, Cursor: e.ID})
		left := int64(60) - at[0] - at[1] - at[2]
		again.seen("caughtup")
		rest := named(again.until(func([]event) bool { return true }), "message")
		require.Len(t, rest, int(left))
		inOrder(t, rest, at)
		again.close()
	}
}

// A partition that is added while a stream runs is read from its beginning; so
// is one that a cursor does not know.
func TestPartitionsAreAdded(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	h := w.hub()
	running := w.watch(h, stream.Request{Topics: []string{"t"}})
	id := running.seen("ready").ID
	_, err := w.admin.CreatePartitions(t.Context(), 2, "t")
	require.NoError(t, err)
	w.produce("t", 3, 10)
	require.Equal(t, map[int32]int64{0: 10, 1: 10, 2: 10}, inOrder(t, running.records(30), nil))
	later := w.watch(w.hub(), stream.Request{Topics: []string{"t"}, Cursor: id})
	require.Equal(t, map[int32]int64{0: 10, 1: 10, 2: 10}, inOrder(t, later.records(30), nil))
}
