package redrive_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/internal/redrive"
)

// server is the endpoints on a real server. The principal "shop" may do what
// the grant says; without a grant, everybody may everything.
type server struct {
	t        *testing.T
	url, key string
}

func newServer(t *testing.T, service *redrive.Service, grant *access.Grant) *server {
	t.Helper()
	a := &server{t: t}
	opts := httpserver.Options{
		Title: "test", Version: "1", Listen: []string{"127.0.0.1:0"}, Setting: "test.listen",
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	}
	if grant != nil {
		grant.Name = "shop"
		key, line, err := access.NewKey(grant.Name, time.Now())
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "keys")
		require.NoError(t, os.WriteFile(file, []byte(line+"\n"), 0o600))
		opts.Auth, err = access.New(access.Config{KeysFile: file, Principals: access.Grants{*grant}}, opts.Log)
		require.NoError(t, err)
		a.key = key
	}
	s := httpserver.New(opts)
	redrive.NewAPI(service).Register(s)
	require.NoError(t, s.Listen(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { require.NoError(t, s.Serve()) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		wg.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	a.url = "http://" + s.Addrs()[0]
	return a
}

// do asks; a body that is not empty is JSON unless a header says otherwise.
func (a *server) do(method, path, body string, headers ...string) (int, http.Header, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	require.NoError(a.t, err)
	if a.key != "" {
		r.Header.Set("X-Api-Key", a.key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(a.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	return resp.StatusCode, resp.Header, string(text)
}

// status asks for what answers the status of a redrive.
func (a *server) status(want int, method, path, body string) (redrive.Redrive, http.Header) {
	a.t.Helper()
	code, header, text := a.do(method, path, body)
	require.Equal(a.t, want, code, text)
	var status redrive.Redrive
	require.NoError(a.t, json.Unmarshal([]byte(text), &status))
	return status, header
}

// refused asks for what is refused.
func (a *server) refused(want int, method, path, body string, headers ...string) httpserver.Problem {
	a.t.Helper()
	code, header, text := a.do(method, path, body, headers...)
	require.Equal(a.t, want, code, text)
	require.Equal(a.t, "application/problem+json", header.Get("Content-Type"))
	var p httpserver.Problem
	require.NoError(a.t, json.Unmarshal([]byte(text), &p))
	require.NotEmpty(a.t, p.Detail)
	require.Equal(a.t, want == http.StatusServiceUnavailable, header.Get("Retry-After") != "")
	return p
}

const (
	lettersPath  = "/groups/billing/dead-letters"
	redrivesPath = "/groups/billing/redrives"
)

func TestARedriveOverHTTP(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 30)
	a := newServer(t, w.service(), &access.Grant{Topics: []string{topic}, Rights: []string{"read", "operate"}})

	dry, _ := a.status(http.StatusOK, http.MethodPost, redrivesPath, `{"dry_run":true,"class":"exhausted"}`)
	require.Equal(t, redrive.Done, dry.State)
	require.EqualValues(t, 30, dry.Counts.Redriven)
	require.EqualValues(t, 30, dry.Reasons.Classes[0].Count)

	started, header := a.status(http.StatusAccepted, http.MethodPost, redrivesPath, `{"topic":"orders","rate":2}`)
	require.Equal(t, redrivesPath+"/"+started.ID, header.Get("Location"))
	require.Equal(t, "shop", started.Principal)
	running, _ := a.status(http.StatusOK, http.MethodGet, header.Get("Location"), "")
	require.Equal(t, redrive.Running, running.State)
	p := a.refused(http.StatusConflict, http.MethodPost, redrivesPath, "")
	require.Contains(t, p.Detail, started.ID)
	stopped, _ := a.status(http.StatusOK, http.MethodDelete, header.Get("Location"), "")
	require.Equal(t, redrive.Stopped, stopped.State)
	require.Contains(t, stopped.Error, "stopped by shop")

	// Another replica goes on, and knows the first one.
	other := newServer(t, w.service(), nil)
	known, _ := other.status(http.StatusOK, http.MethodGet, header.Get("Location"), "")
	require.Equal(t, stopped.State, known.State)
	rest, header := other.status(http.StatusAccepted, http.MethodPost, redrivesPath, "")
	require.Eventually(t, func() bool {
		status, _ := other.status(http.StatusOK, http.MethodGet, header.Get("Location"), "")
		return status.State == redrive.Done && status.ID == rest.ID
	}, time.Minute, 5*time.Millisecond)
	w.exactlyOnce(30)

	code, _, text := other.do(http.MethodGet, lettersPath+"?limit=5&topic=orders&payloads=true", "")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, text, `"summary":{"letters":30,"backlog":0,"foreign":0,"complete":true,"classes":[]`)
	require.Contains(t, text, `"letters":[]`)

	for _, line := range []string{"redrive started", "redrive is stopped"} {
		require.Regexp(t, `"msg":"`+line+`","audit":true,"principal":"shop","group":"billing","topics":\["orders"\],"redrive":"`+started.ID+`","filters":\{`, w.log.String())
	}
	require.Contains(t, w.log.String(), `"principal":"anybody"`)
}

func TestBodiesThatAreWrong(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 1)
	a := newServer(t, w.service(), nil)
	for body, location := range map[string]string{
		`{"topics":"orders"}`:   "body.topics",
		`{"topic":""}`:          "body.topic",
		`{"topic":7}`:           "body.topic",
		`{"topic":null}`:        "body.topic",
		`{"topic":"a/b"}`:       "body.topic",
		`{"since":"yesterday"}`: "body.since",
		`{"until":0}`:           "body.until",
		`{"since":"2026-01-02T00:00:00Z","until":"2026-01-01T00:00:00Z"}`: "body.until",
		`{"key":null}`:                    "body.key",
		`{"key":1}`:                       "body.key",
		`{"key_base64":"?"}`:              "body.key_base64",
		`{"key":"a","key_base64":"YQ=="}`: "body.key_base64",
		`{"class":"misfortune"}`:          "body.class",
		`{"limit":0}`:                     "body.limit",
		`{"limit":1.5}`:                   "body.limit",
		`{"limit":"1"}`:                   "body.limit",
		`{"limit":1e30}`:                  "body.limit",
		`{"rate":0}`:                      "body.rate",
		`{"rate":-1}`:                     "body.rate",
		`{"rate":1e300}`:                  "body.rate",
		`{"max_replays":0}`:               "body.max_replays",
		`{"max_replays":99999999999}`:     "body.max_replays",
		`{"dry_run":"yes"}`:               "body.dry_run",
	} {
		p := a.refused(http.StatusUnprocessableEntity, http.MethodPost, redrivesPath, body)
		require.Len(t, p.Errors, 1, body)
		require.Equal(t, location, p.Errors[0].Location, body)
	}
	p := a.refused(http.StatusUnprocessableEntity, http.MethodPost, redrivesPath, `{"x":1,"limit":0,"rate":true}`)
	require.Len(t, p.Errors, 3, "every one is listed")
	for _, body := range []string{`[]`, `null`, `{`, `{"limit":1,"limit":2}`, "{\"topic\":\"\xff\"}", `{} {}`, `1`} {
		a.refused(http.StatusBadRequest, http.MethodPost, redrivesPath, body)
	}
	a.refused(http.StatusRequestEntityTooLarge, http.MethodPost, redrivesPath, `{"key":"`+strings.Repeat("x", 70_000)+`"}`)
	a.refused(http.StatusRequestEntityTooLarge, http.MethodPost, redrivesPath, `{"key":"`+strings.Repeat("x", 1_000_000)+`"}`)
	a.refused(http.StatusUnsupportedMediaType, http.MethodPost, redrivesPath, `{}`, "Content-Type", "text/plain")
	require.Empty(t, w.log.String(), "nothing was started")
}

func TestParametersThatAreWrong(t *testing.T) {
	w := newWorld(t)
	a := newServer(t, w.service(), nil)
	for query, location := range map[string]string{
		"?limt=1": "query.limt", "?limit=0": "query.limit", "?limit=x": "query.limit", "?limit=1001": "query.limit",
		"?limit=1&limit=2": "query.limit", "?payloads=maybe": "query.payloads", "?from=x": "query.from", "?topic=a/b": "query.topic",
		"?%zz": "query",
	} {
		p := a.refused(http.StatusUnprocessableEntity, http.MethodGet, lettersPath+query, "")
		require.Equal(t, location, p.Errors[0].Location, query)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		a.refused(http.StatusUnprocessableEntity, method, redrivesPath+"/x?force=1", "")
	}
	a.refused(http.StatusUnprocessableEntity, http.MethodPost, redrivesPath+"?dry_run=true", "")
}

func TestWhatThereIsNot(t *testing.T) {
	w := newWorld(t)
	a := newServer(t, w.service(), nil)
	for _, path := range []string{"/groups/nobody/dead-letters", "/groups/a%2Fb/dead-letters", "/groups/%00/dead-letters", lettersPath + "?topic=nowhere"} {
		a.refused(http.StatusNotFound, http.MethodGet, path, "")
	}
	p := a.refused(http.StatusNotFound, http.MethodPost, "/groups/nobody/redrives", "")
	require.Contains(t, p.Detail, "no topic whose name ends in .nobody.dlq")
	p = a.refused(http.StatusNotFound, http.MethodPost, redrivesPath, `{"topic":"nowhere"}`)
	require.Contains(t, p.Detail, "no topic nowhere.billing.dlq")
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		a.refused(http.StatusNotFound, method, redrivesPath+"/x", "")
	}
}

func TestRightsOverHTTP(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 1)
	service := w.service()
	operator := newServer(t, service, &access.Grant{Topics: []string{topic}, Rights: []string{"read", "operate"}})
	reader := newServer(t, service, &access.Grant{Topics: []string{topic}, Rights: []string{"read"}})
	stranger := newServer(t, service, &access.Grant{Topics: []string{"else"}, Rights: []string{"read", "operate"}})
	_, header := operator.status(http.StatusAccepted, http.MethodPost, redrivesPath, "")
	one := header.Get("Location")
	for _, c := range []struct {
		who          *server
		method, path string
		code         int
	}{
		{reader, http.MethodGet, lettersPath, http.StatusOK},
		{reader, http.MethodGet, lettersPath + "?payloads=1", http.StatusForbidden},
		{reader, http.MethodPost, redrivesPath, http.StatusForbidden},
		{reader, http.MethodGet, one, http.StatusOK},
		{reader, http.MethodDelete, one, http.StatusForbidden},
		{stranger, http.MethodGet, lettersPath, http.StatusForbidden},
		{stranger, http.MethodGet, lettersPath + "?topic=orders", http.StatusForbidden},
		{stranger, http.MethodPost, redrivesPath, http.StatusForbidden},
		{stranger, http.MethodGet, one, http.StatusForbidden},
		{stranger, http.MethodDelete, one, http.StatusForbidden},
		{operator, http.MethodGet, lettersPath + "?payloads=1", http.StatusOK},
		{operator, http.MethodDelete, one, http.StatusOK},
	} {
		code, _, text := c.who.do(c.method, c.path, "")
		require.Equal(t, c.code, code, "%s %s: %s", c.method, c.path, text)
	}
	reader.key = "sluice_wrong"
	code, _, _ := reader.do(http.MethodGet, lettersPath, "")
	require.Equal(t, http.StatusUnauthorized, code)
}

