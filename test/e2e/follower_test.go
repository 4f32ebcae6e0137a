package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A cluster of two brokers, of which the one with the number 2 may be frozen:
// its addresses, and a command that prints the process's number.
var (
	kafkaPair        = os.Getenv("KAFKA_PAIR")
	kafkaFollowerPID = os.Getenv("KAFKA_FOLLOWER_PID")
)

// createOn creates a topic of one partition on the brokers of these numbers,
// the first of which leads.
func createOn(t *testing.T, client *kgo.Client, topic string, brokers ...int32) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 10_000
	create := kmsg.NewCreateTopicsRequestTopic()
	create.Topic, create.NumPartitions, create.ReplicationFactor = topic, -1, -1
	assignment := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
	assignment.Replicas = brokers
	create.ReplicaAssignment = append(create.ReplicaAssignment, assignment)
	req.Topics = append(req.Topics, create)
	resp, err := req.RequestWith(t.Context(), client)
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(resp.Topics[0].ErrorCode))
}

// A follower that is frozen holds back the answers to records of its topic,
// and Kafka answers a connection in order. Topics of other clients go on.
func TestAFrozenFollowerHoldsBackNobodyElse(t *testing.T) {
	if kafkaPair == "" || kafkaFollowerPID == "" {
		t.Skip("needs two brokers, named by KAFKA_PAIR and KAFKA_FOLLOWER_PID")
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(kafkaPair, ",")...))
	require.NoError(t, err)
	defer client.Close()
	name := fmt.Sprintf("follower-%d", time.Now().UnixNano())
	createOn(t, client, name, 1, 2)
	var others []string
	for i := range 32 {
		others = append(others, fmt.Sprintf("%s-%d", name, i))
		createOn(t, client, others[i], 1)
	}
	s := &system{t: t, brokers: kafkaPair, topic: name, a: freePorts(t, 1)[0]}
	s.producer()
	post := func(topic string) int {
		resp, err := http.Post("http://"+s.a+"/topics/"+topic+"?timeout=3s", "text/plain", strings.NewReader("x"))
		if err != nil {
			return 0
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for _, topic := range append(others, name) {
		await(t, topic+" is written to", func() bool { return post(topic) == http.StatusOK })
	}

	out, err := exec.Command("bash", "-c", kafkaFollowerPID).Output()
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	held := make(chan int)
	go func() { held <- post(name) }()
	await(t, "the record is with Kafka", func() bool {
		return !strings.Contains(metrics(t, s.a), "sluice_producer_in_flight_requests 0\n")
	})
	codes := make([]int, len(others))
	var wg sync.WaitGroup
	for i, topic := range others {
		wg.Go(func() { codes[i] = post(topic) })
	}
	wg.Wait()
	require.Equal(t, http.StatusGatewayTimeout, <-held, "the follower is frozen")
	written := 0
	for _, code := range codes {
		if code == http.StatusOK {
			written++
		}
	}
	t.Logf("%d of %d other topics were written to; the others share the held one's client", written, len(others))
	require.GreaterOrEqual(t, written, len(others)/4, "three of four topics belong to other clients")
	require.Equal(t, http.StatusOK, status(s.a, "/healthz"))
	require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
	await(t, "everything is written again", func() bool { return post(name) == http.StatusOK && post(others[0]) == http.StatusOK })
}
