package telemetry_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"sluice/internal/telemetry"
)

// collector is an OTLP collector that keeps the spans that it gets.
type collector struct {
	mu       sync.Mutex
	spans    []*otlp.Span
	resource map[string]string
	refuse   int                 // so many requests are answered with 400
	hang     func(*http.Request) // is called before an answer
	paths    []string
}

func newCollector(t *testing.T) (*collector, string) {
	t.Helper()
	c := &collector{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, server.URL
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request collect.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if c.hang != nil {
		c.hang(r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse > 0 {
		c.refuse--
		http.Error(w, strings.Repeat("no ", 1000), http.StatusBadRequest)
		return
	}
	c.paths = append(c.paths, r.URL.Path)
	for _, resource := range request.GetResourceSpans() {
		c.resource = attributes(resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
}

// got returns the spans by their names.
func (c *collector) got() map[string]*otlp.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	spans := map[string]*otlp.Span{}
	for _, s := range c.spans {
		spans[s.GetName()] = s
	}
	return spans
}

func attributes(pairs []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, kv := range pairs {
		switch v := kv.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			m[kv.GetKey()] = v.StringValue
		default:
			m[kv.GetKey()] = strings.TrimSpace(kv.GetValue().String())
		}
	}
	return m
}

// setenv sets the variables, and empties all others that could decide.
func setenv(t *testing.T, pairs ...string) {
	t.Helper()
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
	} {
		t.Setenv(name, "")
	}
	for i := 0; i < len(pairs); i += 2 {
		t.Setenv(pairs[i], pairs[i+1])
	}
}

// start makes tracing that exports to url, and the log that it writes.
func start(t *testing.T, url string, pairs ...string) (*telemetry.Tracing, *bytes.Buffer) {
	t.Helper()
	setenv(t, append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT", url}, pairs...)...)
	log := &bytes.Buffer{} // Is written to by the exporter alone, and read when that has ended.
	tracing, err := telemetry.NewTracing(t.Context(), "sluice-producer", slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	require.NotNil(t, tracing)
	t.Cleanup(func() { _ = tracing.Shutdown(context.Background()) }) // A test may have shut it down.
	return tracing, log
}
