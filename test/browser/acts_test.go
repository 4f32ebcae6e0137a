//go:build browser

package browser_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
	"sluice/internal/dashboard/browsertest"
)

// endpoint is where a webhook sends to: it refuses all until it is mended.
type endpoint struct {
	mended atomic.Bool
	taken  chan string
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	value, err := io.ReadAll(r.Body)
	if err != nil || !e.mended.Load() {
		http.Error(w, "not now", http.StatusInternalServerError)
		return
	}
	e.taken <- string(value)
}

// TestDeadLettersAreRedriven fails a webhook until its records are dead letters,
// mends it, and redrives them from the page.
func TestDeadLettersAreRedriven(t *testing.T) {
	e := &endpoint{taken: make(chan string, 10)}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	s := startServices(t, fmt.Sprintf("consumer:\n  handlers:\n  - {name: billing, topics: [orders], group: billing, retry: {attempts: 1}, webhook: {url: %q, allow_networks: [127.0.0.0/8]}}\n", server.URL))
	want := orders(s, 1, 2, 3)
	s.await("three dead letters", func() bool {
		code, answer := s.ask(http.MethodGet, s.b, "/groups/billing/dead-letters", "")
		var list struct{ Summary struct{ Backlog int } }
		return code == http.StatusOK && json.Unmarshal([]byte(answer), &list) == nil && list.Summary.Backlog == len(want)
	})
	p := browsertest.Open(t, "http://"+s.b+"/#/dead-letters")
	p.WaitText("main", "3 dead letters not redriven, of 3 in all.")
	p.WaitText("main", "exhausted\t3\t")
	p.WaitText("main", "answered 500 Internal Server Error\t3")
	p.Click("main table .look")
	p.WaitText("dialog pre", `"total": 1`)
	p.Press("Close")
	p.Wait("!document.querySelector('dialog')")

	p.Press("Redrive exhausted…")
	p.Press("Dry run")
	p.WaitText("main", "Dry run done")
	require.Contains(t, p.Text("main"), "3 dead letters not redriven", "a dry run does nothing")
	require.Empty(t, e.taken)
	e.mended.Store(true)
	p.Press("Redrive 3 records")
	p.WaitText("main", "Redrive done")
	p.WaitText("main", "0 dead letters not redriven, of 3 in all.")
	s.await("the records are handled", func() bool { return len(e.taken) == len(want) })
	for _, value := range want {
		require.Equal(t, value, <-e.taken)
	}
	p.Press("Read again")
	p.WaitText("main", "0 dead letters not redriven, of 3 in all.")
	require.Empty(t, e.taken, "none came twice")
	require.Empty(t, complaints(p))
}

// TestSignInAndWrite signs in with a key, writes a record with the form, sees it,
// and is asked for a key again when that one was taken back.
func TestSignInAndWrite(t *testing.T) {
	key, line, err := access.NewKey("anna", time.Now())
	require.NoError(t, err)
	keys := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(keys, []byte(line+"\n"), 0o600))
	s := startServices(t, fmt.Sprintf("auth:\n  keys_file: %s\n  principals:\n  - {name: anna, topics: [orders], rights: [read, write]}\n", keys))
	bearer := []string{"Authorization", "Bearer " + key}
	s.write("orders", "the first", bearer...)

	p := browsertest.Open(t, "http://"+s.b+"/#/now?topic=orders")
	p.WaitText("main", "API key or token")
	p.Type("[name=key]", key[:len(key)-1]+"\r")
	p.WaitText("[role=alert]", "the credential is not known")
	p.Type("[name=key]", key+"\r")
	p.WaitText(".tail .status", "live")
	p.WaitText("header", "anna")
	require.Empty(t, browsertest.Eval[string](p, "document.cookie"), "no script has the session")
	require.NotContains(t, browsertest.Eval[string](p, "JSON.stringify([localStorage, sessionStorage, location.href])"), key)

	p.Key("6")
	p.Type("[name=topic]", "orders")
	p.Type("[name=key]", "c-1")
	p.Type("[name=value]", "hello <b>, naïve 😀")
	p.Press("Add a header")
	p.Type(".headers input:nth-child(1)", "source")
	p.Type(".headers input:nth-child(2)", "page")
	p.Click("main form button.main")
	p.WaitText("main", "Written: orders, partition")
	code, answer := s.ask(http.MethodGet, s.b, "/topics/orders/records?from=earliest&key=c-1", "", bearer...)
	require.Equal(t, http.StatusOK, code, answer)
	var page struct {
		Records []struct {
			Key, Value string
			Headers    []struct{ Key, Value string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &page), answer)
	require.Len(t, page.Records, 1, answer)
	require.Equal(t, "hello <b>, naïve 😀", page.Records[0].Value)
	require.Contains(t, page.Records[0].Headers, struct{ Key, Value string }{"source", "page"})

	p.Type("[name=topic]", "secrets")
	p.Click("main form button.main")
	p.WaitText("main [role=alert]", "may not write to topic secrets. It was not written.")
	p.Run("location.hash = '#/now?topic=orders'")
	p.WaitText(".tail .status", "live")
	p.Run(`const from = document.querySelector("select[aria-label=Begin]"); from.value = "earliest"; from.dispatchEvent(new Event("change"))`)
	p.WaitText(".tail tbody", "hello <b>, naïve 😀")

	require.NoError(t, os.WriteFile(keys, nil, 0o600))
	p.WaitText("main", "API key or token")
	require.NotContains(t, p.Text("main"), "hello")
	require.Empty(t, complaints(p))
	require.NotContains(t, s.log(), key)
}
