// Package httpserver is what the HTTP surfaces of both services share:
// listeners, TLS, health, interactive docs, errors, the guards against foreign
// pages and against floods, authentication, and the drain. It knows nothing of
// records and Kafka.
package httpserver

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sluice/internal/access"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// Limits against clients that trickle or flood. A request's own deadline is
// its endpoint's affair.
const (
	readTimeout    = 20 * time.Second
	idleTimeout    = 120 * time.Second
	maxHeaderBytes = 64 << 10
)

// Options say what a Server is.
type Options struct {
	Title, Version, Description string
	// Listen are the addresses, and Setting the name of the setting that they
	// come from, for error messages: producer.listen.
	Listen  []string
	Setting string
	// HTTP are the settings of the listeners. The zero value has no limits.
	HTTP Config
	// Auth tells who a request comes from; nil where no authentication is
	// configured.
	Auth *access.Authenticator
	// Tickets are those that endpoints with Doc.Tickets take, and their
	// sessions are credentials here. With nil there are none of either, which
	// is right where no browser reads: service A.
	Tickets *access.Tickets
	// AuthNone says that auth: none is written out: a listener off loopback
	// is then allowed to be open to everybody.
	AuthNone bool
	// Health, where set, is served here, with the metrics. Without a registry
	// the server has one of its own.
	Health  *Health
	Metrics *prometheus.Registry
	// Tracer makes a span of each request; nil for none.
	Tracer Tracer
	Log    *slog.Logger
}

// Server is one service's HTTP surface. Endpoints are added with Handle before
// Listen is called; then Serve, Drain and Shutdown follow each other.
type Server struct {
	opts      Options
	mux       *http.ServeMux
	openapi   *huma.OpenAPI
	methods   map[string]bool
	paths     []string            // of the endpoints that were added
	headers   map[string][]string // that an endpoint takes, by its pattern
	proxies   networks
	origins   *origins
	server    *http.Server
	open      *connections
	listeners []net.Listener
	draining  atomic.Bool
}

// New makes a Server without endpoints.
func New(opts Options) *Server {
	if opts.Metrics == nil {
		opts.Metrics = prometheus.NewRegistry()
	}
	s := &Server{
		opts:    opts,
		mux:     http.NewServeMux(),
		openapi: newOpenAPI(opts.Title, opts.Version, opts.Description),
		methods: map[string]bool{},
		headers: map[string][]string{},
		origins: newOrigins(opts),
	}
	if opts.Auth != nil {
		s.documentSecurity()
	}
	return s
}

// Handle adds an endpoint and its documentation.
func (s *Server) Handle(method, path string, h http.Handler, doc Doc) {
	s.methods[method] = true
	s.paths = append(s.paths, path)
	if path == "/" {
		path = "/{$}" // "/" alone would be every path.
	}
	pattern := method + " " + path
	if doc.WebSocket {
		h = s.origins.guardSocket(h)
	}
	s.mux.Handle(pattern, s.authenticated(h, doc))
	for _, p := range doc.Headers {
		s.headers[pattern] = append(s.headers[pattern], p.Name)
	}
	s.document(method, strings.TrimSuffix(path, "{$}"), doc)
}

// Listen adds the common endpoints and opens the listeners. Its errors say
// which setting to change.
func (s *Server) Listen(ctx context.Context) (err error) {
	if s.opts.Health != nil {
		s.opts.Health.register(s, s.opts.Metrics)
	}
	if err := s.serveDocs(); err != nil {
		return err
	}
	s.mux.HandleFunc("/", s.notFound)
	if s.proxies, err = parseNetworks(s.opts.HTTP.TrustedProxies); err != nil {
		return err
	}
	s.open = newConnections(s.opts.HTTP, s.proxies, s.opts.Log)
	s.server = &http.Server{
		Handler:        s.handler(),
		ReadTimeout:    readTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:       slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
		BaseContext:    baseContext,
		ConnState:      s.open.changed,
	}
	if s.opts.HTTP.TLS.Enabled() {
		cert, err := newCertificate(s.opts.HTTP.TLS, s.clientCAs, s.opts.Log)
		if err != nil {
			return err
		}
		s.server.TLSConfig = cert.serverConfig()
	}
	for _, address := range s.opts.Listen {
		l, err := s.listen(ctx, address)
		if err != nil {
			s.closeListeners()
			return err
		}
		s.listeners = append(s.listeners, listener{l, s.open})
	}
	return nil
}

