package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// After a SIGKILL of the whole process every acknowledged record is there.
func TestKillOfTheWholeProcess(t *testing.T) {
	dir := t.TempDir()
	ports := freePorts(t, 3)
	args := []string{"dev", "--broker-listen", ports[0], "--producer-listen", ports[1], "--consumer-listen", ports[2]}
	sent := newSender(ports[1])
	var all []*process
	for round := range 3 {
		p := start(t, dir, args...)
		all = append(all, p)
		await(t, "the services are ready", func() bool {
			return status(ports[1], "/readyz") == http.StatusOK && status(ports[2], "/readyz") == http.StatusOK
		})
		ctx, stop := context.WithCancel(t.Context())
		sent.prefix = fmt.Sprintf("%d:", round)
		before := sent.count("yes")
		wait := sent.load(ctx, 8)
		await(t, "records to lose", func() bool { return sent.count("yes") > before+500 })
		p.signal(syscall.SIGKILL)
		<-p.exited
		stop()
		wait()
	}
	all = append(all, start(t, dir, args...))
	sent.check(t, func() map[string]int { return received(all) })
}

// received adds up what several processes have written.
func received(all []*process) map[string]int {
	found := map[string]int{}
	for _, p := range all {
		for value, n := range p.received() {
			found[value] += n
		}
	}
	return found
}

// Kafka is killed, comes back, falls silent and speaks again, all under load.
// Nobody is restarted, and no answer was a lie.
func TestKafkaGoesAwayAndComesBack(t *testing.T) {
	s := newSystem(t)
	s.needsFaults()
	a, b := s.producer("--producer-timeout", "3s"), s.consumer()
	sent := newSender(s.a)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	wait := sent.load(ctx, 16)
	flowing := func() {
		t.Helper()
		before := sent.count("yes")
		await(t, "records flow", func() bool { return sent.count("yes") > before+200 })
	}
	refusing := func() {
		t.Helper()
		before := sent.count("no")
		await(t, "records are refused", func() bool { return sent.count("no") > before+20 })
		require.Equal(t, http.StatusServiceUnavailable, status(s.a, "/readyz"))
		require.Equal(t, http.StatusOK, status(s.a, "/readyz?for=traffic"))
		require.Equal(t, http.StatusOK, status(s.a, "/healthz"))
		require.Equal(t, http.StatusOK, status(s.b, "/"))
	}
	flowing()
	s.signalKafka(syscall.SIGKILL)
	refusing()
	s.startKafka()
	flowing()
	s.signalKafka(syscall.SIGSTOP)
	refusing()
	s.signalKafka(syscall.SIGCONT)
	flowing()
	stop()
	wait()
	sent.check(t, b.received)
	s.ready(s.a)
	s.ready(s.b)
	b.says("Error in consumer loop: ")
	a.signal(syscall.SIGTERM)
	b.signal(syscall.SIGTERM)
	require.Equal(t, 0, a.wait())
	require.Equal(t, 0, b.wait())
}

// Requests that are under way when A is told to stop get their true answer.
func TestProducerStopsUnderLoad(t *testing.T) {
	s := newSystem(t)
	b := s.consumer()
	a := s.producer()
	sent := newSender(s.a)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	wait := sent.load(ctx, 16)
	await(t, "records flow", func() bool { return sent.count("yes") > 300 })
	a.signal(syscall.SIGTERM)
	require.Equal(t, 0, a.wait())
	stop()
	wait()
	require.Contains(t, a.stderr.text(), "Kafka producer stopped")
	sent.check(t, b.received)
}

// A stop while Kafka is silent ends within the budget, with true answers.
func TestProducerStopsWhileKafkaIsSilent(t *testing.T) {
	s := newSystem(t)
	s.needsFaults()
	a := s.producer("--producer-timeout", "5m")
	sent := newSender(s.a)
	require.Equal(t, "yes", sent.send("before"))
	s.signalKafka(syscall.SIGSTOP)
	told := make(chan string)
	go func() { told <- sent.send("under way") }()
	await(t, "the request is in flight", func() bool {
		return strings.Contains(metrics(t, s.a), "sluice_producer_in_flight_requests 1")
	})
	a.signal(syscall.SIGTERM)
	require.Equal(t, "unknown", <-told)
	require.Equal(t, 0, a.wait())
	require.Contains(t, a.stderr.text(), "records were not acknowledged before the end")
	s.signalKafka(syscall.SIGCONT)
	sent.check(t, s.consumer().received)
}

