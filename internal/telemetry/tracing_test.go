package telemetry_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"sluice/internal/telemetry"
)

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
	callers      = "00-" + callersTrace + "-" + callersSpan + "-01"
)

func request(method, target, traceparent string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	if traceparent != "" {
		r.Header.Set("traceparent", traceparent)
		r.Header.Set("tracestate", "vendor=value")
	}
	return r
}

// serve is a request from its begin to its end.
func serve(tracing *telemetry.Tracing, r *http.Request, status int) {
	tracing.End(tracing.Begin(r), "/topics/{topic}", status, false)
}

func TestTheEnvironmentTurnsTracingOn(t *testing.T) {
	const endpoint, traces = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	const exporter, protocol = "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL"
	tests := []struct {
		name string
		env  []string
		on   bool
		fail string
	}{
		{name: "nothing is set"},
		{name: "endpoint of all signals", env: []string{endpoint, "http://c:4318"}, on: true},
		{name: "endpoint of traces", env: []string{traces, "https://c/v1/traces"}, on: true},
		{name: "exporter alone", env: []string{exporter, "otlp"}, on: true},
		{name: "exporter none", env: []string{exporter, "none", endpoint, "http://c:4318", protocol, "grpc"}},
		{name: "SDK disabled", env: []string{"OTEL_SDK_DISABLED", "TRUE", endpoint, "http://c:4318"}},
		{name: "SDK not disabled", env: []string{"OTEL_SDK_DISABLED", "no", endpoint, "http://c:4318"}, on: true},
		{name: "exporter that is not built in", env: []string{exporter, "console"}, fail: "OTEL_TRACES_EXPORTER"},
		{name: "protocol that is not built in", env: []string{endpoint, "http://c:4317", protocol, "grpc"}, fail: protocol},
		{name: "protocol of traces wins", env: []string{endpoint, "http://c:4318", protocol, "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"}, on: true},
		{name: "protocol JSON", env: []string{endpoint, "http://c:4318", protocol, "http/json"}, on: true},
		{name: "endpoint without a scheme", env: []string{endpoint, "collector:4318"}, fail: endpoint},
		{name: "endpoint with a password", env: []string{traces, "ftp://user:secret@c"}, fail: traces},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			setenv(t, tc.env...)
			tracing, err := telemetry.NewTracing(t.Context(), "sluice", slog.New(slog.DiscardHandler))
			if tc.fail != "" {
				require.ErrorContains(t, err, tc.fail)
				require.NotContains(t, err.Error(), "secret")
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.on, tracing != nil)
			require.NoError(t, tracing.Shutdown(t.Context()))
		})
	}
}

func TestTracingThatIsOff(t *testing.T) {
	var off *telemetry.Tracing
	r := request(http.MethodPost, "/topics/orders", "")
	require.Same(t, r, off.Begin(r))
	off.End(r, "/topics/{topic}", http.StatusOK, false)
	require.NoError(t, off.Shutdown(t.Context()))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		off.End(off.Begin(r), "/topics/{topic}", http.StatusOK, false)
		telemetry.TraceContext(r.Context(), r.Header)
		_, send := telemetry.StartSend(r.Context(), "orders")
		send.End("")
	}))
}

func TestASpanIsTheCallersChildAndIsFlushed(t *testing.T) {
	c, url := newCollector(t)
	tracing, _ := start(t, url, "OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")

	r := request(http.MethodPost, "http://user:secret@sluice.example:8000/topics/orders?token=secret", callers)
	r = tracing.Begin(r)
	ctx, send := telemetry.StartSend(r.Context(), "orders")
	traceparent, tracestate := telemetry.TraceContext(ctx, r.Header)
	send.End("")
	tracing.End(r, "/topics/{topic}", http.StatusOK, false)
	require.NoError(t, tracing.Shutdown(t.Context()))

	spans := c.got()
	require.Len(t, spans, 2)
	span, sent := spans["POST /topics/{topic}"], spans["send orders"]
	require.Equal(t, callersTrace, fmt.Sprintf("%x", span.GetTraceId()))
	require.Equal(t, callersSpan, fmt.Sprintf("%x", span.GetParentSpanId()))
	require.Equal(t, otlp.Span_SPAN_KIND_SERVER, span.GetKind())
	require.Equal(t, map[string]string{
		"http.request.method": "POST", "http.route": "/topics/{topic}", "http.response.status_code": "int_value:200",
		"url.scheme": "http", "server.address": "sluice.example", "server.port": "int_value:8000",
	}, attributes(span.GetAttributes()))
	require.NotEqual(t, otlp.Status_STATUS_CODE_ERROR, span.GetStatus().GetCode())

	require.Equal(t, span.GetSpanId(), sent.GetParentSpanId())
	require.Equal(t, otlp.Span_SPAN_KIND_PRODUCER, sent.GetKind())
	require.Equal(t, "orders", attributes(sent.GetAttributes())["messaging.destination.name"])

	require.Equal(t, fmt.Sprintf("00-%s-%x-01", callersTrace, sent.GetSpanId()), traceparent)
	require.Equal(t, "vendor=value", tracestate)

	require.Equal(t, "sluice-producer", c.resource["service.name"])
	require.Equal(t, "test", c.resource["deployment.environment.name"])
	require.Equal(t, []string{"/v1/traces"}, c.paths)
}

