//go:build unix

package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/deadletter"
	"sluice/record"
	"sluice/test/harm"
	"sluice/test/harm/harmtest"
)

// A run without faults on the embedded broker, with processes of its own: the
// group works, the run is judged and reported, and nothing is left behind.
func TestARunWithoutFaults(t *testing.T) {
	md := filepath.Join(t.TempDir(), "nemesis.md")
	o, err := parseOptions([]string{"-faults", "0", "-members", "2", "-poison", "0", "-trouble", "0", "-rate", "200", "-md", md}, t.Output())
	require.NoError(t, err)
	harmtest.Run(t, harmtest.Cluster(t), "echo "+strconv.Itoa(os.Getpid()), "false", func(getenv func(string) string, out io.Writer) error {
		return run(t.Context(), o, getenv, out)
	})
	report, err := os.ReadFile(md)
	require.NoError(t, err)
	require.Contains(t, string(report), "| **lost** | **0** |")
	require.Contains(t, string(report), "2 processes of members")
}

// A verdict that is bad, and faults that did not fit in, are errors.
func TestWhatEndsARunBadly(t *testing.T) {
	n := &nemesis{options: options{faults: 2, most: time.Hour}, topic: "t", incidents: make([]incident, 2)}
	require.NoError(t, n.conclude(verdict{}))
	require.ErrorContains(t, n.conclude(verdict{offences: make([]offence, 3)}), "3 offences")
	n.incidents = n.incidents[:1]
	require.ErrorContains(t, n.conclude(verdict{}), "only 1 of 2 faults fit into 1h0m0s")
}

func TestTheReportNamesTheFirstOffences(t *testing.T) {
	h := quiet()
	for i := range int64(30) {
		h.log = append(h.log, written{place{7, i}, message{"z", i, good}})
	}
	n := &nemesis{topic: "the-topic", dir: "the-dir", clock: harm.NewClock(), incidents: []incident{
		{step: step{faults: []fault{{kind: killMember}}}, over: 10, need: map[int32]int64{0: 4}},
		{step: step{faults: []fault{{kind: freezeBroker, lasts: time.Second}}}, over: 1000, need: map[int32]int64{0: 4}},
	}}
	text := n.report(h, judge(h))
	for _, want := range []string{
		"| faults | 2 |",
		"| records in (acknowledged 7, tried 8) | 38 |",
		"| **lost** | **30** |",
		"| SIGKILL a member | 1 | 0.0 s | 0.0 s |",
		"| SIGSTOP the broker | 1 | – | – |",
		"The slowest recovery took 0.0 s, after: SIGKILL a member (1), away for 0.0 s.",
		"After 1 faults it never came to that.",
		"## Offences: the first 20 of 30",
		"- lost: z 0 good at 7/0\n",
		"The topic is `the-topic`, the group has the same name, and the members' files are in `the-dir`.",
	} {
		require.Contains(t, text, want)
	}
}

// What the writer was told is what is in the topic.
func TestWhatIsWrittenIsRead(t *testing.T) {
	brokers := harmtest.Cluster(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.UnknownTopicRetries(-1))
	require.NoError(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(t.Context(), 3, 1, nil, "t")
	require.NoError(t, err)

	w, err := newWriter(brokers, "t", 5000, 0.5)
	require.NoError(t, err)
	defer w.client.Close()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.run(ctx, 1) }()
	require.Eventually(t, func() bool { acked, _, _ := w.result(); return len(acked) > 2000 }, time.Minute, 5*time.Millisecond)
	stop()
	require.NoError(t, <-done)
	acked, told, err := w.result()
	require.NoError(t, err)
	require.Len(t, acked, told)
	log, ends, err := readLog(t.Context(), brokers, "t")
	require.NoError(t, err)
	require.ElementsMatch(t, acked, log)
	require.Equal(t, w.acknowledged(), ends)
	fates, without := map[fate]int{}, 0
	for _, m := range log {
		fates[m.fate]++
		if m.key == noKey {
			without++
		}
	}
	require.Len(t, fates, 3)
	require.Positive(t, without, "records without a key")

	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("from elsewhere")}).FirstErr())
	_, _, err = readLog(t.Context(), brokers, "t")
	require.ErrorContains(t, err, "is not a record of this run")
}

