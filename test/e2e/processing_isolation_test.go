package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
)

// Six handlers in one service B. Those whose endpoints hang (one of them with a
// flood of records), refuse everything or are gone do not hold up the two that
// are well; and what they hold is delivered when their endpoints are mended.
func TestHandlersAreAlone(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	client := s.kafka()
	flood := s.topic + "-flood"
	s.makeTopic(client, s.topic, 4)
	s.makeTopic(client, flood, 4)
	const keys, each = 20, 20
	deluge := s.fill(client, flood, 4, 4, 0, 2500)
	values := s.fill(client, s.topic, 4, keys, 0, each)

	release := make(chan struct{})
	keyed, failing := newEndpoint(t, always(http.StatusOK)), newEndpoint(t, always(http.StatusUnprocessableEntity))
	gone := newEndpoint(t, always(http.StatusGone))
	stall := func(ctx context.Context, _ delivery) int {
		select {
		case <-release:
			return http.StatusOK
		case <-ctx.Done():
			return http.StatusServiceUnavailable
		}
	}
	hanging, flooded := newEndpoint(t, stall), newEndpoint(t, stall)
	handlers := []string{
		fmt.Sprintf(`{name: log, topics: [%s], group: %s-log, session_timeout: 6s, log: {}}`, s.topic, s.group),
		s.hook("keyed", keyed, "order: key"),
		s.hook("failing", failing, "order: none, retry: {attempts: 3, first: 1ms, max: 5ms}"),
		s.hook("hanging", hanging, "order: none"),
		s.hook("gone", gone, "order: key"),
		s.hookOf(flood, "flooded", flooded, "order: none"),
	}
	b := s.serviceB(s.b, handlers...)

	await(t, "the others stand still", func() bool {
		g, ok := s.groupAt(s.b, s.group+"-gone")
		return ok && len(g.Replica.Members) == 1 && g.Replica.Members[0].Held != "" && hanging.requests() >= 64 && flooded.requests() >= 64
	})
	// From here on nothing of the others can pass.
	values = append(values, s.fill(client, s.topic, 4, keys, each, 2*each)...)
	keyed.awaitAll(values)
	keyed.requireOrder()
	await(t, "the log handler has all", func() bool { return len(b.received()) == len(values) })
	s.awaitLag(s.b, s.group+"-log", 0)
	s.awaitLag(s.b, s.group+"-keyed", 0)
	require.Len(t, keyed.taken(), len(values), "none twice")

	// Everything of the failing one is a dead letter, after three attempts each.
	s.awaitLag(s.b, s.group+"-failing", 0)
	require.Equal(t, 3*len(values), failing.requests())
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(t.Context(), s.topic+"."+s.group+"-failing.dlq")
	require.NoError(t, err)
	letters := int64(0)
	ends.Each(func(o kadm.ListedOffset) { letters += o.Offset })
	require.Equal(t, int64(len(values)), letters)

	// The others have not lost anything, and say why they stand.
	text := metrics(t, s.b)
	require.Contains(t, text, `sluice_webhook_gone{handler="gone"} 1`)
	require.Contains(t, text, `sluice_webhook_gone{handler="keyed"} 0`)
	require.Contains(t, text, fmt.Sprintf(`sluice_consumer_held{group="%s-gone"} 1`, s.group))
	s.requireStates(s.b)
	require.Empty(t, append(hanging.taken(), flooded.taken()...))
	require.Empty(t, gone.taken())
	g, ok := s.groupAt(s.b, s.group+"-gone")
	require.True(t, ok)
	require.Equal(t, int64(len(values)), *g.Lag)
	for _, group := range []string{"gone", "hanging"} {
		topics, err := admin.ListTopics(t.Context(), s.topic+"."+s.group+"-"+group+".dlq")
		require.NoError(t, err)
		require.Error(t, topics.Error(), "no dead letters of %s", group)
	}

	close(release)
	gone.mend(always(http.StatusOK))
	hanging.awaitAll(values)
	b.terminate()
	s.serviceB(s.b, handlers...) // Which asks at once whether the endpoint is still gone.
	gone.awaitAll(values)
	flooded.awaitAll(deluge)
	s.requireStates(s.b)
}