func TestTheEnvironmentNamesTheService(t *testing.T) {
	c, url := newCollector(t)
	tracing, _ := start(t, url, "OTEL_SERVICE_NAME", "intake")
	serve(tracing, request(http.MethodGet, "/", ""), http.StatusOK)
	require.NoError(t, tracing.Shutdown(t.Context()))
	require.Equal(t, "intake", c.resource["service.name"])
}

func TestWhichSpansAreErrors(t *testing.T) {
	tests := []struct {
		name     string
		method   string
		route    string
		status   int
		panicked bool
		span     string
		kind     string
	}{
		{"client's mistake", http.MethodGet, "/a", 404, false, "GET /a", ""},
		{"ours", http.MethodGet, "/a", 503, false, "GET /a", "503"},
		{"panic after the status", http.MethodGet, "/a", 200, true, "GET /a", "panic"},
		{"no route", http.MethodGet, "", 404, false, "GET", ""},
		{"made-up method", "BREW", "/a", 405, false, "HTTP /a", ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c, url := newCollector(t)
			tracing, _ := start(t, url)
			tracing.End(tracing.Begin(request(tc.method, "/a", "")), tc.route, tc.status, tc.panicked)
			require.NoError(t, tracing.Shutdown(t.Context()))
			span := c.got()[tc.span]
			require.NotNil(t, span)
			require.Empty(t, span.GetParentSpanId())
			require.Equal(t, tc.kind, attributes(span.GetAttributes())["error.type"])
			require.Equal(t, tc.kind != "", span.GetStatus().GetCode() == otlp.Status_STATUS_CODE_ERROR)
		})
	}
}

func TestTheSamplerIsTheEnvironments(t *testing.T) {
	c, url := newCollector(t)
	tracing, _ := start(t, url, "OTEL_TRACES_SAMPLER", "always_off")
	r := tracing.Begin(request(http.MethodPost, "/", callers))
	traceparent, _ := telemetry.TraceContext(r.Context(), r.Header)
	require.Regexp(t, "^00-"+callersTrace+"-[0-9a-f]{16}-00$", traceparent)
	tracing.End(r, "/", http.StatusOK, false)
	require.NoError(t, tracing.Shutdown(t.Context()))
	require.Empty(t, c.got())
}

// A batch for each span makes each a failure of its own.
const single = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"

func TestADeadCollectorIsReportedOnce(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	tracing, log := start(t, "http://"+l.Addr().String(), single, "1")
	for range 20 {
		serve(tracing, request(http.MethodPost, "/", ""), http.StatusOK)
	}
	require.ErrorContains(t, tracing.Shutdown(t.Context()), "20 spans were not exported")
	require.Equal(t, 1, strings.Count(log.String(), "traces cannot be exported"), log)
}

func TestACollectorThatComesBackIsReportedOnce(t *testing.T) {
	c, url := newCollector(t)
	c.refuse = 5
	tracing, log := start(t, url, single, "1")
	for range 20 {
		serve(tracing, request(http.MethodPost, "/", ""), http.StatusOK)
	}
	require.NoError(t, tracing.Shutdown(t.Context()))
	require.Equal(t, 1, strings.Count(log.String(), "traces cannot be exported"), log)
	require.Equal(t, 1, strings.Count(log.String(), "traces are exported again"), log)
	require.Contains(t, log.String(), "lost_spans=5")
	require.Less(t, log.Len(), 1000)
}

func TestASilentCollectorBlocksNobody(t *testing.T) {
	c, url := newCollector(t)
	var once sync.Once
	asked := make(chan struct{})
	c.hang = func(r *http.Request) {
		once.Do(func() { close(asked) })
		<-r.Context().Done()
	}
	tracing, log := start(t, url, single, "1", "OTEL_BSP_MAX_QUEUE_SIZE", "1")
	for range 1000 { // Far more than the queue holds: what is too much is dropped.
		serve(tracing, request(http.MethodPost, "/", ""), http.StatusOK)
	}
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, tracing.Shutdown(ctx), context.Canceled)
	require.NotContains(t, log.String(), "traces cannot be exported")
	serve(tracing, request(http.MethodPost, "/", ""), http.StatusOK) // Late, and dropped.
}

// BenchmarkSpan is what a request costs more with tracing on, while the
// collector is away and the queue is full.
func BenchmarkSpan(b *testing.B) {
	b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	tracing, err := telemetry.NewTracing(b.Context(), "sluice-producer", slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	defer func() { _ = tracing.Shutdown(context.Background()) }() // Nobody takes the spans.
	r := request(http.MethodPost, "/topics/orders", callers)
	b.ReportAllocs()
	for b.Loop() {
		serve(tracing, r, http.StatusOK)
	}
}
