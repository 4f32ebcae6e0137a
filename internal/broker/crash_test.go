package broker_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// process is a broker in a process of its own, to be killed.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	addr  string
}

func spawn(t *testing.T, data string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), childData+"="+data)
	p.cmd.Stderr = t.Output()
	stdin, err := p.cmd.StdinPipe()
	require.NoError(t, err)
	p.stdin = stdin
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	p.addr = strings.TrimSpace(line)
	return p
}

// kill ends the process with SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
}

// A record that was acknowledged, and an offset that was committed, are there
// after the process was killed at any moment under load: that is the promise
// of the embedded broker.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	const rounds, most = 4, 5000
	data := t.TempDir()
	var acknowledged []string
	for round := range rounds {
		p := spawn(t, data)
		client := connect(t, p.addr, kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
		moment := 1 + rand.IntN(most)
		t.Logf("round %d: kill after %d records", round, moment)
		acknowledged = append(acknowledged, loadUntil(t, client, fmt.Sprintf("%d-%%d", round), moment, func() {
			commit(t.Context(), t, client, "billing", "orders", int64(round+1))
			p.kill()
		})...)

		p = spawn(t, data)
		requireAll(t, read(t, p.addr, "orders").values, acknowledged)
		require.Equal(t, int64(round+1), committed(t, connect(t, p.addr), "billing", "orders"))
		p.kill()
	}
	t.Logf("%d records acknowledged in %d rounds, none lost", len(acknowledged), rounds)
}

func TestCloseUnderLoadLosesNothingAcknowledged(t *testing.T) {
	cfg := testConfig()
	cfg.Data = t.TempDir()
	b := start(t, cfg)
	client := connect(t, b.Addr(), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	acknowledged := loadUntil(t, client, "%d", 5000, func() { require.NoError(t, b.Close()) })

	b = start(t, cfg)
	requireAll(t, read(t, b.Addr(), "orders").values, acknowledged)
}

// requireAll fails when one of the values is not among those found.
func requireAll(t *testing.T, found, values []string) {
	t.Helper()
	there := make(map[string]bool, len(found))
	for _, v := range found {
		there[v] = true
	}
	for _, v := range values {
		require.True(t, there[v], "record %s was acknowledged and is lost", v)
	}
}

// loadUntil produces as fast as the broker takes it, calls then when so many
// records are acknowledged, goes on meanwhile, and returns the values of all
// records that were acknowledged before it returned.
func loadUntil(t *testing.T, client *kgo.Client, format string, count int, then func()) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var (
		mu      sync.Mutex
		acked   []string
		reached = make(chan struct{})
		writing sync.WaitGroup
	)
	writing.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			r := &kgo.Record{Topic: "orders", Value: fmt.Appendf(nil, format, i)}
			client.Produce(ctx, r, func(r *kgo.Record, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					return
				}
				if acked = append(acked, string(r.Value)); len(acked) == count {
					close(reached)
				}
			})
		}
	})
	<-reached
	then()
	cancel()
	writing.Wait()
	client.Close() // fails what is buffered, so that no promise comes later
	mu.Lock()
	defer mu.Unlock()
	return acked
}

// Offsets that consumers have committed must never come to stand for other
// records, which they would skip.
func TestOffsetsGoOnAfterEverythingWasDeleted(t *testing.T) {
	deleteAll := func(t *testing.T, client *kgo.Client, at int64) {
		t.Helper()
		var offsets kadm.Offsets
		offsets.AddOffset("orders", 0, at, -1)
		done, err := kadm.NewClient(client).DeleteRecords(t.Context(), offsets)
		require.NoError(t, err)
		require.NoError(t, done.Error())
	}
	for _, at := range []int64{-1, 10} {
		t.Run(fmt.Sprintf("up to offset %d", at), func(t *testing.T) {
			data := t.TempDir()
			p := spawn(t, data)
			client := connect(t, p.addr)
			produce(t, client, "orders", numbers(0, 10)...)
			deleteAll(t, client, at)
			p.kill()

			p = spawn(t, data)
			require.Equal(t, log{nil, 10, 10}, read(t, p.addr, "orders"), "after a kill")
			p.kill()

			cfg := testConfig()
			cfg.Data = data
			for range 2 { // the second time after it was closed in order
				b := start(t, cfg)
				require.Equal(t, log{nil, 10, 10}, read(t, b.Addr(), "orders"))
				require.NoError(t, b.Close())
			}

			p = spawn(t, data)
			produce(t, connect(t, p.addr), "orders", "10")
			p.kill()
			p = spawn(t, data)
			require.Equal(t, log{[]string{"10"}, 10, 11}, read(t, p.addr, "orders"), "with a record after it")
		})
	}
}

func TestDeletedRecordsStayDeletedAfterAKill(t *testing.T) {
	data := t.TempDir()
	p := spawn(t, data)
	client := connect(t, p.addr)
	produce(t, client, "orders", numbers(0, 10)...)
	var offsets kadm.Offsets
	offsets.AddOffset("orders", 0, 4, -1)
	_, err := kadm.NewClient(client).DeleteRecords(t.Context(), offsets)
	require.NoError(t, err)
	p.kill()

	p = spawn(t, data)
	require.Equal(t, log{numbers(4, 10), 4, 10}, read(t, p.addr, "orders"))
}
