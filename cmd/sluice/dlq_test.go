package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/config"
	"sluice/internal/deadletter"
	"sluice/internal/kafka"
	"sluice/internal/redrive"
	"sluice/record"
)

// deadLetters is a cluster with so many dead letters of the group "billing".
func deadLetters(t *testing.T, n int) (brokers string) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "orders", "orders.billing.dlq"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	for i := range n {
		r := &kgo.Record{Topic: "orders.billing.dlq", Partition: int32(i % 2), Key: fmt.Appendf(nil, "key\x1b%d", i), Value: []byte("a\tvalue")}
		l := deadletter.Letter{
			Topic: "orders", Group: "billing", Offset: int64(i), Class: deadletter.Panic, Handler: "invoice",
			Message: "broken\x1b[31m", FirstFailure: time.Now(), LastFailure: time.Now(), Timestamp: time.Now(),
		}
		for _, h := range l.Append([]record.Header{{Key: "h", Value: []byte{0xff}}}) {
			r.Headers = append(r.Headers, kgo.RecordHeader(h))
		}
		require.NoError(t, client.ProduceSync(t.Context(), r).FirstErr())
	}
	return cluster.ListenAddrs()[0]
}

// dlq runs a command line of the commands alone.
func dlq(ctx context.Context, t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	c := newDLQ(kafka.DefaultConfig())
	var out, log bytes.Buffer
	parser, err := kong.New(&c, kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(streams{&out, &log}))
	require.NoError(t, err)
	config.ShowDefaults(parser.Model)
	kctx, err := parser.Parse(args)
	if err == nil {
		err = kctx.Run()
	}
	return out.String(), log.String(), err
}

func TestDLQList(t *testing.T) {
	brokers := deadLetters(t, 3)
	out, _, err := dlq(t.Context(), t, "list", "billing", "--kafka-brokers", brokers, "--limit=2")
	require.NoError(t, err)
	require.Contains(t, out, "3 dead letters, 3 of them not redriven; 0 foreign records")
	require.Regexp(t, `MESSAGE +3 +broken\\x1b\[31m`, out)
	require.Regexp(t, `orders +0 +0 +panic .*key\\x1b0 `, out)
	require.NotContains(t, out, "\x1b", "nothing acts on the terminal")
	require.NotContains(t, out, "value")
	require.Contains(t, out, "--from=orders/1/0")

	out, _, err = dlq(t.Context(), t, "list", "billing", "--kafka-brokers", brokers, "--payloads", "--from=orders/1/0")
	require.NoError(t, err)
	require.Contains(t, out, `value a\x09value`)
	require.Contains(t, out, `header h: \xff`)
	require.NotContains(t, out, "dead letters,")

	out, _, err = dlq(t.Context(), t, "list", "billing", "--kafka-brokers", brokers, "--json", "--topic=orders")
	require.NoError(t, err)
	var list redrive.List
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Len(t, list.Letters, 3)
}

func TestDLQRedrive(t *testing.T) {
	brokers := deadLetters(t, 9)
	at := func(args ...string) string {
		out, _, err := dlq(t.Context(), t, append([]string{"redrive", "billing", "--kafka-brokers", brokers}, args...)...)
		require.NoError(t, err)
		return out
	}
	require.Contains(t, at("--dry-run"), "9 would be redriven, 9 scanned")
	require.Contains(t, at("--dry-run"), `broken\x1b[31m`)
	require.Contains(t, at("--since=2000-01-01T00:00:00Z", "--until=1h"), "0 redriven, 9 scanned, 0 redriven before, 9 skipped by a filter")
	require.Contains(t, at(`--key=key\x1b4`, "--class=panic"), "done; 1 redriven, 9 scanned, 0 redriven before, 8 skipped")
	require.Contains(t, at("--limit=2", "--topic=orders"), "done; 2 redriven")
	require.Contains(t, at(), "done; 6 redriven, 9 scanned, 3 redriven before")
}

// An interrupt ends it between two batches, and what was done is said.
func TestDLQRedriveIsInterrupted(t *testing.T) {
	brokers := deadLetters(t, 30)
	ctx, interrupt := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, interrupt) // Whenever: it takes 15 seconds.
	out, progress, err := dlq(ctx, t, "redrive", "billing", "--kafka-brokers", brokers, "--rate=2")
	if errors.Is(err, context.Canceled) {
		return // Before it had begun.
	}
	require.ErrorContains(t, err, "stopped by cli")
	require.Contains(t, out, "stopped; ")
	require.Contains(t, progress, "redriven")
	again, _, err := dlq(t.Context(), t, "redrive", "billing", "--kafka-brokers", brokers)
	require.NoError(t, err)
	var before, after, scanned int
	_, err = fmt.Sscanf(again[bytes.IndexByte([]byte(again), ';')+2:], "%d redriven, %d scanned, %d redriven before", &after, &scanned, &before)
	require.NoError(t, err)
	require.Equal(t, 30, before+after)
}

func TestDLQCommandLinesThatAreWrong(t *testing.T) {
	brokers := deadLetters(t, 1)
	for _, args := range [][]string{
		{"redrive", "billing", "--max-replays=0"},
		{"redrive", "billing", `--key=\x`},
		{"redrive", "billing", "--class=misfortune"},
		{"redrive", "billing", "--rate=-1"},
		{"list", "billing", "--limit=0"},
		{"list", "billing", "--limit=1001"},
		{"list", "billing", "--from=x"},
	} {
		_, _, err := dlq(t.Context(), t, append(args, "--kafka-brokers", brokers)...)
		var wrong settingsError
		require.ErrorAs(t, err, &wrong, args)
	}
	for _, args := range [][]string{{"redrive"}, {"redrive", "billing", "--since=yesterday"}, {"list", "billing", "--kafka-sasl-mechanism=x"}} {
		_, _, err := dlq(t.Context(), t, args...)
		require.Error(t, err, args)
	}
	_, _, err := dlq(t.Context(), t, "list", "nobody", "--kafka-brokers", brokers)
	require.ErrorIs(t, err, redrive.ErrNoLetters)
	_, _, err = dlq(t.Context(), t, "list", "billing", "--kafka-brokers", brokers, "--topic=payments")
	require.ErrorContains(t, err, "payments.billing.dlq")
}
