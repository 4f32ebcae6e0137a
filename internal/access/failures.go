package access

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// failure is why a request has no principal, as metrics and log say it.
type failure string

const (
	noCredential   failure = "missing"
	malformed      failure = "malformed"
	unknownKey     failure = "unknown_key"
	badToken       failure = "bad_token"
	endedToken     failure = "ended_token"
	badCertificate failure = "bad_certificate"
	badSession     failure = "bad_session"
	badTicket      failure = "bad_ticket"
	unavailable    failure = "unavailable"
)

// logEvery is the least time between two log lines about failures: whoever
// guesses keys must not fill the disk.
const logEvery = time.Second

// failures counts what Authenticate refuses, and logs some of it. Its memory
// does not depend on who fails and how often.
type failures struct {
	log    *slog.Logger
	counts *prometheus.CounterVec

	mu       sync.Mutex
	logged   time.Time
	unlogged int
}

func newFailures(log *slog.Logger) *failures {
	f := &failures{log: log, counts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_auth_failures_total",
		Help: "Requests without a good credential, by what was wrong with it.",
	}, []string{"reason"})}
	// Those that have not happened are 0, not absent.
	for _, reason := range []failure{noCredential, malformed, unknownKey, badToken, endedToken, badCertificate, badSession, badTicket, unavailable} {
		f.counts.WithLabelValues(string(reason))
	}
	return f
}

// add counts a failure. The error's text must hold nothing of the credential.
func (f *failures) add(r *http.Request, reason failure, err error) {
	f.counts.WithLabelValues(string(reason)).Inc()
	f.mu.Lock()
	now := time.Now()
	if now.Sub(f.logged) < logEvery {
		f.unlogged++
		f.mu.Unlock()
		return
	}
	unlogged := f.unlogged
	f.logged, f.unlogged = now, 0
	f.mu.Unlock()
	// No path: it can be long, and a client may put anything into it.
	f.log.WarnContext(r.Context(), "a request was not authenticated",
		slog.String("reason", string(reason)), slog.Any("error", err),
		slog.String("client", r.RemoteAddr), slog.Int("unlogged", unlogged))
}
