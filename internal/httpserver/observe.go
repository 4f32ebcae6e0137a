package httpserver

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/telemetry"
)

// Tracer makes a span of each request. Begin returns the request to serve, with
// the span in its context; End gets that request when it was answered, the path
// of the pattern that it matched (empty for none), the status, and whether the
// handler panicked.
type Tracer interface {
	Begin(r *http.Request) *http.Request
	End(r *http.Request, route string, status int, panicked bool)
}

// observer counts and times the requests of a Server, and shows them to a
// Tracer. The values of its labels are bounded by the program, never by what a
// client sends.
type observer struct {
	tracer   Tracer
	requests *prometheus.CounterVec
	seconds  prometheus.ObserverVec
	bytes    *prometheus.CounterVec
	inFlight prometheus.Gauge

	mu        sync.Mutex // of those who change routes
	routes    atomic.Pointer[map[string]*route]
	recorders sync.Pool
}

// newObserver makes an observer. Several, one for each service of the process,
// may share a registry. tracer may be nil.
func newObserver(reg prometheus.Registerer, service string, tracer Tracer) *observer {
	label := prometheus.Labels{"service": service}
	o := &observer{tracer: tracer}
	o.requests = telemetry.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_http_requests_total",
		Help: "Requests that were answered, by the pattern that they matched, method and status.",
	}, []string{"service", "route", "method", "code"})).MustCurryWith(label)
	o.seconds = telemetry.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_http_request_duration_seconds",
		Help:    "Time from a request's header to the end of its answer; of a stream, how long it was open.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
	}, []string{"service", "route"})).MustCurryWith(label)
	o.bytes = telemetry.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_http_response_bytes_total",
		Help: "Bytes of the bodies of answers.",
	}, []string{"service", "route"})).MustCurryWith(label)
	o.inFlight = telemetry.Register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_http_requests_in_flight",
		Help: "Requests that are being served, open streams included.",
	}, []string{"service"})).With(label)
	o.routes.Store(&map[string]*route{})
	o.recorders.New = func() any { return &recorder{} }
	return o
}

// observeReady exports whether a service is ready, as /readyz answers it.
func observeReady(reg prometheus.Registerer, service string, h *Health) {
	telemetry.Register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "sluice_ready",
		Help:        "1 while /readyz is 200, else 0.",
		ConstLabels: prometheus.Labels{"service": service},
	}, func() float64 {
		if len(h.reasons(false)) > 0 {
			return 0
		}
		return 1
	}))
}

// wrap observes what next answers: the guards and the mux, so that what a guard
// refuses is counted too. The mux writes the pattern that matched into the
// request, so what stands between must hand on that one and not a copy; a
// request gets its principal behind the mux.
func (o *observer) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		o.inFlight.Inc()
		rec := o.recorders.Get().(*recorder)
		*rec = recorder{ResponseWriter: w}
		traced := o.tracer != nil && !isProbe(r.URL.Path)
		if traced {
			r = o.tracer.Begin(r)
		}
		panicked := true
		// The panic is not recovered, so that it goes on with its own stack.
		defer func() {
			status := rec.answered(panicked)
			t := o.route(r.Pattern)
			t.counter(o, r.Method, status).Inc()
			t.seconds.Observe(time.Since(start).Seconds())
			if r.Method != http.MethodHead {
				t.bytes.Add(float64(rec.bytes))
			}
			o.inFlight.Dec()
			if traced {
				path := t.path
				if path == noRoute {
					path = ""
				}
				o.tracer.End(r, path, status, panicked)
			}
			o.release(rec, panicked)
		}()
		next.ServeHTTP(rec, r)
		panicked = false
	})
}

// isProbe tells requests that come every few seconds and say nothing: they are
// counted, but a span of each would hide the others.
func isProbe(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/metrics" }

// noRoute is the label of requests that matched no pattern.
const noRoute = "none"

// route holds the metrics of a pattern, found once.
type route struct {
	path    string
	seconds prometheus.Observer
	bytes   prometheus.Counter
	codes   [len(methods) + 1]atomic.Pointer[[]counted]
}

// counted is the counter of a status. A route has few of them: they are looked
// through one by one.
type counted struct {
	status int
	prometheus.Counter
}

// route returns the metrics of a pattern, which is one of the mux's.
func (o *observer) route(pattern string) *route {
	if t := (*o.routes.Load())[pattern]; t != nil {
		return t
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	all := maps.Clone(*o.routes.Load())
	if t := all[pattern]; t != nil {
		return t
	}
	path := pathOf(pattern)
	t := &route{path: path, seconds: o.seconds.WithLabelValues(path), bytes: o.bytes.WithLabelValues(path)}
	all[pattern] = t
	o.routes.Store(&all)
	return t
}

// pathOf is the path of a pattern, [METHOD ][HOST]/[PATH]. The pattern of all
// paths is the one that answers where no other matches.
func pathOf(pattern string) string {
	slash := strings.IndexByte(pattern, '/')
	if slash < 0 || pattern[slash:] == "/" {
		return noRoute
	}
	return strings.TrimSuffix(pattern[slash:], "{$}")
}

// counter returns the counter of a method and a status. A new one replaces the
// list; when two do that at once, the one that loses is found next time.
func (t *route) counter(o *observer, method string, status int) prometheus.Counter {
	i := slices.Index(methods[:], method)
	if i < 0 {
		i, method = len(methods), "other"
	}
	var known []counted
	if list := t.codes[i].Load(); list != nil {
		known = *list
	}
	for _, c := range known {
		if c.status == status {
			return c.Counter
		}
	}
	c := o.requests.WithLabelValues(t.path, method, strconv.Itoa(status))
	more := append(slices.Clone(known), counted{status, c})
	t.codes[i].Store(&more)
	return c
}

// methods are those that are told apart, the most frequent ones first.
var methods = [...]string{
	http.MethodPost, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace,
}
