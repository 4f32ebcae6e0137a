package dialect_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/kafka"
	"sluice/internal/producer"
	"sluice/internal/producer/producertest"
	"sluice/internal/units"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const oneREST2 = `{"records":[{"value":1}]}`

func TestREST2OneBadRecordOfManyFailsAlone(t *testing.T) {
	p := newProxy(t, nil)
	const many, bad = 10_000, 4321
	records := make([]string, many)
	for i := range records {
		records[i] = `{"key":"k","value":"v"}`
	}
	records[bad] = `{"value":"` + strings.Repeat("x", 901<<10) + `"}`
	a := p.produce("events", restText, `{"records":[`+strings.Join(records, ",")+`]}`)
	require.Equal(t, 200, a.code)
	require.Len(t, a.Offsets, many)
	seen := map[int64]bool{}
	for i, o := range a.Offsets {
		if i == bad {
			require.Nil(t, o.Partition)
			require.Nil(t, o.Offset)
			require.Equal(t, 50002, *o.ErrorCode)
			require.Contains(t, *o.Error, "bytes")
			continue
		}
		require.Nil(t, o.Error, "record %d", i)
		require.Nil(t, o.ErrorCode)
		require.False(t, seen[*o.Offset])
		seen[*o.Offset] = true
	}
	require.Equal(t, map[string]int{"v": many - 1}, p.Values(producertest.Topic))
}

func TestREST2RecordsThatFailAlone(t *testing.T) {
	p := newProxy(t, nil)
	require.NoError(t, p.Cluster.CreateTopic("compacted", 1, map[string]string{"cleanup.policy": "compact"}))
	p.Know("compacted")
	for name, c := range map[string]struct{ topic, record, message string }{
		"no such partition":          {"events", `{"value":1,"partition":4}`, "has no partition 4"},
		"no key on a compacted one":  {"compacted", `{"value":1}`, "needs a key"},
		"a time that is too far off": {"events", `{"value":1,"timestamp":7258118400000}`, "ahead"},
		"too large":                  {"events", `{"value":"` + strings.Repeat("x", 900<<10) + `"}`, "limit is"},
	} {
		t.Run(name, func(t *testing.T) {
			a := p.produce(c.topic, restJSON, `{"records":[{"key":1,"value":1},`+c.record+`]}`)
			require.Equal(t, 200, a.code, a.body)
			require.Nil(t, a.Offsets[0].ErrorCode, "the other one is written")
			require.NotNil(t, a.Offsets[0].Offset)
			require.Equal(t, 50002, *a.Offsets[1].ErrorCode)
			require.Nil(t, a.Offsets[1].Offset)
			require.Contains(t, *a.Offsets[1].Error, c.message)
		})
	}
	a := p.produce("compacted", restJSON, oneREST2)
	require.Equal(t, 200, a.code, "also when it is the only one")
	require.Equal(t, 50002, *a.Offsets[0].ErrorCode)
}

func TestREST2UnknownOutcome(t *testing.T) {
	p := newProxy(t, nil)
	held, release := p.HoldProduce()
	var a reply
	var wg sync.WaitGroup
	wg.Go(func() {
		a = p.produce("events?timeout=300ms", restJSON, `{"records":[{"value":1},{"value":"`+strings.Repeat("x", 900<<10)+`"}]}`)
	})
	<-held
	wg.Wait()
	release()
	require.Equal(t, 200, a.code, a.body)
	require.Equal(t, 50003, *a.Offsets[0].ErrorCode)
	require.Contains(t, *a.Offsets[0].Error, "may have been written")
	require.Nil(t, a.Offsets[0].Partition)
	require.Nil(t, a.Offsets[0].Offset)
	require.Equal(t, 50002, *a.Offsets[1].ErrorCode, "what was never handed over is not unknown")
}

// A request that waited behind another one until its deadline was never handed
// over, and says so.
func TestREST2WithdrawnFromTheQueue(t *testing.T) {
	p := newProxy(t, nil)
	held, release := p.HoldProduce()
	var wg sync.WaitGroup
	wg.Go(func() { p.produce("events", restJSON, oneREST2) })
	<-held
	a := p.produce("events?timeout=300ms", restJSON, oneREST2)
	require.Equal(t, 503, a.code, a.body)
	require.Equal(t, 50302, a.ErrorCode)
	require.Equal(t, "1", a.header.Get("Retry-After"))
	release()
	wg.Wait()
	require.Len(t, p.Values(producertest.Topic), 1)
}

func TestREST2KafkaForbidsTheTopic(t *testing.T) {
	p := newProxy(t, nil)
	p.Cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		p.Cluster.KeepControl()
		return failProduce(req.(*kmsg.ProduceRequest), kerr.TopicAuthorizationFailed.Code), nil, true
	})
	a := p.produce("events", restJSON, oneREST2)
	require.Equal(t, 403, a.code, a.body)
	require.Equal(t, 40301, a.ErrorCode)
}

