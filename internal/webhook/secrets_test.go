package webhook_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"sluice/internal/webhook"
)

const (
	oldSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newSecret = "whsec_6sTTFZ3sMpRJ7WLyBJHqiBnLoC3Hgm8nEVJyIN9tx+o="
)

func TestParseSecrets(t *testing.T) {
	tests := []struct {
		name, text string
		secrets    int
		err        string
	}{
		{"one", oldSecret, 1, ""},
		{"two, comments and blank lines", "# rotated in November\n\n" + oldSecret + "\r\n  " + newSecret + "  \n\n", 2, ""},
		{"one twice", oldSecret + "\n" + oldSecret, 1, ""},
		{"nothing", "", 0, "there is no secret in it: add a line whsec_…"},
		{"comments only", "# " + oldSecret, 0, "there is no secret in it"},
		{"no prefix", "# a\nMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0, "line 2 does not begin with whsec_"},
		{"no base64", "whsec_MfKQ9r8GKYqrTwj!PD8ILPZIo2LaLaSw", 0, "line 1: what follows whsec_ is not base64"},
		{"no padding", strings.TrimRight(newSecret, "="), 0, "not base64 with its padding"},
		{"too short", "whsec_MfKQ9r8G", 0, "line 1: the secret has 6 bytes, and needs 24 to 64"},
		{"too long", "whsec_" + strings.Repeat("MfKQ", 22), 0, "has 66 bytes"},
		{"no text", "whsec_\x00\xff", 0, "is not base64"},
		{"too many", strings.Join(manySecrets(17), "\n"), 0, "there are 17 secrets, and at most 16 may sign"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := webhook.ParseSecrets(tt.text)
			if tt.err == "" {
				require.NoError(t, err)
				require.Equal(t, tt.secrets, n)
				return
			}
			require.ErrorContains(t, err, tt.err)
			require.NotContains(t, err.Error(), "MfKQ")
		})
	}
}

func manySecrets(n int) []string {
	var all []string
	for i := range n {
		all = append(all, "whsec_"+strings.Repeat("MfKQ", 7)+string(rune('A'+i))+"fKQ")
	}
	return all
}

// TestTheFileIsReadAgain is in fake time, in which a file is looked at once a
// second; its own times are real.
func TestTheFileIsReadAgain(t *testing.T) {
	path := write(t, "secrets", oldSecret)
	other, err := standardwebhooks.NewWebhook(newSecret)
	require.NoError(t, err)
	first, err := standardwebhooks.NewWebhook(oldSecret)
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		var got atomic.Pointer[http.Request]
		w := newWorld(t, webhook.Config{SecretsFile: path}, func(w http.ResponseWriter, r *http.Request) {
			got.Store(r.Clone(t.Context()))
			w.WriteHeader(http.StatusNoContent)
		})
		var signatures int
		signed := func(by *standardwebhooks.Webhook) bool {
			require.NoError(t, w.Deliver(t.Context(), order()).Err)
			h := got.Load().Header
			signatures = len(strings.Fields(h.Get("webhook-signature")))
			return by.Verify(order().Value, h) == nil
		}
		// What Kubernetes does: another file behind the same path.
		replace := func(text string, age time.Duration) {
			fresh := filepath.Join(t.TempDir(), "fresh")
			require.NoError(t, os.WriteFile(fresh, []byte(text), 0o600))
			at := time.Now().Add(-age)
			require.NoError(t, os.Chtimes(fresh, at, at))
			require.NoError(t, os.Rename(fresh, path))
		}
		require.True(t, signed(first))
		require.Equal(t, 1, signatures)

		replace(oldSecret+"\n"+newSecret, time.Hour)
		require.False(t, signed(other), "within the second it is not looked at")
		time.Sleep(webhook.PollEvery)
		require.True(t, signed(other))
		require.True(t, signed(first))
		require.Equal(t, 2, signatures)
		require.Contains(t, w.log.String(), "was read again")

		replace("oops: "+newSecret, 0)
		time.Sleep(webhook.PollEvery)
		require.True(t, signed(other), "a bad file keeps what was there")
		require.Contains(t, w.log.String(), "has become bad")
		require.Contains(t, w.log.String(), "line 1 does not begin with whsec_")
		time.Sleep(webhook.PollEvery)
		require.True(t, signed(first))
		require.Equal(t, 1, strings.Count(w.log.String(), "has become bad"), "it is said once")

		require.NoError(t, os.Remove(path))
		time.Sleep(webhook.PollEvery)
		require.True(t, signed(first))
		require.Equal(t, 2, strings.Count(w.log.String(), "has become bad"))

		replace(newSecret, 0)
		time.Sleep(webhook.PollEvery)
		require.True(t, signed(other))
		require.False(t, signed(first), "a secret that was taken out signs no more")

		// A change that looks like none, within a tick of the clock.
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, []byte("whsec_"+strings.Repeat("A", len(newSecret)-len("whsec_")-1)+"="), 0o600))
		require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		time.Sleep(webhook.PollEvery)
		require.False(t, signed(other))

		require.NotContains(t, w.log.String(), "6sTT")
		require.NotContains(t, w.log.String(), "MfKQ")
	})
}
