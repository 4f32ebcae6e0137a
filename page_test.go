package sluice_test

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice"
)

// running is a program that runs until the test ends.
type running struct {
	t    *testing.T
	base string // of service B
	stop func() error
}

// settings are those of a service B on a free port.
func settings(brokers string) sluice.Config {
	cfg := sluice.DefaultConfig()
	cfg.Kafka.Brokers = []string{brokers}
	cfg.Consumer.Listen = []string{"127.0.0.1:0"}
	return cfg
}

// run runs a program's service B, and service A too where the options have it.
func runB(t *testing.T, cfg sluice.Config, opts sluice.Options, with func(*sluice.Program)) *running {
	t.Helper()
	started := make(chan sluice.Addresses, 1)
	opts.Consumer, opts.Stdout = true, io.Discard
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	opts.Started = func(a sluice.Addresses) { started <- a }
	program := sluice.New(cfg, opts)
	with(program)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- program.Run(ctx) }()
	r := &running{t: t}
	r.stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() { require.NoError(t, r.stop()) })
	select {
	case a := <-started:
		r.base = "http://" + a.Consumer[0]
	case err := <-ended:
		ended <- err
		require.NoError(t, err)
	}
	return r
}

// reply is what service B has answered.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask returns the answer to a request, and follows no redirects.
func (r *running) ask(method, path string, headers ...string) reply {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, nil)
	require.NoError(r.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	require.NoError(r.t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(r.t, err)
	require.NoError(r.t, answer.Body.Close())
	return reply{answer.StatusCode, answer.Header, string(body)}
}

func pageFiles() fs.FS {
	return fstest.MapFS{
		"index.html":      {Data: []byte("<title>Fleet</title>")},
		"main.js":         {Data: []byte(`import { open } from "/sluice.js";`)},
		"help/index.html": {Data: []byte("<title>Help</title>")},
	}
}

func TestAPageOfTheProgram(t *testing.T) {
	addr, _, _ := kafka(t)
	s := runB(t, settings(addr), sluice.Options{}, func(p *sluice.Program) {
		p.Page("/fleet/", pageFiles())
		p.Page("/fleet/more/", fstest.MapFS{"index.html": {Data: []byte("<title>More</title>")}})
	})
	for path, want := range map[string]struct {
		status               int
		kind, body, location string
	}{
		"/fleet/":            {200, "text/html; charset=utf-8", "<title>Fleet</title>", ""},
		"/fleet/?prefix=x.":  {200, "text/html; charset=utf-8", "<title>Fleet</title>", ""},
		"/fleet/main.js":     {200, "text/javascript; charset=utf-8", `import { open } from "/sluice.js";`, ""},
		"/fleet/help/":       {200, "text/html; charset=utf-8", "<title>Help</title>", ""},
		"/fleet/help?a=b":    {307, "", "", "/fleet/help/?a=b"},
		"/fleet?prefix=x.":   {307, "", "", "/fleet/?prefix=x."},
		"/fleet/more/":       {200, "text/html; charset=utf-8", "<title>More</title>", ""},
		"/fleet/nothing.js":  {404, "application/problem+json", "", ""},
		"/fleet/..%2fx.html": {404, "application/problem+json", "", ""},
		"/sluice.js":         {200, "text/javascript; charset=utf-8", "", ""},
		"/":                  {200, "application/json", "", ""},
	} {
		answer := s.ask(http.MethodGet, path)
		require.Equal(t, want.status, answer.status, path)
		require.Equal(t, want.location, answer.header.Get("Location"), path)
		if want.kind != "" {
			require.Equal(t, want.kind, answer.header.Get("Content-Type"), path)
		}
		if want.body != "" {
			require.Equal(t, want.body, answer.body, path)
			require.Empty(t, s.ask(http.MethodHead, path).body, path)
			again := s.ask(http.MethodGet, path, "If-None-Match", answer.header.Get("ETag"))
			require.Equal(t, 304, again.status, path)
			require.Empty(t, again.body, path)
		}
	}
	require.Equal(t, 405, s.ask(http.MethodPost, "/fleet/").status)
	// A page is as safe as the dashboard.
	mine := s.ask(http.MethodGet, "/fleet/")
	its := s.ask(http.MethodGet, "/dashboard")
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Cache-Control"} {
		require.NotEmpty(t, its.header.Get(name), name)
		require.Equal(t, its.header.Get(name), mine.header.Get(name), name)
	}
	// It is documented as the dashboard is.
	text := s.ask(http.MethodGet, "/openapi.json").body
	var document struct{ Paths map[string]any }
	require.NoError(t, json.Unmarshal([]byte(text), &document))
	require.Contains(t, document.Paths, "/fleet/")
	require.Contains(t, document.Paths, "/fleet/{file}")
}