func TestWhatKafkaRefuses(t *testing.T) {
	w := newWorld(t)
	w.fill(0, 1)
	a := newServer(t, w.service(), nil)
	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.TopicAuthorizationFailed})
	a.refused(http.StatusForbidden, http.MethodPost, redrivesPath, "")
	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.PolicyViolation})
	a.refused(http.StatusBadGateway, http.MethodPost, redrivesPath, "")
	off := newServer(t, w.service(func(d *redrive.Deps) { d.Create = false }), nil)
	p := off.refused(http.StatusConflict, http.MethodPost, redrivesPath, "")
	require.Contains(t, p.Detail, "orders.billing.redrives (1 partitions, cleanup.policy=compact, retention.ms=-1)")
	w.cluster.Close()
	for _, path := range []string{lettersPath, redrivesPath + "/" + strings.Repeat("0", 32)} {
		a.refused(http.StatusServiceUnavailable, http.MethodGet, path, "")
	}
	a.refused(http.StatusServiceUnavailable, http.MethodPost, redrivesPath, "")
}

func TestTheSchemaSaysWhatIsOptional(t *testing.T) {
	w := newWorld(t)
	a := newServer(t, w.service(), nil)
	_, _, text := a.do(http.MethodGet, "/openapi.json", "")
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Required []string `json:"required"`
			} `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &doc))
	require.Empty(t, doc.Components.Schemas["StartBody"].Required)
	require.NotContains(t, doc.Components.Schemas["Redrive"].Required, "ended")
	require.Contains(t, doc.Components.Schemas["Redrive"].Required, "state")
}
