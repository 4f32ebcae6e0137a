package httpserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// series returns the values of a counter or gauge by their labels' values, in
// the order of the labels' names: code, method, route, service.
func series(t *testing.T, reg *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() != name {
				continue
			}
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			values[strings.Join(labels, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue() +
				float64(m.GetHistogram().GetSampleCount())
		}
	}
	return values
}

func newObserved(reg prometheus.Registerer, tracer Tracer, mux *http.ServeMux) http.Handler {
	return newObserver(reg, "producer", tracer).wrap(mux)
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestRequestsAreCountedByPattern(t *testing.T) {
	reg := prometheus.NewRegistry()
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", answer(200, "root"))
	mux.Handle("POST /topics/{topic}", answer(503, "no"))
	mux.Handle("/any/", answer(200, ""))
	mux.HandleFunc("GET /silent", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /early", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
	})
	mux.Handle("/", answer(404, ""))
	handler := newObserved(reg, nil, mux)
	for _, request := range []string{
		"GET /", "POST /topics/a", "POST /topics/b", "BREW /any/thing", "GET /any/thing", "GET /silent", "GET /early", "GET /secret/path", "HEAD /",
	} {
		method, path, _ := strings.Cut(request, " ")
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
	}
	require.Equal(t, map[string]float64{
		"200 GET / producer": 1, "200 HEAD / producer": 1, "503 POST /topics/{topic} producer": 2,
		"200 other /any/ producer": 1, "200 GET /any/ producer": 1, "200 GET /silent producer": 1,
		"202 GET /early producer": 1, "404 GET none producer": 1,
	}, series(t, reg, "sluice_http_requests_total"))
	require.Equal(t, map[string]float64{
		"/ producer": 4, "/topics/{topic} producer": 4,
		"/any/ producer": 0, "/early producer": 0, "/silent producer": 0, "none producer": 0,
	}, series(t, reg, "sluice_http_response_bytes_total"))
	require.Equal(t, map[string]float64{
		"/ producer": 2, "/topics/{topic} producer": 2,
		"/any/ producer": 2, "/early producer": 1, "/silent producer": 1, "none producer": 1,
	}, series(t, reg, "sluice_http_request_duration_seconds"))
	require.Equal(t, map[string]float64{"producer": 0}, series(t, reg, "sluice_http_requests_in_flight"))
}

func TestTwoServicesShareARegistry(t *testing.T) {
	reg := prometheus.NewRegistry()
	for _, service := range []string{"producer", "consumer"} {
		h := newObserver(reg, service, nil).wrap(answer(200, ""))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}
	require.Equal(t, map[string]float64{
		"200 GET none consumer": 1,
		"200 GET none producer": 1,
	}, series(t, reg, "sluice_http_requests_total"))
}

func TestManyRequestsAtOnce(t *testing.T) {
	reg := prometheus.NewRegistry()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{code}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
		_, _ = io.WriteString(w, r.PathValue("code"))
	})
	handler := newObserved(reg, nil, mux)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 400 {
				code := strconv.Itoa(200 + i%4)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+code, nil))
				if w.Body.String() != code {
					t.Errorf("%s got the answer %s", code, w.Body)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, map[string]float64{
		"200 GET /{code} producer": 800, "201 GET /{code} producer": 800,
		"202 GET /{code} producer": 800, "203 GET /{code} producer": 800,
	}, series(t, reg, "sluice_http_requests_total"))
}

func TestAPanicIsCountedAndGoesOn(t *testing.T) {
	reg := prometheus.NewRegistry()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /before", func(http.ResponseWriter, *http.Request) { panic("before") })
	mux.HandleFunc("GET /after", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		panic(http.ErrAbortHandler)
	})
	tracer := &fakeTracer{}
	handler := newObserved(reg, tracer, mux)
	serve := func(path string) {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	require.PanicsWithValue(t, "before", func() { serve("/before") })
	require.PanicsWithError(t, http.ErrAbortHandler.Error(), func() { serve("/after") })
	require.Equal(t, map[string]float64{
		"500 GET /before producer": 1,
		"202 GET /after producer":  1,
	}, series(t, reg, "sluice_http_requests_total"))
	require.Equal(t, []string{"/before 500 panicked", "/after 202 panicked"}, tracer.ended)
}

// fakeTracer notes what it is told, and that it gets its own request back.
type fakeTracer struct{ ended []string }

type fakeSpan struct{}

func (*fakeTracer) Begin(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), fakeSpan{}, true))
}

