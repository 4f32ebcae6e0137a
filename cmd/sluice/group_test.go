package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// groupBench is a cluster with a topic, for the commands about groups.
type groupBench struct {
	t       *testing.T
	cluster *kfake.Cluster
	client  *kgo.Client
}

func newGroupBench(t *testing.T) *groupBench {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "orders"), kfake.SeedTopics(1, "audit"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return &groupBench{t, cluster, client}
}

// group runs a command about groups: the code is that of the program.
func (b *groupBench) group(args ...string) (code int, stdout, stderr string) {
	b.t.Helper()
	var out, err bytes.Buffer
	args = append([]string{"group"}, append(args, "--kafka-brokers", strings.Join(b.cluster.ListenAddrs(), ","))...)
	return run(b.t.Context(), args, streams{&out, &err}), out.String(), err.String()
}

func (b *groupBench) write(partition int32, ages ...time.Duration) {
	b.t.Helper()
	for _, age := range ages {
		r := &kgo.Record{Topic: "orders", Partition: partition, Value: []byte("secret"), Timestamp: time.Now().Add(-age)}
		require.NoError(b.t, b.client.ProduceSync(b.t.Context(), r).FirstErr())
	}
}

func (b *groupBench) commit(topic string, partition int32, offset int64) {
	b.t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, partition, offset, -1)
	require.NoError(b.t, kadm.NewClient(b.client).CommitAllOffsets(b.t.Context(), "readers", offsets))
}

func (b *groupBench) committed(partition int32) int64 {
	b.t.Helper()
	info := b.cluster.GroupInfo("readers")
	if info == nil {
		return -1
	}
	c, ok := info.Commits["orders"][partition]
	if !ok {
		return -1
	}
	return c.Offset
}

func TestGroupLag(t *testing.T) {
	b := newGroupBench(t)
	code, _, stderr := b.group("lag", "readers")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, `unknown group "readers"`)

	b.write(0, time.Hour, time.Hour)
	b.commit("orders", 0, 1)
	b.commit("audit", 0, 0)
	code, out, stderr := b.group("lag", "readers")
	require.Zero(t, code, stderr)
	require.Regexp(t, `^TOPIC +PARTITION +COMMITTED +END +LAG +SECONDS +MEMBER
audit +0 +0 +0 +0 +0\.0 +-
orders +0 +1 +2 +1 +36\d\d\.\d +-
orders +1 +- +0 +0 +0\.0 +-
total +1 +36\d\d\.\d +Empty, members: 0
$`, out)
	require.Empty(t, stderr)

	code, out, _ = b.group("lag", "readers", "--topic=audit")
	require.Zero(t, code)
	require.NotContains(t, out, "orders")
	require.Regexp(t, `total +0 +0\.0`, out)

	code, _, stderr = b.group("lag", "readers", "--topic=nowhere")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, `neither reads topic "nowhere"`)
}

// What members call themselves comes from anywhere, and goes to a terminal.
func TestGroupLagPrintsNoControlCharacters(t *testing.T) {
	b := newGroupBench(t)
	joined := make(chan struct{})
	member, err := kgo.NewClient(kgo.SeedBrokers(b.cluster.ListenAddrs()...), kgo.ClientID("evil\x1b[2J\n"), kgo.ConsumerGroup("readers"), kgo.ConsumeTopics("orders"),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { close(joined) }))
	require.NoError(t, err)
	defer member.Close()
	<-joined
	require.Eventually(t, func() bool { return b.cluster.GroupInfo("readers").State == "Stable" }, time.Minute, 5*time.Millisecond)
	code, out, stderr := b.group("lag", "readers")
	require.Zero(t, code, stderr)
	require.Contains(t, out, `evil\x1b[2J\x0a`)
	require.NotContains(t, out, "\x1b")

	code, _, stderr = b.group("seek", "readers", "--topic=orders", "--to-end")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "the group is active")
	require.NotContains(t, stderr, "\x1b")
	require.EqualValues(t, -1, b.committed(0))
}

