package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A key is made, used, limited and revoked, as docs/auth.md says, on a listener
// that other hosts can reach.
func TestKeys(t *testing.T) {
	s := newSystem(t)
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	made, err := exec.Command(binary, "keys", "new", "shop", "--file", keys).Output()
	require.NoError(t, err)
	key := strings.TrimSpace(string(made))
	_, port, _ := strings.Cut(s.a, ":")
	settings := fmt.Sprintf(`
producer: {listen: [":%s"], topic: %s}
auth:
  keys_file: %s
  principals:
  - {name: shop, topics: ["%s", "nobody-*"], rights: [write], limits: {records: 20}}
`, port, s.topic, keys, s.topic)
	file := filepath.Join(dir, "sluice.yaml")
	require.NoError(t, os.WriteFile(file, []byte(settings), 0o600))
	a := start(t, dir, "producer", "--config", file, "--brokers", s.brokers)
	s.ready(s.a) // Health needs no key.
	post := func(topic, credential string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.a+"/topics/"+topic, strings.NewReader("x"))
		require.NoError(t, err)
		if credential != "" {
			r.Header.Set("Authorization", credential)
		}
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Retry-After")
	}
	expect := func(want int, topic, credential string) {
		t.Helper()
		code, _ := post(topic, credential)
		require.Equal(t, want, code)
	}
	expect(http.StatusUnauthorized, s.topic, "")
	expect(http.StatusUnauthorized, s.topic, "Bearer "+key[:len(key)-1])
	expect(http.StatusOK, s.topic, "Bearer "+key)
	expect(http.StatusForbidden, "somebody", "Bearer "+key)
	expect(http.StatusNotFound, "nobody-has-it", "Bearer "+key)
	require.Equal(t, http.StatusOK, status(s.a, "/metrics"))
	require.Equal(t, http.StatusOK, status(s.a, "/docs/"))
	await(t, "the rate limit", func() bool {
		code, after := post(s.topic, "Bearer "+key)
		return code == http.StatusTooManyRequests && after != ""
	})
	require.NoError(t, os.WriteFile(keys, nil, 0o600))
	await(t, "the key is revoked", func() bool {
		code, _ := post(s.topic, "Bearer "+key)
		return code == http.StatusUnauthorized
	})
	require.NotContains(t, a.stderr.text(), key)
}
