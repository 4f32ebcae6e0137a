package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/bench/consumer/member"
	"sluice/bench/internal/cluster"
	"sluice/consumer"
)

func TestSamples(t *testing.T) {
	s, err := newSample(30*time.Millisecond, member.Result{
		Records: 2000, Elapsed: 4 * time.Second, CPU: 10 * time.Millisecond, Peak: 7,
		Latencies: []time.Duration{3 * time.Millisecond, time.Millisecond, 2 * time.Millisecond},
	})
	require.NoError(t, err)
	require.Equal(t, sample{
		Records: 2000, Seconds: 4, Rate: 500, CPU: 5, P50: 2, P99: 3, P999: 3, First: 30, Peak: 7,
	}, s)
	for name, r := range map[string]member.Result{
		"no record": {Elapsed: time.Second},
		"no time":   {Records: 1},
	} {
		_, err := newSample(0, r)
		require.Error(t, err, name)
	}
}

func TestMemoryOfAStall(t *testing.T) {
	const mb = 1 << 20
	s := sample{Memory: []int64{10 * mb, 20 * mb, 20 * mb, 30 * mb, 25 * mb}}
	require.Equal(t, []float64{10, 20, 20, 25}, []float64{s.at(0), s.at(0.25), s.at(0.5), s.at(1)})
	require.Equal(t, 1.5, s.growth())
	require.Equal(t, 30.0, peak.Of(sample{Peak: 30 * mb}))
	require.Zero(t, sample{}.at(1))
	require.Zero(t, sample{}.growth())
}

func TestSizesOfARun(t *testing.T) {
	o := options{Window: 4 * time.Second}
	require.EqualValues(t, 4_000_000, o.nothingRecords())
	require.EqualValues(t, 4_000, o.workRecords())
	require.EqualValues(t, 8_000, o.latencyRecords())
	require.Equal(t, 20*time.Second, o.stallTime())
	require.Equal(t, 5*time.Second, o.idealWork(consumer.OrderPartition))
	require.Equal(t, 63*5*time.Millisecond, o.idealWork(consumer.OrderKey), "64 at a time, and the rest")
	require.Equal(t, 63*5*time.Millisecond, o.idealWork(consumer.OrderNone))

	o.Window = 50 * time.Millisecond
	require.Zero(t, o.nothingRecords()%flightKeys)
	require.Zero(t, o.workRecords()%workKeys)
	require.Positive(t, o.nothingRecords())
	require.Positive(t, o.workRecords())
}

func TestDecks(t *testing.T) {
	for _, keys := range []int{flightKeys, workKeys} {
		require.Zero(t, keys%cluster.Partitions)
		d, again := newDeck(keys), newDeck(keys)
		dealt := map[int]int{}
		var order, sorted []int
		for range 3 * keys {
			card := d.deal()
			require.Equal(t, card, again.deal(), "the same in every run")
			dealt[card]++
			order = append(order, card)
			sorted = append(sorted, len(sorted)%keys)
		}
		require.Len(t, dealt, keys)
		for card, n := range dealt {
			require.Equal(t, 3, n, "%d", card)
		}
		require.NotEqual(t, sorted, order)
		require.NotEqual(t, order[:keys], order[keys:2*keys], "shuffled again")
	}
}

func TestTargetsAreOfWhatIsMeasured(t *testing.T) {
	measured := map[string]bool{}
	for _, g := range (&bench{}).contest() {
		require.Contains(t, groupNames, g.name)
		for _, c := range g.contestants {
			require.False(t, measured[g.name+c.name], "%s twice", c.name)
			measured[g.name+c.name] = true
		}
	}
	for _, target := range targets {
		for _, name := range append(target.Against, target.Subject) {
			require.True(t, measured[target.Group+name], "%s", name)
		}
	}
}

func TestFlags(t *testing.T) {
	for name, c := range map[string]struct {
		args    []string
		brokers string
		want    string
	}{
		"an argument":            {args: []string{"now"}, want: `"now" is not a flag`},
		"an unknown group":       {args: []string{"-only", "work,sleep"}, want: `"sleep" is none of nothing, work, latency, stall`},
		"no round":               {args: []string{"-rounds", "0"}, want: "-rounds"},
		"no time":                {args: []string{"-seconds", "0"}, want: "-seconds"},
		"not a number of time":   {args: []string{"-seconds", "NaN"}, want: "-seconds"},
		"a day":                  {args: []string{"-seconds", "86400"}, want: "-seconds"},
		"time beyond all":        {args: []string{"-seconds", "1e300"}, want: "-seconds"},
		"few records":            {args: []string{"-records", "9999"}, want: "-records"},
		"too many records":       {args: []string{"-records", "1000000001"}, want: "-records"},
		"a broker without port":  {brokers: "localhost", want: "KAFKA_BROKERS"},
		"one broker without one": {brokers: "a:1, b", want: "KAFKA_BROKERS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KAFKA_BROKERS", c.brokers)
			_, err := parse(c.args)
			require.ErrorContains(t, err, c.want)
		})
	}
	t.Setenv("KAFKA_BROKERS", "a:1, b:2")
	o, err := parse([]string{"-rounds", "2", "-seconds", "0.5", "-records", "20000", "-only", "stall,work"})
	require.NoError(t, err)
	require.Equal(t, options{
		Rounds: 2, Window: 500 * time.Millisecond, Behind: 20_000, brokers: []string{"a:1", "b:2"}, only: []string{"stall", "work"},
	}, o)
}