func TestGroupSeek(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		to   int64
		says string
	}{
		"to the beginning":                {[]string{"--to-beginning"}, 0, ""},
		"to the end":                      {[]string{"--to-end"}, 3, ""},
		"to an offset":                    {[]string{"--to-offset=1"}, 1, ""},
		"to offset 0":                     {[]string{"--to-offset", "0"}, 0, ""},
		"to a time ago":                   {[]string{"--to-time=-90m"}, 1, ""},
		"to a time":                       {[]string{"--to-time", time.Now().Add(-10 * time.Hour).Format(time.RFC3339)}, 0, ""},
		"to a time behind the last":       {[]string{"--to-time=-1s"}, 3, "no record at -1s or later, and TO is the end; partitions concerned: 1"},
		"to a time that has not come yet": {[]string{"--to-time=2100-01-01T00:00:00Z"}, 3, "or later, and TO is the end"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newGroupBench(t)
			b.write(0, 2*time.Hour, time.Hour, time.Minute)
			b.commit("orders", 0, 2)
			args := append([]string{"seek", "readers", "--topic=orders", "--partition=0"}, c.args...)

			code, out, stderr := b.group(append(args, "--dry-run")...)
			require.Zero(t, code, stderr)
			require.Contains(t, stderr, "nothing was changed")
			require.NotContains(t, stderr, "was sought")
			require.EqualValues(t, 2, b.committed(0))

			code, again, stderr := b.group(args...)
			require.Zero(t, code, stderr)
			require.Equal(t, out, again)
			require.Regexp(t, `^TOPIC +PARTITION +FROM +TO +START +END\norders +0 +2 +`+string(rune('0'+c.to))+` +0 +3\n$`, out)
			require.Equal(t, c.to, b.committed(0))
			require.EqualValues(t, -1, b.committed(1))
			require.Equal(t, 1, strings.Count(stderr, `level=INFO msg="group was sought" group=readers topic=orders moves=0:2>`))
			require.Contains(t, stderr, c.says)
		})
	}
}

func TestGroupSeekOfAGroupThatHasNeverBeen(t *testing.T) {
	b := newGroupBench(t)
	b.write(0, time.Hour)
	code, out, stderr := b.group("seek", "readers", "--topic=orders", "--to-end")
	require.Zero(t, code, stderr)
	require.Contains(t, stderr, "does not know group readers yet: it starts there")
	require.Regexp(t, `orders +0 +- +1 +0 +1\norders +1 +- +0 +0 +0\n`, out)
	require.EqualValues(t, 1, b.committed(0))
}

func TestGroupCommandLinesThatAreWrong(t *testing.T) {
	b := newGroupBench(t)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no place":             {[]string{"seek", "readers", "--topic=orders"}, 2, "--to-"},
		"two places":           {[]string{"seek", "readers", "--topic=orders", "--to-end", "--to-beginning"}, 2, "can't be used together"},
		"no topic":             {[]string{"seek", "readers", "--to-end"}, 2, "--topic"},
		"no group":             {[]string{"lag"}, 2, "group"},
		"a time that is none":  {[]string{"seek", "readers", "--topic=orders", "--to-time=noon"}, 2, `"noon" is neither a time`},
		"a time to come":       {[]string{"seek", "readers", "--topic=orders", "--to-time=15m"}, 2, "such as -15m"},
		"a time without =":     {[]string{"seek", "readers", "--topic=orders", "--to-time", "-15m"}, 2, "--to-time"},
		"an unknown topic":     {[]string{"seek", "readers", "--topic=nowhere", "--to-end"}, 1, `unknown topic "nowhere"`},
		"an unknown partition": {[]string{"seek", "readers", "--topic=orders", "--partition=1,7", "--to-end"}, 1, "no partition 7, only 0 to 1"},
		"past the end":         {[]string{"seek", "readers", "--topic=orders", "--to-offset=9"}, 1, "offset 9 is not in orders/0, which has 0 to 0"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := b.group(c.args...)
			require.Equal(t, c.code, code, stderr)
			require.Contains(t, stderr, c.says)
		})
	}
	require.Nil(t, b.cluster.GroupInfo("readers"), "nothing was changed")
}
