package dialect_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/internal/kafka"
	"sluice/internal/producer"
	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"
	"sluice/internal/units"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// both sends one record to both endpoints, and returns what was said of it.
func (p *proxy3) both(topic string) []result3 {
	p.t.Helper()
	reply := p.post(topic+"/records:batch", strings.NewReader(`{"entries":[{"id":"x"}]}`))
	require.Equal(p.t, 207, reply.status, reply.body)
	return []result3{p.one(topic, `{}`), batch3(p.t, reply.body).Failures[0]}
}

func TestREST3UnknownOutcome(t *testing.T) {
	p := newProxy3(t, func(c *producer.Config) { c.Timeout = 300 * time.Millisecond })
	held, release := p.HoldProduce()
	a := p.one("events", `{"value":{"type":"STRING","data":"late"}}`)
	<-held
	require.Equal(t, 50003, a.ErrorCode)
	require.Contains(t, a.Message, "may have been written")
	reply := p.post("events/records:batch", strings.NewReader(`{"entries":[{"id":"x"}]}`))
	failure := batch3(t, reply.body).Failures[0]
	require.Equal(t, 50302, failure.ErrorCode, "it waited behind the other, and was withdrawn")
	require.Contains(t, failure.Message, "not written")
	release()
	p.Await(func() bool { return p.Values("events")["late"] == 1 })
}

func TestREST3WhatTheTopicDoesNotTake(t *testing.T) {
	p := newProxy3(t, nil)
	require.NoError(t, p.Cluster.CreateTopic("compacted", 1, map[string]string{"cleanup.policy": "compact"}))
	require.NoError(t, p.Cluster.CreateTopic("small", 1, map[string]string{"max.message.bytes": "1000"}))
	p.Know("compacted", "small")
	for _, a := range p.both("compacted") {
		require.Equal(t, 50002, a.ErrorCode)
		require.Contains(t, a.Message, "needs a key")
	}
	all := p.stream("small", `{"value":{"type":"STRING","data":"`+strings.Repeat("x", 2000)+`"}}{}`)
	require.Equal(t, []int{400, 200}, codes3(all))
	require.Contains(t, all[0].Message, "the limit of topic small")
}

func TestREST3WhatKafkaRefuses(t *testing.T) {
	p := newProxy3(t, nil)
	var code atomic.Int32
	p.Cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		p.Cluster.KeepControl()
		answer := r.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range r.(*kmsg.ProduceRequest).Topics {
			failed := kmsg.NewProduceResponseTopic()
			failed.Topic, failed.TopicID = topic.Topic, topic.TopicID
			for _, partition := range topic.Partitions {
				one := kmsg.NewProduceResponseTopicPartition()
				one.Partition, one.ErrorCode = partition.Partition, int16(code.Load())
				failed.Partitions = append(failed.Partitions, one)
			}
			answer.Topics = append(answer.Topics, failed)
		}
		return answer, nil, true
	})
	for refusal, want := range map[int16]int{
		kerr.TopicAuthorizationFailed.Code: 40301,
		kerr.PolicyViolation.Code:          50002,
		kerr.MessageTooLarge.Code:          400,
	} {
		code.Store(int32(refusal))
		for _, a := range p.both("events") {
			require.Equal(t, want, a.ErrorCode, "%+v", a)
		}
	}
}

func TestREST3OnATopicThatTheBrokersStamp(t *testing.T) {
	p := newProxy3(t, nil)
	require.NoError(t, p.Cluster.CreateTopic("stamped", 1, map[string]string{"message.timestamp.type": "LogAppendTime"}))
	p.Know("stamped")
	a := p.one("stamped", `{"timestamp":"2020-01-02T03:04:05Z"}`)
	require.Equal(t, 200, a.ErrorCode)
	require.Nil(t, a.Timestamp, "we do not know it, so we do not say it")
}

func TestREST3WhileKafkaIsAway(t *testing.T) {
	p := newProxy3(t, nil)
	require.Equal(t, 200, p.one("events", `{}`).ErrorCode)
	upload := p.open("events")
	require.Equal(t, 200, upload.ask(`{}`).ErrorCode)
	p.Cluster.Close()
	p.Await(func() bool { return p.Writer.Ready() != nil })
	for _, record := range []string{`{}`, `{"value":{"type":"STRING","data":"` + strings.Repeat("x", 100<<10) + `"}}`, `{"valeu":1}`} {
		a := upload.ask(record)
		require.Equal(t, 50302, a.ErrorCode, "a stream that is open goes on: %+v", a)
		require.Contains(t, a.Message, "not written")
	}
	upload.end()
	require.Empty(t, upload.rest())
	for _, endpoint := range []string{"events/records", "events/records:batch"} {
		reply := p.post(endpoint, strings.NewReader(`{}`))
		require.Equal(t, 503, reply.status)
		require.Equal(t, "1", reply.header.Get("Retry-After"))
		require.Equal(t, []int{50302}, codes3(results3(t, reply.body)))
	}
}

