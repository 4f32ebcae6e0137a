//go:build compose

package compose

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	haInterval = 10 * time.Millisecond // between two messages: 100 a second
	haInFlight = 2000                  // requests that wait at most, so that an outage does not slow the sender
	haLimit    = 15 * time.Minute      // for the sending, whatever happens
	haGoOn     = 500                   // messages acknowledged after a fault before the next one

	haPartitions = 4 // of the topic, as service A creates it
)

// TestHA loses a Kafka node by SIGKILL and restarts every replica of both services, one after the other,
// while messages flow through the proxy. Every message that was acknowledged must arrive, and no message
// that was refused may.
func TestHA(t *testing.T) {
	ctx := t.Context()
	s := newStack(t, repository(t), "sluice-ha", "docker-compose.yml", "docker-compose.prod.yml")
	key := s.newKey(ctx)
	s.run(ctx, "make", "up-prod")
	for _, url := range []string{portA + "/readyz", portB + "/readyz"} {
		eventually(ctx, t, url+" answers 200", 3*time.Minute, func() bool {
			status, _ := get(ctx, url)
			return status == http.StatusOK
		})
	}

	status, body := produce(ctx, http.DefaultClient, portA, map[string]any{"content": "without a key"})
	require.Equal(t, http.StatusUnauthorized, status, body)

	sending, stop := context.WithTimeout(ctx, haLimit)
	defer stop()
	messages := newSender(fmt.Sprintf("ha-%d", time.Now().UnixMilli()), key)
	var sent sync.WaitGroup
	sent.Go(func() { messages.run(sending) })
	t.Cleanup(sent.Wait)
	t.Cleanup(stop)

	// goOn waits until the stack has acknowledged messages again: there is no other proof that it works.
	goOn := func(after string) {
		t.Helper()
		goal := messages.written.Load() + haGoOn
		begin := time.Now()
		eventually(ctx, t, "messages flow after: "+after, 2*time.Minute, func() bool { return messages.written.Load() >= goal })
		t.Logf("%-28s %d more acknowledged in %.1f s", after, haGoOn, time.Since(begin).Seconds())
	}
	goOn("start")

	// The first node in the list of brokers, which is a controller too.
	node := s.containers(ctx, "kafka")[0]
	s.run(ctx, "docker", "kill", "--signal", "KILL", node)
	goOn("SIGKILL of a Kafka node")
	s.run(ctx, "docker", "start", node)
	s.healthy(ctx, node)
	goOn("Kafka node back")

	for _, service := range []string{"microservice-a", "microservice-b"} {
		for i, replica := range s.containers(ctx, service) {
			// SIGTERM, and time enough for the drain.
			s.run(ctx, "docker", "restart", "--time", "20", replica)
			s.healthy(ctx, replica)
			goOn(fmt.Sprintf("restart of %s %d", service, i+1))
		}
	}
	stop()
	sent.Wait()
	messages.closing(ctx, haPartitions)

	received := s.deliveries(ctx, messages)
	verdict := messages.judge(received)
	t.Logf("\n%s", verdict)
	require.Zero(t, verdict.lost, "acknowledged and never delivered")
	require.Zero(t, verdict.refusedButDelivered, `answered "written":"no" and delivered all the same`)
}

// deliveries waits until service B has logged every acknowledged message, or nothing new for a while, and
// counts how often it logged each.
func (s *stack) deliveries(ctx context.Context, messages *sender) map[string]int {
	s.t.Helper()
	line := regexp.MustCompile(`Message received: (` + regexp.QuoteMeta(messages.prefix) + `-\w+)\n`)
	deadline := time.Now().Add(2 * time.Minute)
	for {
		received := map[string]int{}
		// All replicas; Docker keeps a container's log over its restarts.
		log := s.compose(ctx, "logs", "--no-color", "--no-log-prefix", "microservice-b")
		for _, match := range line.FindAllStringSubmatch(log, -1) {
			received[match[1]]++
		}
		if messages.judge(received).lost == 0 || time.Now().After(deadline) {
			return received
		}
		select {
		case <-ctx.Done():
			return received
		case <-time.After(time.Second):
		}
	}
}
