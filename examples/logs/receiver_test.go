package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
)

func TestTheReceiverBelievesASignatureOnly(t *testing.T) {
	secret, err := secretIn(filepath.Join(t.TempDir(), "secrets"))
	require.NoError(t, err)
	signer, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	var got []alert
	receiver := &receiver{signer, func(a alert) { got = append(got, a) }}
	body := `{"service":"cart","state":"begin","at":17,"lines":30,"errors":9}`
	request := func(body string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/alerts", strings.NewReader(body))
		now := time.Now()
		signature, err := signer.Sign("id", now, []byte(body))
		require.NoError(t, err)
		for name, value := range map[string]string{
			"webhook-id": "id", "webhook-timestamp": strconv.FormatInt(now.Unix(), 10), "webhook-signature": signature,
		} {
			r.Header.Set(name, value)
		}
		return r
	}
	serve := func(r *http.Request) int {
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, r)
		return w.Code
	}
	require.Equal(t, http.StatusNoContent, serve(request(body)))
	require.Equal(t, []alert{{"cart", "begin", 17, 30, 9}}, got)
	require.Equal(t, http.StatusBadRequest, serve(request("no alert")))
	forged := request(body)
	forged.Header.Set("webhook-signature", "v1,AAAA")
	require.Equal(t, http.StatusUnauthorized, serve(forged))
	require.Equal(t, http.StatusUnauthorized, serve(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/alerts", strings.NewReader(body))))
	require.Equal(t, http.StatusUnauthorized, serve(request(body+strings.Repeat(" ", maxAlert))))
	require.Len(t, got, 1)
}

func TestTheReceiverSaysThatItsAddressIsTaken(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	err := (&receiver{}).run(t.Context(), server.Listener.Addr().String())
	require.ErrorContains(t, err, "-hook")

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- (&receiver{}).run(ctx, "127.0.0.1:0") }()
	cancel()
	if err := <-ended; err != nil {
		require.ErrorIs(t, err, context.Canceled, "it had not begun yet")
	}
}

func TestProcessesShareASecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "secrets")
	secrets := make([]string, 8)
	var all sync.WaitGroup
	for i := range secrets {
		all.Go(func() { secrets[i], _ = secretIn(path) })
	}
	all.Wait()
	for _, one := range secrets {
		require.Equal(t, secrets[0], one)
		require.True(t, strings.HasPrefix(one, "whsec_"))
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing else is left behind")

	_, err = secretIn(filepath.Join(path, "below", "a-file"))
	require.ErrorContains(t, err, "-secrets")
}