// Consumers that come and go, one of them killed, lose nothing.
func TestConsumersComeAndGo(t *testing.T) {
	s := newSystem(t)
	s.producer()
	sent := newSender(s.a)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	wait := sent.load(ctx, 8)
	var all []*process
	for i := range 4 {
		b := s.consumer()
		all = append(all, b)
		before := sent.count("yes")
		await(t, "records flow", func() bool { return sent.count("yes") > before+200 })
		await(t, "records come out", func() bool { return len(b.received()) > 0 })
		if i%2 == 0 {
			b.signal(syscall.SIGTERM)
			require.Equal(t, 0, b.wait())
			continue
		}
		b.signal(syscall.SIGKILL)
		<-b.exited
	}
	stop()
	wait()
	all = append(all, s.consumer())
	sent.check(t, func() map[string]int { return received(all) })
}

// Services that start before Kafka wait for it, and say so.
func TestStartBeforeKafka(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the five seconds between two attempts")
	}
	ports := freePorts(t, 3)
	a := start(t, "", "producer", "--brokers", ports[2], "--producer-listen", ports[0])
	b := start(t, "", "consumer", "--brokers", ports[2], "--consumer-listen", ports[1])
	a.says("Kafka producer not available. Retrying in 5 seconds...")
	b.says("Kafka not available. Retrying in 5 seconds...")
	code, body := do(t, http.MethodPost, ports[0], "/produce", `{"content":"x"}`)
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, `"error":"Kafka producer is not started"`)
	require.Equal(t, http.StatusOK, status(ports[0], "/healthz"))
	require.Equal(t, http.StatusServiceUnavailable, status(ports[0], "/readyz"))
	code, body = do(t, http.MethodGet, ports[1], "/", "")
	require.Equal(t, http.StatusOK, code)
	require.JSONEq(t, `{"message":"Microservice B is running!"}`, body)

	start(t, "", "broker", "--broker-listen", ports[2])
	a.says("Kafka producer connected")
	b.says("Kafka consumer connected and listening...")
	require.Equal(t, "yes", newSender(ports[0]).send("hello"))
	await(t, "the record comes out", func() bool { return b.received()["hello"] == 1 })
}

// Stopped before Kafka ever answered, the services end as cleanly.
func TestStopBeforeKafka(t *testing.T) {
	ports := freePorts(t, 3)
	a := start(t, "", "producer", "--brokers", ports[2], "--producer-listen", ports[0])
	b := start(t, "", "consumer", "--brokers", ports[2], "--consumer-listen", ports[1])
	a.says("Kafka producer not available.")
	b.says("Kafka not available.")
	a.signal(syscall.SIGTERM)
	b.signal(syscall.SIGINT)
	require.Equal(t, 0, a.wait())
	require.Equal(t, 0, b.wait())
}

// A supervisor that signals the process and its group has meant one stop; who
// signals again later means it.
func TestSignalsThatComeTwice(t *testing.T) {
	s := newSystem(t)
	twice := s.producer()
	twice.signal(syscall.SIGTERM)
	twice.signal(syscall.SIGTERM)
	require.Equal(t, 0, twice.wait())
	require.Contains(t, twice.stderr.text(), "Kafka producer stopped")

	again := s.producer()
	again.signal(syscall.SIGTERM)
	again.says("stopping")
	for ended := false; !ended; {
		again.signal(syscall.SIGTERM)
		select {
		case <-again.exited:
			ended = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	require.Equal(t, -1, again.wait(), "killed by the signal")
	require.NotContains(t, again.stderr.text(), "Kafka producer stopped")
}