// A browser cannot send a key before it has the page.
func TestAPageIsOpenWhereAuthenticationIsConfigured(t *testing.T) {
	addr, _, _ := kafka(t)
	cfg := settings(addr)
	cfg.Auth.KeysFile = filepath.Join(t.TempDir(), "keys")
	// The digest of a key that nobody has.
	require.NoError(t, os.WriteFile(cfg.Auth.KeysFile, []byte("shop sha256:"+strings.Repeat("0", 64)+"\n"), 0o600))
	require.NoError(t, cfg.Auth.Principals.UnmarshalText([]byte("[{name: shop, topics: ['*'], rights: [read]}]")))
	s := runB(t, cfg, sluice.Options{}, func(p *sluice.Program) { p.Page("/fleet/", pageFiles()) })
	for path, status := range map[string]int{"/fleet/": 200, "/fleet/main.js": 200, "/fleet/nothing": 404, "/topics": 401} {
		require.Equal(t, status, s.ask(http.MethodGet, path).status, path)
	}
}

func TestPagesThatCannotBe(t *testing.T) {
	addr, _, _ := kafka(t)
	files := pageFiles()
	for name, c := range map[string]struct {
		paths []string
		files fs.FS
		want  string
	}{
		"no path":               {[]string{""}, files, "has to begin and end with a slash"},
		"the dashboard's":       {[]string{"/"}, files, "has to begin and end with a slash"},
		"no slash at the end":   {[]string{"/fleet"}, files, "has to begin and end with a slash"},
		"no slash at the start": {[]string{"fleet/"}, files, "has to begin and end with a slash"},
		"an empty part":         {[]string{"/fleet//map/"}, files, "has to begin and end with a slash"},
		"a way out":             {[]string{"/fleet/../"}, files, "has to begin and end with a slash"},
		"a pattern":             {[]string{"/{fleet}/"}, files, "has to begin and end with a slash"},
		"a method":              {[]string{"POST /fleet/"}, files, "has to begin and end with a slash"},
		"twice":                 {[]string{"/fleet/", "/fleet/"}, files, "another page has this path"},
		"no files":              {[]string{"/fleet/"}, nil, "has no files"},
		"no index":              {[]string{"/fleet/"}, fstest.MapFS{}, "/fleet/: there is no index.html"},
		"a type unknown":        {[]string{"/fleet/"}, fstest.MapFS{"index.html": {}, "x.doc": {}}, "x.doc has an ending"},
		"records":               {[]string{"/topics/"}, files, "service B has endpoints of its own there"},
		"below an endpoint":     {[]string{"/groups/mine/"}, files, "service B has endpoints of its own there"},
		"the script":            {[]string{"/sluice.js/"}, files, "service B has endpoints of its own there"},
		"the docs":              {[]string{"/docs/"}, files, "service B has endpoints of its own there"},
		"the schema":            {[]string{"/openapi.json/"}, files, "service B has endpoints of its own there"},
		"health":                {[]string{"/healthz/"}, files, "service B has endpoints of its own there"},
		"metrics":               {[]string{"/metrics/"}, files, "service B has endpoints of its own there"},
		"the dashboard":         {[]string{"/dashboard/"}, files, "service B has endpoints of its own there"},
	} {
		t.Run(name, func(t *testing.T) {
			p := sluice.New(settings(addr), sluice.Options{Consumer: true, Log: slog.New(slog.DiscardHandler)})
			for _, path := range c.paths {
				p.Page(path, c.files)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := p.Run(ctx)
			require.ErrorContains(t, err, c.want)
			require.NoError(t, ctx.Err(), "it does not begin to serve")
		})
	}
}
