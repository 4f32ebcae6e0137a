package access_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/internal/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is when keys are made that need no other time.
var now = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

// everything lets everybody who is known read and write.
var everything = access.Grants{{Name: "*", Topics: []string{"*"}, Rights: []string{"read", "write"}}}

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

func newLog() (*output, *slog.Logger) {
	out := &output{}
	return out, slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// write puts a file into a folder of the test's.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// newKey makes a key and its line.
func newKey(t *testing.T, name string) (key, line string) {
	t.Helper()
	key, line, err := access.NewKey(name, now)
	require.NoError(t, err)
	return key, line + "\n"
}

// request makes one with headers, names and values in turn.
func request(headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func bearer(token string) *http.Request { return request("Authorization", "Bearer "+token) }

func basic(user, password string) *http.Request {
	r := request()
	r.SetBasicAuth(user, password)
	return r
}

// start runs an authenticator until the test ends.
func start(t *testing.T, a *access.Authenticator) {
	t.Helper()
	ctx := t.Context()
	var wg sync.WaitGroup
	wg.Go(func() { _ = a.Run(ctx) }) // It has no error.
	t.Cleanup(wg.Wait)
}