func TestDeadLetters(t *testing.T) {
	whole := deadletter.Letter{Topic: "t", Partition: 2, Offset: 7, Group: "g", Handler: "nemesis", Attempts: 3, Class: deadletter.Exhausted}
	for _, c := range []struct {
		name   string
		change func(*deadletter.Letter, *kgo.Record)
		wrong  string
	}{
		{"right", func(*deadletter.Letter, *kgo.Record) {}, ""},
		{"of another topic", func(l *deadletter.Letter, _ *kgo.Record) { l.Topic = "u" }, `it says topic "u"`},
		{"of another group", func(l *deadletter.Letter, _ *kgo.Record) { l.Group = "h" }, `group "h"`},
		{"of another handler", func(l *deadletter.Letter, _ *kgo.Record) { l.Handler = "log" }, `handler "log"`},
		{"redriven", func(l *deadletter.Letter, _ *kgo.Record) { l.Replays = 1 }, "redriven 1 times"},
		{"another value", func(_ *deadletter.Letter, r *kgo.Record) { r.Value = []byte("x") }, "is not a key, a number and a fate"},
		{"another key", func(_ *deadletter.Letter, r *kgo.Record) { r.Key = []byte("x") }, `its key is "x"`},
		{"a null key", func(_ *deadletter.Letter, r *kgo.Record) { r.Key = nil }, `its key is "-"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, r := whole, &kgo.Record{Partition: 1, Offset: 9, Key: []byte("k"), Value: []byte("k 4 stubborn")}
			c.change(&l, r)
			for _, h := range l.Append([]record.Header{}) {
				r.Headers = append(r.Headers, kgo.RecordHeader(h))
			}
			got := letterOf(r, "t", "g")
			require.Equal(t, place{1, 9}, got.at)
			if c.wrong != "" {
				require.Contains(t, got.wrong, c.wrong)
				return
			}
			require.Equal(t, letter{
				at: place{1, 9}, written: written{place{2, 7}, message{"k", 4, stubborn}},
				class: deadletter.Exhausted, attempts: 3,
			}, got)
			r.Headers = r.Headers[1:]
			require.Contains(t, letterOf(r, "t", "g").wrong, "not those of a dead letter")
		})
	}
}

// A group without commits, and a dead-letter topic that is not there yet, are
// no errors; one that has been there is not believed to be gone.
func TestTheWatch(t *testing.T) {
	brokers := harmtest.Cluster(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.DefaultProduceTopic(deadletter.Topic("t", "g")))
	require.NoError(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(t.Context(), 2, 1, nil, "t")
	require.NoError(t, err)
	// A client of its own, as in a run: that of who makes the topic knows it at once.
	watching, err := kgo.NewClient(kgo.SeedBrokers(brokers))
	require.NoError(t, err)
	defer watching.Close()
	w := newWatch(watching, "t", "g")
	require.Nil(t, w.committed())
	require.NoError(t, w.poll(t.Context()))
	require.Empty(t, w.committed())

	_, err = admin.CreateTopic(t.Context(), 1, 1, nil, deadletter.Topic("t", "g"))
	require.NoError(t, err)
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Value: []byte("x")}).FirstErr())
	var offsets kadm.Offsets
	offsets.AddOffset("t", 1, 5, -1)
	require.NoError(t, admin.CommitAllOffsets(t.Context(), "g", offsets))
	require.NoError(t, w.poll(t.Context()))
	require.Equal(t, map[int32]int64{1: 5}, w.committed())
	_, err = admin.DeleteTopics(t.Context(), deadletter.Topic("t", "g"))
	require.NoError(t, err)
	require.NoError(t, w.poll(t.Context()))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, w.poll(ended))

	polls, missed := w.result()
	require.Equal(t, 1, missed)
	require.Len(t, polls, 3)
	require.Equal(t, map[int32]int64{}, polls[0].dead)
	require.Equal(t, map[int32]int64{0: 1}, polls[1].dead)
	require.Nil(t, polls[2].dead)
	require.IsIncreasing(t, []time.Duration{polls[0].at, polls[1].at, polls[2].at})
}