func TestREST3BeforeTheFirstConnection(t *testing.T) {
	w := producer.NewWriter(producer.DefaultConfig(), kafka.Config{Brokers: []string{"127.0.0.1:1"}}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	p := &proxy3{World: &producertest.World{Writer: w}, t: t}
	for range 2 {
		for _, endpoint := range []string{"records", "records:batch"} {
			rec := httptest.NewRecorder()
			p.handler().ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/v3/clusters/c/topics/events/"+endpoint, strings.NewReader(`{}`)))
			require.Equal(t, 503, rec.Code)
			require.Equal(t, []int{50302}, codes3(results3(t, rec.Body.String())))
		}
		w.EndStreams()
	}
	w.Close(context.Background())
}

func TestREST3Principals(t *testing.T) {
	p := newProxy3(t, nil)
	p.principal = principalOf(t, access.Grant{Topics: []string{"events"}, Rights: []string{"write"}, Limits: access.Limits{Bytes: 100}})
	require.Equal(t, 200, p.one("events", `{}`).ErrorCode)
	for _, endpoint := range []string{"secrets/records", "secrets/records:batch"} {
		reply := p.post(endpoint, strings.NewReader(`{}`))
		require.Equal(t, 403, reply.status)
		require.Equal(t, []int{40301}, codes3(results3(t, reply.body)))
	}
	// A second's worth is used up by the first batch, whatever there was.
	batch := `{"entries":[{"id":"x","value":{"type":"STRING","data":"` + strings.Repeat("x", 1000) + `"}}]}`
	var last batchReply3
	p.Await(func() bool {
		reply := p.post("events/records:batch", strings.NewReader(batch))
		require.Equal(t, 207, reply.status)
		last = batch3(t, reply.body)
		return len(last.Failures) > 0
	})
	require.Equal(t, 429, last.Failures[0].ErrorCode)
	// A stream waits instead.
	require.Equal(t, []int{200, 200}, codes3(p.stream("events", `{}{}`)))
}

// Every refusal gives back what it took: after any mix of them there is room.
func TestREST3Budget(t *testing.T) {
	p := newProxy3(t, func(c *producer.Config) {
		c.Limits.Body, c.Limits.InFlight, c.Limits.Requests = 64*units.KiB, units.MiB, 8
	})
	large := `{"value":{"type":"STRING","data":"` + strings.Repeat("x", 200<<10) + `"}}`
	tooLarge := `{"value":{"type":"STRING","data":"` + strings.Repeat("x", 2<<20) + `"}}`
	for range 10 {
		for _, body := range []string{`{}`, large + large + large, tooLarge, `{"valeu":1}`, `{`, large[:100<<10], large[:100<<10] + "\n" + large} {
			for _, a := range p.stream("events", body) {
				require.NotContains(t, a.Message, "in flight")
			}
		}
		for _, body := range []string{`{}`, `{"entries":[{"id":"1"}]}`, `{"entries":[{"id":"1","x":1}]}`, `[`, large} {
			require.NotContains(t, p.post("events/records:batch", strings.NewReader(body)).body, "in flight")
		}
	}
}

func TestREST3IsDocumented(t *testing.T) {
	w := producer.NewWriter(producer.DefaultConfig(), kafka.Config{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	d := dialect.NewREST3(w)
	s := httpserver.New(httpserver.Options{Title: "A", Version: "1", Listen: []string{"127.0.0.1:0"}, Log: slog.New(slog.DiscardHandler)})
	d.Register(s)
	require.NoError(t, s.Listen(t.Context()))
	require.NoError(t, s.Shutdown(t.Context()))
	for status, code := range map[int]int{401: 40101, 403: 40301, 429: 429, 503: 50302} {
		rec := httptest.NewRecorder()
		d.Refuse(rec, nil, httpserver.NewProblem(status, "why"))
		require.Equal(t, status, rec.Code)
		require.Equal(t, []result3{{ErrorCode: code, Message: "why"}}, results3(t, rec.Body.String()))
	}
	w.Close(context.Background())
}
