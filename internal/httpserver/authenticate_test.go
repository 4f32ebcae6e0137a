package httpserver_test

import (
	"bytes"
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

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
	"sluice/internal/httpserver"
)

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

func (o *output) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(o, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// everybody lets all who are known write.
var everybody = access.Grants{{Name: "*", Topics: []string{"*"}, Rights: []string{"write"}}}

// newAuth makes an authenticator with one key, whose owner may write or has
// the rights.
func newAuth(t *testing.T, name string, log *slog.Logger, rights ...string) (*access.Authenticator, string) {
	t.Helper()
	key, line, err := access.NewKey(name, time.Now())
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(path, []byte(line+"\n"), 0o600))
	grants := everybody
	if len(rights) > 0 {
		grants = access.Grants{{Name: name, Topics: []string{"*"}, Rights: rights}}
	}
	a, err := access.New(access.Config{KeysFile: path, Principals: grants}, log)
	require.NoError(t, err)
	return a, key
}

// whoami answers with the principal's name, and what it has read.
func whoami(s *httpserver.Server) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, access.From(r.Context()).Name()+":"+r.PathValue("x")+":"+string(body))
	})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		s.Handle(method, "/whoami/{x}", h, httpserver.Doc{ID: "whoami" + method, Tag: "t", Headers: []httpserver.Param{{Name: "Kafka-Key"}, {Name: "Kafka-Header-<name>"}}})
	}
	s.Handle(http.MethodGet, "/open", h, httpserver.Doc{ID: "open", Tag: "t", Open: true})
	s.Handle(http.MethodPost, "/dialect", h, httpserver.Doc{ID: "dialect", Tag: "t", Refuse: func(w http.ResponseWriter, r *http.Request, p *httpserver.Problem) {
		w.WriteHeader(p.Status)
		_, _ = io.WriteString(w, `{"error_code":`+r.Header.Get("X-Code")+`}`)
	}})
}

// answer is what is looked at of a response.
type answer struct {
	StatusCode int
	Proto      string
	Header     http.Header
}

// send does a request with headers, names and values in turn.
func send(t *testing.T, method, url, body string, headers ...string) (answer, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return do(t, http.DefaultClient, r)
}

func do(t *testing.T, c *http.Client, r *http.Request) (answer, string) {
	t.Helper()
	resp, err := c.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Proto, resp.Header}, string(text)
}

func TestAuthentication(t *testing.T) {
	out := &output{}
	auth, key := newAuth(t, "shop", out.logger())
	_, url := newServerWith(t, httpserver.Options{Health: &httpserver.Health{}, Auth: auth, Log: out.logger()}, whoami)

	resp, body := send(t, http.MethodPost, url+"/whoami/1", "hello", "Authorization", "Bearer "+key)
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, "shop:1:hello", body)
	resp, _ = send(t, http.MethodPost, url+"/whoami/1", "", "X-API-Key", key)
	require.Equal(t, 200, resp.StatusCode)

	for _, credential := range [][]string{nil, {"Authorization", "Bearer " + key + "x"}} {
		resp, body = send(t, http.MethodPost, url+"/whoami/1", "hello", credential...)
		require.Equal(t, 401, resp.StatusCode)
		require.Equal(t, []string{`Bearer realm="sluice"`, `Basic realm="sluice"`}, resp.Header.Values("WWW-Authenticate"))
		require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
		var p httpserver.Problem
		require.NoError(t, json.Unmarshal([]byte(body), &p))
		require.Equal(t, 401, p.Status)
		require.Equal(t, "no", p.Written)
		require.NotContains(t, body, key)
	}
	resp, body = send(t, http.MethodGet, url+"/whoami/1", "")
	require.Equal(t, 401, resp.StatusCode)
	require.NotContains(t, body, "written")

	resp, body = send(t, http.MethodPost, url+"/dialect", "x", "X-Code", "40101")
	require.Equal(t, 401, resp.StatusCode)
	require.JSONEq(t, `{"error_code":40101}`, body, "in its own words")
	require.NotEmpty(t, resp.Header.Get("WWW-Authenticate"))

	for _, path := range []string{"/open", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/openapi.yaml"} {
		resp, _ = send(t, http.MethodGet, url+path, "")
		require.Equal(t, 200, resp.StatusCode, path)
	}
	resp, _ = send(t, http.MethodGet, url+"/nowhere", "")
	require.Equal(t, 404, resp.StatusCode)
	resp, _ = send(t, http.MethodDelete, url+"/whoami/1", "")
	require.Equal(t, 405, resp.StatusCode)
	require.NotContains(t, out.String(), key)
	require.Contains(t, out.String(), "was not authenticated")
}