func TestREST2KafkaRefusesTheRecord(t *testing.T) {
	p := newProxy(t, nil)
	p.Cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		p.Cluster.KeepControl()
		return failProduce(req.(*kmsg.ProduceRequest), kerr.InvalidRecord.Code), nil, true
	})
	a := p.produce("events", restJSON, oneREST2)
	require.Equal(t, 200, a.code, a.body)
	require.Equal(t, 50002, *a.Offsets[0].ErrorCode)
}

// failProduce answers every partition of a request with an error.
func failProduce(req *kmsg.ProduceRequest, code int16) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range req.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic = topic.Topic
		for _, partition := range topic.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode = partition.Partition, code
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

// Every refusal gives back what it took: after any mix of them there is room.
func TestREST2Budget(t *testing.T) {
	p := newProxy(t, func(c *producer.Config) {
		c.Limits.Body, c.Limits.InFlight, c.Limits.Requests = 64*units.KiB, 256*units.KiB, 4
	})
	p.Know("nowhere")
	big := `{"records":[{"value":"` + strings.Repeat("x", 40<<10) + `"}]}`
	empty := `{"records":[` + strings.Repeat("{},", 9_999) + `{}]}`
	for _, c := range []struct{ path, body string }{
		{"events", "{"},
		{"events", big[:len(big)-3]},
		{"nowhere", big},
		{"events/partitions/9", big},
		{"events", `{"records":[{},{"headers":[` + strings.Repeat(`{"key":"a"},`, 3000) + `{"key":"x-dlq-a"}]}]}`},
		{"events", empty},
		{"events", strings.Repeat(" ", 65<<10)},
	} {
		for range 20 {
			a := p.produce(c.path, restJSON, c.body)
			require.NotContains(t, a.Message, "in flight")
			require.NotEqual(t, 200, a.code)
		}
	}
	a := p.produce("events", restJSON, empty)
	require.Equal(t, 413, a.code, "more records than could ever be let in")
	require.Contains(t, a.Message, "more records")
	require.Equal(t, 200, p.produce("events", restJSON, big).code)

	held, release := p.HoldProduce()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { p.produce("events", restJSON, big) })
	}
	<-held
	p.Await(func() bool { return p.Writer.Room(1<<17) != nil })
	a = p.produce("events", restJSON, big)
	require.Equal(t, 503, a.code)
	require.Equal(t, 50302, a.ErrorCode)
	require.Equal(t, "1", a.header.Get("Retry-After"))
	release()
	wg.Wait()
}

func TestREST2BeforeTheFirstConnection(t *testing.T) {
	w := producer.NewWriter(producer.DefaultConfig(), kafka.Config{Brokers: []string{"127.0.0.1:1"}}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	p := &proxy{t: t, writer: w}
	for _, path := range []string{"events", "events/partitions/1"} {
		a := p.produce(path, restJSON, oneREST2)
		require.Equal(t, http.StatusServiceUnavailable, a.code)
		require.Equal(t, 50302, a.ErrorCode)
		require.Equal(t, "Kafka producer is not started", a.Message)
		require.NotEmpty(t, a.header.Get("Retry-After"))
	}
	w.Close(context.Background())
	require.Equal(t, "the service is being stopped", p.produce("events", restJSON, oneREST2).Message)
}

func TestREST2WhileKafkaIsAway(t *testing.T) {
	p := newProxy(t, nil)
	require.Equal(t, 200, p.produce("events", restJSON, oneREST2).code)
	p.Cluster.Close()
	p.Await(func() bool { return p.Writer.Ready() != nil })
	began := time.Now()
	a := p.produce("events/partitions/1", restJSON, oneREST2)
	require.Equal(t, http.StatusServiceUnavailable, a.code)
	require.Equal(t, 50302, a.ErrorCode)
	require.Equal(t, "Kafka is not available", a.Message)
	require.Less(t, time.Since(began), p.Writer.Config().Timeout, "known at once")
}

func TestREST2ATopicThatKafkaDoesNotLetUsMake(t *testing.T) {
	p := newProxy(t, func(c *producer.Config) { c.CreateTopics = true })
	p.Cluster.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		p.Cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, topic := range req.(*kmsg.CreateTopicsRequest).Topics {
			t := kmsg.NewCreateTopicsResponseTopic()
			t.Topic, t.ErrorCode = topic.Topic, kerr.PolicyViolation.Code
			resp.Topics = append(resp.Topics, t)
		}
		return resp, nil, true
	})
	var a reply
	p.Await(func() bool {
		a = p.produce("forbidden", restJSON, oneREST2)
		return a.code != http.StatusServiceUnavailable
	})
	require.Equal(t, 200, a.code, a.body)
	require.Equal(t, 50002, *a.Offsets[0].ErrorCode, "refused for good")
}
