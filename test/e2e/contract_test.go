package e2e_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// do makes a request and returns the status and the body.
func do(t *testing.T, method, address, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+address+path, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func metrics(t *testing.T, address string) string {
	_, text := do(t, http.MethodGet, address, "/metrics", "")
	return text
}

func TestMessageTravels(t *testing.T) {
	s := newSystem(t)
	s.producer()
	b := s.consumer()
	code, body := do(t, http.MethodPost, s.a, "/produce", `{"content": "Test message from Makefile"}`)
	require.Equal(t, http.StatusOK, code, body)
	var answer map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	require.Equal(t, "message sent", answer["status"])
	require.Equal(t, "Test message from Makefile", answer["content"])
	require.Equal(t, s.topic, answer["topic"])
	for _, hostile := range []string{`two\nlines`, `\u001b[31mred`, `\\x41`, `\u202etfel`, `\u0000`, `grüße 😀`, ``} {
		code, body := do(t, http.MethodPost, s.a, "/produce", `{"content":"`+hostile+`"}`)
		require.Equal(t, http.StatusOK, code, body)
	}
	await(t, "the records come out", func() bool { return len(b.received()) == 8 })
	received := b.received()
	for _, value := range []string{"Test message from Makefile", "two\nlines", "\x1b[31mred", `\x41`, "\u202etfel", "\x00", "grüße 😀", ""} {
		require.Equal(t, 1, received[value], "%q", value)
	}
	require.Contains(t, strings.Split(b.stdout.text(), "\n"), `Message received: two\x0alines`)
}

func TestCommonEndpoints(t *testing.T) {
	s := newSystem(t)
	s.producer()
	s.consumer()
	for _, address := range []string{s.a, s.b} {
		for path, want := range map[string]int{
			"/docs": 200, "/redoc": 200, "/openapi.json": 200, "/openapi.yaml": 200,
			"/healthz": 200, "/readyz": 200, "/readyz?for=traffic": 200, "/metrics": 200,
			"/readyz?for=me": 422, "/nowhere": 404, "/docs/nowhere": 404,
		} {
			require.Equal(t, want, status(address, path), path)
		}
		_, docs := do(t, http.MethodGet, address, "/docs", "")
		require.NotRegexp(t, `(src|href)="(https?:)?//`, docs, "the page loads nothing from elsewhere")
		code, body := do(t, http.MethodDelete, address, "/healthz", "")
		require.Equal(t, http.StatusMethodNotAllowed, code)
		require.Contains(t, body, `"status":405`)

		var schema struct {
			OpenAPI string
			Paths   map[string]any
		}
		_, text := do(t, http.MethodGet, address, "/openapi.json", "")
		require.NoError(t, json.Unmarshal([]byte(text), &schema))
		require.Equal(t, "3.1.0", schema.OpenAPI)
		require.Contains(t, schema.Paths, "/readyz")
		for _, asset := range []string{"swagger-ui.css", "swagger-ui-bundle.js"} {
			require.Equal(t, http.StatusOK, status(address, "/docs/"+asset))
		}
	}
	_, body := do(t, http.MethodGet, s.b, "/", "")
	require.JSONEq(t, `{"message":"Microservice B is running!"}`, body)
}

// A web page must not be able to use a service behind its reader's back.
func TestForeignPages(t *testing.T) {
	s := newSystem(t)
	s.producer()
	send := func(change func(*http.Request)) int {
		r, err := http.NewRequest(http.MethodPost, "http://"+s.a+"/produce", strings.NewReader(`{"content":"x"}`))
		require.NoError(t, err)
		change(r)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, http.StatusOK, send(func(*http.Request) {}))
	require.Equal(t, http.StatusForbidden, send(func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }))
	require.Equal(t, http.StatusForbidden, send(func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }))
	require.Equal(t, http.StatusForbidden, send(func(r *http.Request) { r.Host = "rebound.example" }))
	require.Equal(t, http.StatusOK, send(func(r *http.Request) { r.Host = "localhost:8000" }))
}