// handler is what a request passes, the outermost first.
func (s *Server) handler() http.Handler {
	// The setting's first part is the service's name: producer.listen.
	service, _, _ := strings.Cut(s.opts.Setting, ".")
	if s.opts.Health != nil {
		observeReady(s.opts.Metrics, service, s.opts.Health)
	}
	return newObserver(s.opts.Metrics, service, s.opts.Tracer).wrap(s.guard(s.mux))
}

// clientCAs are the authorities whose client certificates are taken now.
func (s *Server) clientCAs() *x509.CertPool {
	if s.opts.Auth == nil {
		return nil
	}
	return s.opts.Auth.ClientCAs()
}

func (s *Server) listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	flag := "--" + strings.ReplaceAll(s.opts.Setting, ".", "-")
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(address)
		return nil, fmt.Errorf("%s: port %s is taken by another program; stop it, or choose another address with %s: %w", s.opts.Setting, port, flag, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", s.opts.Setting, err)
	case !onLoopback(l) && s.opts.Auth == nil && !s.opts.AuthNone:
		_ = l.Close() // Nobody has connected.
		return nil, fmt.Errorf("%s: %s can be reached from other hosts, and no authentication is configured: listen on 127.0.0.1 with %s, make a key with sluice keys new and name its file with --auth-keys-file (docs/auth.md), or allow everybody with --auth=none (SLUICE_AUTH=none)", s.opts.Setting, address, flag)
	}
	return l, nil
}

// Addrs returns the addresses that the listeners are bound to.
func (s *Server) Addrs() []string {
	addrs := make([]string, len(s.listeners))
	for i, l := range s.listeners {
		addrs[i] = l.Addr().String()
	}
	return addrs
}

// Serve answers requests until Shutdown. It returns nil after one.
func (s *Server) Serve() error {
	var wg sync.WaitGroup
	errs := make([]error, len(s.listeners))
	for i, l := range s.listeners {
		wg.Go(func() {
			serve := s.server.Serve
			if s.server.TLSConfig != nil {
				serve = func(l net.Listener) error { return s.server.ServeTLS(l, "", "") }
			}
			if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
				errs[i] = fmt.Errorf("%s: %w", s.opts.Setting, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Drain ends each connection with its next answer, while requests are still
// served. Idle connections stay: a request may be on its way on one of them.
func (s *Server) Drain() { s.draining.Store(true) }

// Shutdown stops accepting and waits until every request has been answered.
// When ctx ends first, the connections that are left are closed and ctx's
// error is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.server == nil {
		return nil
	}
	err := s.server.Shutdown(ctx)
	if err != nil {
		_ = s.server.Close() // Best effort: err says more.
	}
	s.closeListeners()
	return err
}

// closeListeners closes those that Serve never took over, too.
func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		_ = l.Close() // Closed twice is closed.
	}
}

// notFound answers what no endpoint takes: 405 where another method would
// have been taken, else 404.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	var allow []string
	for method := range s.methods {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := s.mux.Handler(other); pattern != "/" && pattern != "" {
			allow = append(allow, method)
			if method == http.MethodGet {
				allow = append(allow, http.MethodHead)
			}
		}
	}
	if len(allow) == 0 {
		notDone(r, NewProblem(http.StatusNotFound, "no such path: "+r.URL.Path)).Write(w)
		return
	}
	slices.Sort(allow)
	w.Header().Set("Allow", strings.Join(allow, ", "))
	notDone(r, NewProblem(http.StatusMethodNotAllowed, r.Method+" is not allowed here")).Write(w)
}
