package main

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/bench/internal/process"
	"sluice/bench/stream/reader"
)

func TestMemoryOfAClient(t *testing.T) {
	s := sample{Clients: 1000, Before: 10 << 20, After: 10<<20 + 1000*20<<10, Most: 10<<20 + 1000*24<<10}
	require.Equal(t, 20.0, s.perClient())
	require.Equal(t, 24.0, s.mostPerClient())
	require.Zero(t, sample{}.perClient())
}

func TestSamples(t *testing.T) {
	self := &process.Process{Name: "self", Cmd: ownProcess(t)}
	s := &stage{server: self, readers: self, clients: 4}
	begin, err := s.usage()
	require.NoError(t, err)
	r, err := s.sampleOf(begin, reader.Event{
		At: begin.at.Add(2 * time.Second).UnixNano(), Deliveries: 1000, Bytes: 250_000, P50: time.Millisecond, P99: 2 * time.Millisecond, P999: 3 * time.Millisecond,
	})
	require.NoError(t, err)
	require.InDelta(t, 500, r.Rate, 0.001)
	require.Equal(t, 250.0, r.Bytes)
	require.Equal(t, []float64{1, 2, 3}, []float64{r.P50, r.P99, r.P999})
	require.Equal(t, 4, r.Clients)
	require.Positive(t, r.After)

	_, err = s.sampleOf(begin, reader.Event{At: begin.at.Add(time.Second).UnixNano()})
	require.ErrorContains(t, err, "nothing was delivered")
	_, err = s.sampleOf(begin, reader.Event{At: begin.at.UnixNano() - 1, Deliveries: 1})
	require.ErrorContains(t, err, "nothing was delivered")
}

func TestMostOfThisRound(t *testing.T) {
	b := &bench{round: 1, samples: []sample{
		{Group: groupSmall, Contestant: sluiceB, Rate: 1},
		{Group: groupLarge, Contestant: sluiceB, Round: 1, Rate: 2},
		{Group: groupSmall, Contestant: sluiceB, Round: 1, Rate: 3},
	}}
	rate, err := b.most(groupSmall, sluiceB)
	require.NoError(t, err)
	require.Equal(t, 3.0, rate)
	_, err = b.most(groupSmall, plainDesign)
	require.ErrorContains(t, err, plainDesign)
}

func TestTargetsAreOfWhatIsMeasured(t *testing.T) {
	measured := map[string]bool{}
	known := map[string]bool{}
	for _, g := range (&bench{}).contest() {
		require.Contains(t, onlyNames, g.only)
		known[g.name] = true
		for _, c := range g.contestants {
			require.False(t, measured[g.name+c.name], "%s twice", c.name)
			measured[g.name+c.name] = true
			if c.half != "" {
				require.True(t, measured[g.most+c.half], "what %s has half of is measured before it", c.name)
			}
		}
	}
	for _, target := range targets {
		for _, name := range append(target.Against, target.Subject) {
			require.True(t, measured[target.Group+name], "%s", name)
		}
	}
	for _, table := range tables {
		require.True(t, known[table.Group], table.Group)
	}
}

func TestSizesOfARun(t *testing.T) {
	o := options{Window: 4 * time.Second}
	require.EqualValues(t, 10_000, o.records(group{backlog: smallBacklog}))
	require.Equal(t, 8*time.Second, o.measured())
	require.Equal(t, 20*time.Second, o.hold(), "longer than between two heartbeats")
	o.Window = 50 * time.Millisecond
	require.GreaterOrEqual(t, o.records(group{backlog: largeBacklog})/warmPart, int64(1))
}

func TestFlags(t *testing.T) {
	for name, c := range map[string]struct {
		args    []string
		brokers string
		want    string
	}{
		"an argument":           {args: []string{"now"}, want: `"now" is not a flag`},
		"an unknown group":      {args: []string{"-only", "idle,sleep"}, want: `"sleep" is none of deliveries, idle`},
		"no round":              {args: []string{"-rounds", "0"}, want: "-rounds"},
		"no time":               {args: []string{"-seconds", "0"}, want: "-seconds"},
		"not a number of time":  {args: []string{"-seconds", "NaN"}, want: "-seconds"},
		"a day":                 {args: []string{"-seconds", "86400"}, want: "-seconds"},
		"no client":             {args: []string{"-clients", "0"}, want: "-clients"},
		"too many clients":      {args: []string{"-clients", "100001"}, want: "-clients"},
		"no idle client":        {args: []string{"-idle", "-1"}, want: "-idle"},
		"a broker without port": {brokers: "localhost", want: "KAFKA_BROKERS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KAFKA_BROKERS", c.brokers)
			_, err := parse(c.args)
			require.ErrorContains(t, err, c.want)
		})
	}
	t.Setenv("KAFKA_BROKERS", "a:1, b:2")
	o, err := parse([]string{"-rounds", "2", "-seconds", "0.5", "-clients", "10", "-idle", "20", "-only", "idle", "-profile", "p"})
	require.NoError(t, err)
	require.Equal(t, options{
		Rounds: 2, Window: 500 * time.Millisecond, Clients: 10, Idle: 20, brokers: []string{"a:1", "b:2"}, only: []string{"idle"}, profile: "p",
	}, o)
	o, err = parse([]string{"-smoke"})
	require.NoError(t, err)
	require.Equal(t, 1, o.Rounds)
	require.Less(t, o.Window, time.Second)
}

func TestMoreClientsThanFiles(t *testing.T) {
	var files syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	if files.Max > mostClients {
		t.Skip("this machine lets a process open more files than there can be clients")
	}
	o := options{Rounds: 1, Clients: 1, Idle: int(files.Max)}
	require.ErrorContains(t, o.check(), "ulimit -Hn")
}
