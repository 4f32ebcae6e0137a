package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
)

// With on_failure: stop a record that is given up holds its partition, and
// service B says so wherever one would look. The others go on, and a restart
// goes on with the record.
func TestFailureStopsThePartition(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	client := s.kafka()
	s.makeTopic(client, s.topic, 4)
	e := newEndpoint(t, func(_ context.Context, d delivery) int {
		if d.value == "k1/2" {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	})
	hook, group := s.hook("hook", e, "on_failure: stop, retry: {attempts: 2, first: 1ms, max: 2ms}"), s.group+"-hook"
	b := s.serviceB(s.b, hook)
	values := s.fill(client, s.topic, 4, 4, 0, 10)

	var others []string
	for _, value := range values {
		if !strings.HasPrefix(value, "k1/") {
			others = append(others, value)
		}
	}
	e.awaitAll(append(others, "k1/0", "k1/1"))
	s.awaitLag(s.b, group, 8)
	// It stays stopped while the others go on.
	later := s.fill(client, s.topic, 4, 4, 10, 20)
	e.awaitAll(others)
	for _, value := range later {
		if strings.HasPrefix(value, "k1/") {
			continue
		}
		others = append(others, value)
	}
	e.awaitAll(others)
	s.awaitLag(s.b, group, 18)
	require.Len(t, e.taken(), len(others)+2)
	require.Equal(t, len(others)+2+2, e.requests(), "two attempts at the one that fails")

	g, ok := s.groupAt(s.b, group)
	require.True(t, ok)
	for _, p := range g.Replica.Members[0].Partitions {
		if p.Partition == 1 {
			require.Contains(t, p.Stopped, "422")
			require.Equal(t, int64(2), p.Committed)
		} else {
			require.Empty(t, p.Stopped)
		}
	}
	require.Contains(t, metrics(t, s.b), fmt.Sprintf(`sluice_consumer_stopped_partitions{group="%s"} 1`, group))
	s.requireStates(s.b)
	b.says("level=ERROR")
	topics, err := kadm.NewClient(client).ListTopics(t.Context(), s.topic+"."+group+".dlq")
	require.NoError(t, err)
	require.Error(t, topics.Error(), "there is no dead letter")

	b.terminate()
	e.mend(always(http.StatusOK))
	s.serviceB(s.b, hook)
	e.awaitAll(append(values, later...))
	e.requireOrder()
	require.Len(t, e.taken(), len(values)+len(later), "none twice")
}

// Kafka is killed, comes back, falls silent and speaks again while a webhook
// delivers. The handlers go on by themselves, and lose nothing.
func TestHandlersOutliveKafka(t *testing.T) {
	s := newSystem(t)
	s.needsFaults()
	if s.broker != nil {
		t.Parallel() // It is nobody else's.
	}
	client := s.kafka()
	s.makeTopic(client, s.topic, 4)
	killed := newGate(400)
	e := newEndpoint(t, killed.answer)
	hook, group := s.hook("hook", e, "order: key"), s.group+"-hook"
	s.serviceB(s.b, hook)
	values := s.fill(client, s.topic, 4, 40, 0, 50)
	away := func() {
		t.Helper()
		await(t, "B says that Kafka is away", func() bool { return status(s.b, "/readyz") == http.StatusServiceUnavailable })
		require.Equal(t, http.StatusOK, status(s.b, "/healthz"))
		require.Equal(t, http.StatusOK, status(s.b, "/readyz?for=traffic"))
		require.Equal(t, http.StatusServiceUnavailable, status(s.b, "/groups/"+group))
	}
	await(t, "a part of the load", func() bool { return len(e.taken()) == 400 })
	s.signalKafka(syscall.SIGKILL)
	killed.open()
	away()
	s.startKafka()
	e.awaitAll(values)
	s.ready(s.b)
	s.awaitLag(s.b, group, 0) // What was not committed has come again.

	silent := newGate(400)
	e.mend(silent.answer)
	before := len(e.values())
	more := s.fill(client, s.topic, 4, 40, 50, 100)
	await(t, "a part of the second load", func() bool { return len(e.values()) >= before+400 })
	s.signalKafka(syscall.SIGSTOP)
	silent.open()
	away()
	s.signalKafka(syscall.SIGCONT)
	e.awaitAll(append(values, more...))
	s.ready(s.b)
	s.awaitLag(s.b, group, 0)
	e.requireOrder()
	s.requireStates(s.b)
	s.requireCommitted(kadm.NewClient(client), group, e)
}