func (f *fakeTracer) End(r *http.Request, route string, status int, panicked bool) {
	if r.Context().Value(fakeSpan{}) == nil {
		f.ended = append(f.ended, "not mine")
		return
	}
	line := route + " " + http.StatusText(status)
	if panicked {
		line = route + " " + map[int]string{500: "500", 202: "202"}[status] + " panicked"
	}
	f.ended = append(f.ended, line)
}

func TestATracerSeesRoutesAndNoProbes(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /topics/{topic}", func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(fakeSpan{}) == nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	mux.Handle("GET /healthz", answer(200, ""))
	mux.Handle("/", answer(404, ""))
	tracer := &fakeTracer{}
	handler := newObserved(prometheus.NewRegistry(), tracer, mux)
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/topics/a", nil))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/healthz", nil))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/nowhere", nil))
	require.Equal(t, []string{"/topics/{topic} OK", " Not Found"}, tracer.ended)
}

// TestTheServersWriterIsWithinReach uses what only the server's own writer can
// do, on a real connection.
func TestTheServersWriterIsWithinReach(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /duplex", func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex() // Without it the body could not be read any more.
		_, _ = io.WriteString(w, "first ")
		if errors.Join(control.Flush(), control.SetReadDeadline(time.Now().Add(time.Minute)), control.SetWriteDeadline(time.Now().Add(time.Minute))) != nil {
			return
		}
		w.(http.Flusher).Flush()
		_, _ = io.Copy(w, r.Body)
	})
	mux.HandleFunc("GET /hijack", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nme")
		_ = conn.Close()
	})
	reg := prometheus.NewRegistry()
	server := httptest.NewServer(newObserved(reg, nil, mux))
	defer server.Close()
	get := func(method, path, body string) string {
		r, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		resp, err := server.Client().Do(r)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(text)
	}
	require.Equal(t, "first second", get(http.MethodPost, "/duplex", "second"))
	require.Equal(t, "me", get(http.MethodGet, "/hijack", ""))
}

// TestAWriterIsNotUsedTwiceWhileSomebodyHasIt keeps a handler that writes after
// its end out of other answers.
func TestAWriterIsNotUsedTwiceWhileSomebodyHasIt(t *testing.T) {
	var kept http.ResponseWriter
	observed := newObserver(prometheus.NewRegistry(), "producer", nil)
	serve := func(f http.HandlerFunc) string {
		w := httptest.NewRecorder()
		observed.wrap(f).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w.Body.String()
	}
	serve(func(w http.ResponseWriter, _ *http.Request) { kept = w })
	_, err := io.WriteString(kept, "late")
	require.ErrorIs(t, err, errOver)
	kept.WriteHeader(http.StatusOK)
	require.NotNil(t, kept.Header())

	serve(func(w http.ResponseWriter, _ *http.Request) {
		kept = w
		_ = http.NewResponseController(w).EnableFullDuplex()
	})
	for range 100 {
		require.Equal(t, "mine", serve(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(kept, "late")
			_, _ = io.WriteString(w, "mine")
		}))
	}
}

func TestReadinessIsAMetric(t *testing.T) {
	reg := prometheus.NewRegistry()
	health := &Health{}
	var away error
	health.Check("kafka", func() error { return away })
	observeReady(reg, "producer", health)
	ready := func() float64 { return series(t, reg, "sluice_ready")["producer"] }
	require.Equal(t, 1.0, ready())
	away = errors.New("away")
	require.Equal(t, 0.0, ready())
}

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkObserve is the whole cost of a request's metrics: what "observed"
// takes longer than "bare".
func BenchmarkObserve(b *testing.B) {
	body := []byte(`{"status":"success"}`)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /topics/{topic}", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(body)
	})
	run := func(name string, h http.Handler) {
		b.Run(name, func(b *testing.B) {
			var w http.ResponseWriter = discard{http.Header{}}
			r := httptest.NewRequest(http.MethodPost, "/topics/orders", nil)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
	run("bare", mux)
	run("observed", newObserver(prometheus.NewRegistry(), "producer", nil).wrap(mux))
}

func TestObservingAllocatesNothing(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /x", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	allocs := func(h http.Handler) float64 {
		var w http.ResponseWriter = discard{http.Header{}}
		r := httptest.NewRequest(http.MethodGet, "/x", nil)
		return testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) })
	}
	observed := newObserver(prometheus.NewRegistry(), "producer", nil).wrap(mux)
	require.LessOrEqual(t, allocs(observed), allocs(mux))
}