// Whoever authenticates may listen everywhere.
func TestListeningOffLoopbackWithAuthentication(t *testing.T) {
	auth, _ := newAuth(t, "shop", slog.New(slog.DiscardHandler))
	s := httpserver.New(httpserver.Options{Listen: []string{"0.0.0.0:0"}, Setting: "test.listen", Auth: auth, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, s.Listen(t.Context()))
	require.NoError(t, s.Shutdown(t.Context()))
	s = httpserver.New(httpserver.Options{Listen: []string{"0.0.0.0:0"}, Setting: "test.listen", Log: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, s.Listen(t.Context()), "sluice keys new")
}

// A client that is still sending a large body sees the refusal, not a reset.
func TestARefusalReachesAClientThatIsSending(t *testing.T) {
	auth, _ := newAuth(t, "shop", slog.New(slog.DiscardHandler))
	_, url := newServerWith(t, httpserver.Options{Auth: auth}, whoami)
	for range 20 {
		resp, _ := send(t, http.MethodPost, url+"/whoami/1", strings.Repeat("x", 4<<20))
		require.Equal(t, 401, resp.StatusCode)
	}
}

// While the issuer of tokens has not answered, nobody can say that one is bad.
func TestACredentialThatCannotBeChecked(t *testing.T) {
	auth, err := access.New(access.Config{
		OIDC:       access.OIDC{Issuer: "https://issuer.invalid", Audience: "sluice", PrincipalClaim: "sub"},
		Principals: everybody,
	}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, url := newServerWith(t, httpserver.Options{Auth: auth}, whoami)
	resp, body := send(t, http.MethodPost, url+"/whoami/1", "", "Authorization", "Bearer eyJhbGciOiJFUzI1NiJ9.e30.AA")
	require.Equal(t, 503, resp.StatusCode, body)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	require.Contains(t, body, `"written":"no"`)
	require.Empty(t, resp.Header.Get("WWW-Authenticate"))
}

func TestSchemaSaysWhoMayUseWhat(t *testing.T) {
	auth, _ := newAuth(t, "shop", slog.New(slog.DiscardHandler))
	_, url := newServerWith(t, httpserver.Options{Health: &httpserver.Health{}, Auth: auth}, whoami)
	_, body := get(t, url+"/openapi.json")
	var doc struct {
		Security   []map[string][]string
		Components struct {
			SecuritySchemes map[string]struct{ Type, Scheme, In, Name string }
		}
		Paths map[string]map[string]struct {
			Security  *[]map[string][]string
			Responses map[string]any
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &doc))
	require.Len(t, doc.Security, 3)
	require.Equal(t, "bearer", doc.Components.SecuritySchemes["bearer"].Scheme)
	require.Equal(t, "basic", doc.Components.SecuritySchemes["basic"].Scheme)
	require.Equal(t, "X-API-Key", doc.Components.SecuritySchemes["apiKey"].Name)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/open"} {
		require.NotNil(t, doc.Paths[path]["get"].Security, path)
		require.Empty(t, *doc.Paths[path]["get"].Security, path)
		require.NotContains(t, doc.Paths[path]["get"].Responses, "401", path)
	}
	closed := doc.Paths["/whoami/{x}"]["post"]
	require.Nil(t, closed.Security, "the document's own")
	require.Contains(t, closed.Responses, "401")
	require.Contains(t, closed.Responses, "503")

	_, url = newServer(t, &httpserver.Health{}, whoami)
	_, body = get(t, url+"/openapi.json")
	require.NotContains(t, body, `"security`)
}
