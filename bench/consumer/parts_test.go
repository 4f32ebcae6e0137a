package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/bench/consumer/member"
	"sluice/consumer"
)

func TestSpreads(t *testing.T) {
	require.Equal(t, spread{Median: 2, Min: 1, Max: 9}, spreadOf([]float64{9, 1, 2}))
	require.Equal(t, spread{Median: 2.5, Min: 1, Max: 9}, spreadOf([]float64{9, 2, 1, 3}))
}

func TestPercentiles(t *testing.T) {
	var hundred []int
	for i := range 100 {
		hundred = append(hundred, i+1)
	}
	for p, want := range map[float64]int{0: 1, 50: 50, 99: 99, 99.9: 100, 100: 100} {
		require.Equal(t, want, percentile(hundred, p), "%g", p)
	}
	require.Equal(t, 7, percentile([]int{7}, 50))
	require.Zero(t, percentile([]int{}, 50))
}

func TestTurns(t *testing.T) {
	g := group{contestants: []contestant{{name: "a"}, {name: "b"}, {name: "c"}}}
	var turns []string
	for round := range 3 {
		turn := ""
		for _, c := range g.order(round) {
			turn += c.name
		}
		turns = append(turns, turn)
	}
	require.Equal(t, []string{"abc", "cba", "bca"}, turns)
}

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
		require.Zero(t, keys%partitions)
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

func TestTargets(t *testing.T) {
	runs := []sample{ // The last round was slow for both.
		{Group: groupNothing, Contestant: bare, Round: 0, Rate: 100, CPU: 1},
		{Group: groupNothing, Contestant: byPartition, Round: 0, Rate: 70, CPU: 2},
		{Group: groupNothing, Contestant: byPartition, Round: 1, Rate: 50, CPU: 2},
		{Group: groupNothing, Contestant: bare, Round: 1, Rate: 100, CPU: 1},
		{Group: groupNothing, Contestant: bare, Round: 2, Rate: 20, CPU: 5},
		{Group: groupNothing, Contestant: byPartition, Round: 2, Rate: 13, CPU: 9},
		{Group: groupWork, Contestant: byPartition, Round: 0, Rate: 1}, // Of another group.
		{Group: groupStall, Contestant: byPartition, Peak: 200 << 20},
	}
	v := target{groupNothing, byPartition, rate, bare, 0.6}.judge(runs)
	require.Equal(t, "nothing: sluice: records/s / bare franz-go loop", v.What)
	require.Equal(t, "≥ 0.6", v.Target)
	require.Equal(t, &spread{Median: 0.65, Min: 0.5, Max: 0.7}, v.Measured)
	require.True(t, *v.Met)
	require.Equal(t, "yes", v.verdict())

	v = target{groupNothing, byPartition, rate, bare, 0.66}.judge(runs)
	require.False(t, *v.Met)
	require.Equal(t, "**no**", v.verdict())

	v = target{groupNothing, byPartition, cpu, bare, 0}.judge(runs)
	require.Equal(t, 2.0, v.Measured.Median)
	require.Nil(t, v.Met, "there is nothing to meet")

	v = target{groupStall, byPartition, peak, "", 128}.judge(runs)
	require.Equal(t, "≤ 128", v.Target)
	require.False(t, *v.Met, "less is better")

	v = target{groupWork, byKey, rate, byPartition, 10}.judge(runs)
	require.Nil(t, v.Measured)
	require.Nil(t, v.Met)
	require.Equal(t, "not measured", v.measured())
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
		require.True(t, measured[target.group+target.subject], "%+v", target.subject)
		require.True(t, target.against == "" || measured[target.group+target.against], "%+v", target.against)
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
