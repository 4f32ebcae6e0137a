package httpserver

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Health answers whether a service is alive and ready. The zero value has no
// checks. All methods may be called at any time from any goroutine.
type Health struct {
	mu       sync.Mutex
	checks   []check
	draining atomic.Bool
}

type check struct {
	name  string
	ready func() error
}

// Check adds a condition of readiness: a function that returns nil, or the
// reason why the service cannot do its work now. It must not block.
func (h *Health) Check(name string, ready func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, check{name, ready})
}

// Drain makes the service not ready for good.
func (h *Health) Drain() { h.draining.Store(true) }

// Reasons lists why the service is not ready; it is empty where it is.
func (h *Health) Reasons() []string { return h.reasons(false) }

// reasons lists why the service is not ready: for traffic, only a drain
// counts, so that our own honest answers reach clients when Kafka is away.
func (h *Health) reasons(traffic bool) []string {
	if h.draining.Load() {
		return []string{"draining"}
	}
	if traffic {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var reasons []string
	for _, c := range h.checks {
		if err := c.ready(); err != nil {
			reasons = append(reasons, c.name+": "+err.Error())
		}
	}
	return reasons
}

// healthAnswer is the answer of both endpoints when all is well.
type healthAnswer struct {
	Status string `json:"status" enum:"alive,ready"`
}

// register adds /healthz, /readyz and /metrics to the mux.
func (h *Health) register(s *Server, metrics prometheus.Gatherer) {
	s.Handle(http.MethodGet, "/healthz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, `{"status":"alive"}`)
	}), Doc{
		ID: "healthz", Open: true, Summary: "Whether the process is alive", Tag: "health",
		Description: "Always answers, Kafka or no Kafka.",
		Answers:     map[int]Answer{http.StatusOK: {Description: "The process is alive.", Body: healthAnswer{}}},
	})
	s.Handle(http.MethodGet, "/readyz", http.HandlerFunc(h.readyz), Doc{
		ID: "readyz", Open: true, Summary: "Whether the service can do its work", Tag: "health",
		Description: "Without a parameter, for people and alerts: 503 with the reasons while Kafka cannot be used and while draining. With `for=traffic`, for proxies and orchestrators: 503 only while draining.",
		Query:       []Param{{Name: "for", Description: "Who asks.", Enum: []any{"traffic"}}},
		Answers: map[int]Answer{
			http.StatusOK:                  {Description: "The service is ready.", Body: healthAnswer{}},
			http.StatusUnprocessableEntity: {Description: "A parameter is unknown or wrong.", Problem: true},
			http.StatusServiceUnavailable:  {Description: "The service is not ready; the detail says why.", Problem: true},
		},
	})
	s.Handle(http.MethodGet, "/metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}), Doc{
		ID: "metrics", Open: true, Summary: "Metrics for Prometheus", Tag: "health",
		Answers: map[int]Answer{http.StatusOK: {Description: "The metrics as text.", ContentType: "text/plain"}},
	})
}

func (h *Health) readyz(w http.ResponseWriter, r *http.Request) {
	traffic := false
	for name, values := range r.URL.Query() {
		if name != "for" || len(values) != 1 || values[0] != "traffic" {
			p := NewProblem(http.StatusUnprocessableEntity, "the only parameter is for=traffic")
			p.Errors = []FieldError{{Location: "query." + name, Message: p.Detail}}
			p.Write(w)
			return
		}
		traffic = true
	}
	if reasons := h.reasons(traffic); len(reasons) > 0 {
		NewProblem(http.StatusServiceUnavailable, strings.Join(reasons, "; ")).Write(w)
		return
	}
	writeJSON(w, `{"status":"ready"}`)
}

func writeJSON(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(body)) // A client that has gone is told nothing.
}
