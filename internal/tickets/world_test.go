package tickets_test

import (
	"context"
	"errors"
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
	"go.uber.org/goleak"

	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/internal/tickets"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errFilter is what is wrong with the filter "wrong".
var errFilter = errors.New("column 3: there is no such name")

// door is the endpoints on a real server, beside one that takes tickets.
type door struct {
	t        *testing.T
	url, key string
	tickets  *access.Tickets
}

// open serves the endpoints. The principal "shop" may read orders, and with
// auth false everybody everything.
func open(t *testing.T, auth bool) *door {
	t.Helper()
	d := &door{t: t}
	opts := httpserver.Options{
		Title: "test", Version: "1", Listen: []string{"127.0.0.1:0"}, Setting: "test.listen",
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	}
	if auth {
		key, line, err := access.NewKey("shop", time.Now())
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "keys")
		require.NoError(t, os.WriteFile(file, []byte(line+"\n"), 0o600))
		opts.Auth, err = access.New(access.Config{
			KeysFile: file, Principals: access.Grants{{Name: "shop", Topics: []string{"orders*"}, Rights: []string{"read"}}},
		}, opts.Log)
		require.NoError(t, err)
		d.key = key
	}
	var err error
	d.tickets, err = access.NewTickets("", opts.Auth, opts.Log)
	require.NoError(t, err)
	opts.Tickets = d.tickets
	s := httpserver.New(opts)
	tickets.New(tickets.Deps{Tickets: d.tickets, Filter: func(text string) error {
		if text == "wrong" {
			return errFilter
		}
		return nil
	}}).Register(s)
	s.Handle(http.MethodGet, "/events", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := access.IdentityFrom(r.Context())
		_, _ = io.WriteString(w, i.Principal().Name()+":"+strings.Join(i.Topics(), ",")+":"+strings.Join(i.Filters(), ","))
	}), httpserver.Doc{ID: "events", Tag: "t", Tickets: true})
	require.NoError(t, s.Listen(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { require.NoError(t, s.Serve()) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		http.DefaultClient.CloseIdleConnections()
		_ = s.Shutdown(ctx)
		wg.Wait()
	})
	d.url = "http://" + s.Addrs()[0]
	return d
}

// answer is what is looked at of a response.
type answer struct {
	code   int
	header http.Header
	body   string
}

// send does a request with the key and headers, names and values in turn. An
// X-API-Key of "" is none.
func (d *door) send(method, path, body string, headers ...string) answer {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	require.NoError(d.t, err)
	if d.key != "" {
		r.Header.Set("X-Api-Key", d.key)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(d.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	return answer{resp.StatusCode, resp.Header, string(text)}
}
