package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/consumer/consumertest"
	"sluice/record"
)

var testTopics = topics{"positions", "state", "alerts", "map"}

// handle calls the state as a group would.
func handle(t *testing.T, k consumer.State, r record.Record) consumertest.Result {
	t.Helper()
	return consumertest.Handle(t.Context(), consumer.Transform(k.Handle), r)
}

func position(m message, partition int32, offset int64) record.Record {
	return record.Record{Topic: "positions", Partition: partition, Offset: offset, Timestamp: written, Key: []byte(m.vehicle), Value: []byte(m.text)}
}

func TestTrackerMakesATrackAndAlerts(t *testing.T) {
	k := newTracker(village(), testTopics)
	got := handle(t, k, position(message{"v0001", point{"v0001", 1000, 1500, 100, 10, 90}.text()}, 2, 17))
	require.Equal(t, consumertest.Handled, got.Outcome, got)
	require.Len(t, got.Made, 2)
	require.Equal(t, "state", got.Made[0].Topic)
	require.Equal(t, "v0001", string(got.Made[0].Key))
	require.JSONEq(t, `{"id":"v0001","t":1000,"x":1500,"y":100,"speed":10,"heading":90,"fences":["Yard"],"rest":[1500,100],"since":1000,
		"points":1,"stale":0,"duplicates":0,"alerts":1,"partition":2,"offset":17}`, string(got.Made[0].Value))
	require.Equal(t, "alerts", got.Made[1].Topic)
	require.Equal(t, "v0001", string(got.Made[1].Key))
	require.JSONEq(t, `{"vehicle":"v0001","seq":1,"kind":"enter","zone":"Yard","t":1000,"x":1500,"y":100,"speed":10,"partition":2,"offset":17}`, string(got.Made[1].Value))
}

func TestTrackerIgnoresWhatIsMalformed(t *testing.T) {
	k := newTracker(village(), testTopics)
	p := point{"v0001", written.UnixMilli(), 1500, 100, 10, 90}
	handle(t, k, position(message{p.ID, p.text()}, 2, 17))
	before := k.tracks["v0001"]
	for n := range 6 {
		r := position(message{p.ID, malformed(n, p)}, 2, 18)
		got := handle(t, k, r)
		require.Equal(t, consumertest.GivenUp, got.Outcome, string(r.Value))
		require.Empty(t, got.Made)
	}
	require.Len(t, k.tracks, 1)
	require.Equal(t, before, k.tracks["v0001"])
}

// TestTrackerAnywhere lets a second tracker begin anew before each point, from
// what the first has returned: it has to say the same.
func TestTrackerAnywhere(t *testing.T) {
	c := newCity()
	vehicles := newTraffic(c, settings{vehicles: 20, every: 5 * time.Second, clock: 1, seed: 7}, written.Add(-time.Hour))
	stays := newTracker(c, testTopics)
	table := map[string]record.Record{}
	kinds := map[string]int{}
	now := vehicles.begin
	for offset := int64(0); offset < 4000; now = now.Add(100 * time.Millisecond) {
		for _, m := range vehicles.next(now) {
			r := position(m, 0, offset)
			offset++
			moved := newTracker(c, testTopics)
			if last, ok := table[m.vehicle]; ok {
				require.NoError(t, moved.Restore(&last))
			}
			want := handle(t, stays, r)
			require.Equal(t, want.Made, handle(t, moved, r).Made)
			if want.Outcome != consumertest.Handled {
				continue // It is malformed.
			}
			table[m.vehicle] = want.Made[0]
			for _, a := range want.Made[1:] {
				var told alert
				require.NoError(t, json.Unmarshal(a.Value, &told))
				kinds[told.Kind]++
			}
		}
	}
	for _, kind := range []string{"enter", "leave", "speeding", "slowed", "idle", "moving"} {
		require.Positive(t, kinds[kind], "the traffic has %s", kind)
	}
}

func TestTrackerRestores(t *testing.T) {
	good := record.Record{Key: []byte("v0001"), Value: []byte(`{"id":"v0001","t":5,"alerts":3}`)}
	for name, c := range map[string]struct {
		records []record.Record
		want    map[string]track
		err     string
	}{
		"nothing":      {want: map[string]track{}},
		"a track":      {records: []record.Record{good}, want: map[string]track{"v0001": {point: point{ID: "v0001", T: 5}, Alerts: 3}}},
		"the last one": {records: []record.Record{good, {Key: good.Key, Value: []byte(`{"id":"v0001","t":6}`)}}, want: map[string]track{"v0001": {point: point{ID: "v0001", T: 6}}}},
		"a tombstone":  {records: []record.Record{good, {Key: good.Key}}, want: map[string]track{}},
		"no track":     {records: []record.Record{{Key: good.Key, Value: []byte("hello"), Offset: 4}}, err: "offset 4 of the table is not a track"},
		"another key":  {records: []record.Record{{Key: []byte("v0002"), Value: good.Value}}, err: "the key of another vehicle"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTracker(village(), testTopics)
			var err error
			for _, r := range c.records {
				err = k.Restore(&r)
			}
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, k.tracks)
		})
	}
}

var _ consumer.State = (*tracker)(nil)