func TestAdminListener(t *testing.T) {
	s := newSystem(t)
	admin := freePorts(t, 1)[0]
	start(t, "", "producer", "--brokers", s.brokers, "--producer-listen", s.a, "--producer-topic", s.topic, "--admin-listen", admin)
	s.ready(admin)
	require.Equal(t, http.StatusNotFound, status(s.a, "/metrics"))
	require.Equal(t, http.StatusNotFound, status(s.a, "/readyz"))
	require.Equal(t, http.StatusOK, status(admin, "/metrics"))
	code, _ := do(t, http.MethodPost, admin, "/produce", `{"content":"x"}`)
	require.Equal(t, http.StatusNotFound, code)
	require.Equal(t, 0, start(t, "", "healthcheck", "http://"+admin+"/readyz").wait())
	require.Equal(t, 1, start(t, "", "healthcheck", "http://"+s.a+"/readyz").wait())
}

func TestStartsThatMustFail(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	ports := freePorts(t, 3)
	dev := []string{"dev", "--ephemeral", "--broker-listen", ports[0], "--producer-listen", ports[1], "--consumer-listen", ports[2]}
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "s.yaml")
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"A's port is taken":      {append(dev, "--producer-listen", taken.Addr().String()), []string{"port " + port, "--producer-listen"}},
		"B's port is taken":      {append(dev, "--consumer-listen", taken.Addr().String()), []string{"port " + port, "--consumer-listen"}},
		"broker's port is taken": {append(dev, "--broker-listen", taken.Addr().String()), []string{"port " + port, "--broker-listen"}},
		"open to everybody":      {[]string{"producer", "--producer-listen", ":0"}, []string{"producer.listen", "--auth=none"}},
		"unknown key":            {[]string{"producer", "--config", file("producer:\n  lissten: [':1']\n")}, []string{"lissten"}},
		"wrong kind":             {[]string{"producer", "--config", file("producer: {timeout: soon}\n")}, []string{"soon"}},
		"wrong value":            {[]string{"producer", "--config", file("producer: {compression: rar}\n")}, []string{"producer.compression", "rar"}},
		"no such file":           {[]string{"producer", "--config", "nowhere.yaml"}, []string{"nowhere.yaml"}},
		"unknown flag":           {[]string{"producer", "--producer-lissten", ":1"}, []string{"--producer-lissten"}},
		"bad brokers":            {[]string{"producer", "--brokers", "nowhere"}, []string{"kafka.brokers", "nowhere"}},
		"handler without work":   {[]string{"consumer", "--consumer-handlers", "[{name: x, topics: [t], group: g}]"}, []string{"consumer.handlers[x]"}},
		"unknown handler key":    {[]string{"consumer", "--consumer-handlers", "[{name: x, topic: t}]"}, []string{"topic"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, "", c.args...)
			require.NotEqual(t, 0, p.wait())
			for _, text := range c.says {
				require.Contains(t, p.stderr.text(), text)
			}
		})
	}
}

func TestTwoProcessesOnOneDataFolder(t *testing.T) {
	dir := t.TempDir()
	ports := freePorts(t, 2)
	start(t, dir, "broker", "--broker-listen", ports[0]).says("embedded broker started")
	second := start(t, dir, "broker", "--broker-listen", ports[1])
	require.Equal(t, 1, second.wait())
	require.Contains(t, second.stderr.text(), "sluice-data")
}

func TestEphemeralKeepsNothing(t *testing.T) {
	dir := t.TempDir()
	ports := freePorts(t, 3)
	p := start(t, dir, "dev", "--ephemeral", "--broker-listen", ports[0], "--producer-listen", ports[1], "--consumer-listen", ports[2])
	p.says("Sluice is running")
	await(t, "ready", func() bool { return status(ports[1], "/readyz") == http.StatusOK })
	require.Equal(t, "yes", newSender(ports[1]).send("x"))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}

func TestTopicCommands(t *testing.T) {
	s := newSystem(t)
	require.Equal(t, 0, start(t, "", "topic", "create", "--brokers", s.brokers, "--partitions", "7", s.topic).wait())
	list := start(t, "", "topic", "list", "--brokers", s.brokers)
	require.Equal(t, 0, list.wait())
	require.Regexp(t, s.topic+` +7 `, list.stdout.text())
}
