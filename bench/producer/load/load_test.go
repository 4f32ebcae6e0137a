package load_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/bench/producer/load"

	"github.com/stretchr/testify/require"
)

func meter() (time.Duration, error) { return 0, nil }

// TestEveryRecordHasAnIDOfItsOwn counts, on the side of the server, what each
// kind of load says was acknowledged.
func TestEveryRecordHasAnIDOfItsOwn(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for line := range strings.Lines(string(body)) {
			seen[line[:load.IDSize]] = true
		}
		_, _ = fmt.Fprint(w, "fine")
	}))
	defer server.Close()
	line := []byte(strings.Repeat("0", load.IDSize) + " and more")
	head := load.Head{Host: "localhost", Path: "/", ContentType: "text/plain"}
	body := load.Body{Bytes: []byte(string(line) + "\n" + string(line)), IDs: []int{0, len(line) + 1}}
	target := load.Target{
		Address: server.Listener.Addr().String(), Meter: meter, Request: load.NewRequest(head, body),
		Check: func(body []byte) error {
			if string(body) != "fine" {
				return errors.New("not fine")
			}
			return nil
		},
	}
	for name, run := range map[string]func(context.Context) (load.Result, error){
		"once": func(ctx context.Context) (load.Result, error) { return load.Once(ctx, target, 7) },
		"closed": load.Closed{
			Target: target, Senders: 3, Warm: 10 * time.Millisecond, Window: 50 * time.Millisecond,
		}.Run,
		"closed, so many requests": load.Closed{
			Target: target, Senders: 3, Warm: 10 * time.Millisecond, Window: time.Minute, Requests: 20,
		}.Run,
		"open": load.Open{
			Target: target, Rate: 500, Connections: 4, Warm: 10 * time.Millisecond, Window: 50 * time.Millisecond,
		}.Run,
		"stream": load.Stream{
			Target: target, Head: head, Line: line, Warm: 10, Lines: 1000,
			Check: func([]byte, int64) error { return nil },
		}.Run,
	} {
		t.Run(name, func(t *testing.T) {
			clear(seen)
			result, err := run(t.Context())
			require.NoError(t, err)
			require.Positive(t, result.Records)
			if name != "once" {
				require.Len(t, result.Latencies, int(result.Requests))
			}
			all := int64(0)
			for _, n := range result.Acked {
				all += n
			}
			require.GreaterOrEqual(t, all, result.Records)
			require.Len(t, seen, int(all))
		})
	}
}

func TestAnAnswerThatIsNotA200EndsTheRun(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "too much", http.StatusTooManyRequests)
	}))
	defer server.Close()
	head := load.Head{Host: "localhost", Path: "/", ContentType: "text/plain"}
	target := load.Target{
		Address: server.Listener.Addr().String(), Meter: meter,
		Request: load.NewRequest(head, load.Body{Bytes: make([]byte, 100), IDs: []int{0}}),
	}
	for name, run := range map[string]func(context.Context) (load.Result, error){
		"closed": load.Closed{Target: target, Senders: 2, Window: time.Minute}.Run,
		"open":   load.Open{Target: target, Rate: 100, Connections: 2, Window: time.Minute}.Run,
		"stream": load.Stream{Target: target, Head: head, Line: make([]byte, 100), Lines: 1_000_000}.Run,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(t.Context())
			var status *load.StatusError
			require.ErrorAs(t, err, &status)
			require.Equal(t, http.StatusTooManyRequests, status.Status)
		})
	}
}

// TestAStallCountsAgainstEveryRequestThatWasDue is what a closed loop would
// hide: while the server stands still, requests go on being due.
func TestAStallCountsAgainstEveryRequestThatWasDue(t *testing.T) {
	const stall = 200 * time.Millisecond
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		once.Do(func() { time.Sleep(stall) })
	}))
	defer server.Close()
	head := load.Head{Host: "localhost", Path: "/", ContentType: "text/plain"}
	result, err := load.Open{
		Target: load.Target{
			Address: server.Listener.Addr().String(), Meter: meter,
			Request: load.NewRequest(head, load.Body{Bytes: make([]byte, 100), IDs: []int{0}}),
		},
		Rate: 100, Connections: 1, Window: stall,
	}.Run(t.Context())
	require.NoError(t, err)
	require.Len(t, result.Latencies, 20)
	require.Greater(t, result.Latencies[10], stall/4, "half of the requests waited for the first")
}
