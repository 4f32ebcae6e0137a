package webhook_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/internal/webhook"
	"sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output keeps a log.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func newLog() (*output, *slog.Logger) {
	out := &output{}
	return out, slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// loopback lets tests reach their servers.
var loopback = []string{"127.0.0.0/8", "::1/128"}

// hook is a webhook with what it logs and counts.
type hook struct {
	*webhook.Webhook
	log *output
	reg *prometheus.Registry
}

func newHook(t *testing.T, cfg webhook.Config) hook {
	t.Helper()
	out, log := newLog()
	reg := prometheus.NewRegistry()
	w, err := webhook.New(cfg, "billing", log, reg)
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return hook{w, out, reg}
}

// metric returns a counter or gauge, summed up over what has the label value.
func (h hook) metric(t *testing.T, name string, outcomes ...string) float64 {
	t.Helper()
	families, err := h.reg.Gather()
	require.NoError(t, err)
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			match := len(outcomes) == 0
			for _, l := range m.GetLabel() {
				if l.GetName() == "handler" {
					require.Equal(t, "billing", l.GetValue())
				}
				match = match || l.GetName() == "outcome" && l.GetValue() == outcomes[0]
			}
			if match {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func (h hook) requests(t *testing.T, outcome string) float64 {
	t.Helper()
	return h.metric(t, "sluice_webhook_requests_total", outcome)
}

// serve starts an endpoint and returns its URL.
func serve(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

// answer is an endpoint that gives one answer.
func answer(status int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte("the body of the answer")) // The client may be gone.
	}
}

var topicID = record.TopicID{0xfb, 0xef, 0xbe, 0xfb, 0xef, 0xbe, 0xfb, 0xef, 0xbe, 0xfb, 0xef, 0xbe, 0xfb, 0xef, 0xbe, 0xff}

// order is a record like any other.
func order() *record.Record {
	return &record.Record{
		Topic: "orders", TopicID: topicID, Partition: 3, Offset: 4711,
		Timestamp: time.UnixMilli(1795420800123),
		Key:       []byte("customer-7"),
		Value:     []byte(`{"id":17,"total":"9.90"}`),
	}
}

// write puts a file into a folder of the test's.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
