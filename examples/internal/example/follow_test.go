package example_test

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

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/example"
)

// serviceB stands for service B: each stream is what its step writes, and those
// behind the last step stay open without a word.
type serviceB struct {
	mu       sync.Mutex
	requests []string // target and cursor
}

// script is what a stream has: the status, and its text.
type script struct {
	status int
	text   string
}

func newServiceB(t *testing.T, streams ...script) (*serviceB, *example.Client) {
	t.Helper()
	s := &serviceB{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.URL.String()+" "+r.Header.Get("Last-Event-Id"))
		n := len(s.requests)
		s.mu.Unlock()
		if n > len(streams) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		w.WriteHeader(streams[n-1].status)
		_, _ = io.WriteString(w, streams[n-1].text)
	}))
	t.Cleanup(server.Close)
	c := &example.Client{B: server.URL}
	t.Cleanup(c.Close)
	return s, c
}

// rec is a record in a stream.
func rec(cursor string, partition, offset int) string {
	return fmt.Sprintf("id: %s\ndata: {\"topic\":\"a\",\"partition\":%d,\"offset\":%d,\"timestamp\":1795439481948,\"key\":\"k\",\"value\":{\"n\":1}}\n\n", cursor, partition, offset)
}

const ready = "retry: 1\nevent: ready\nid: c0\ndata: {}\n\n"

func TestFollowingGoesOnBehindTheCursor(t *testing.T) {
	s, client := newServiceB(t,
		script{200, ready + rec("c1", 0, 5) + ":\n\n" + rec("c2", 1, 9) + rec("c3", 0, 6)}, // It breaks off.
		script{404, `{"detail":"no such topic"}`},
		script{503, ""},
		// What was not confirmed comes again, and an event without an id.
		script{200, ready + rec("c3", 0, 6) + "data: {\"topic\":\"a\",\"partition\":0,\"offset\":7,\"value\":null}\n\nevent: bye\ndata: {\"reason\":\"drain\"}\n\n"},
		script{200, ready + rec("c4", 0, 7) + rec("c5", 1, 12) + "event: stalled\ndata: {}\n\nevent: what may come\ndata: {}\n\nid: cut off\ndata: {"},
	)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen []string
	err := client.Follow(ctx, []string{"a", "b"}, func(e example.Event) error {
		seen = append(seen, fmt.Sprintf("%s/%d/%d", e.Topic, e.Partition, e.Offset))
		if e.Offset == 12 {
			cancel()
		}
		return nil
	})
	require.NoError(t, err, "its end is that of ctx")
	require.Equal(t, []string{"a/0/5", "a/1/9", "a/0/6", "a/0/7", "a/1/12"}, seen)
	const target = "/events?from=earliest&slow=close&topic=a&topic=b "
	require.Equal(t, []string{target, target + "c3", target + "c3", target + "c3", target + "c3"}, s.requests)
}

func TestWhatEndsFollowing(t *testing.T) {
	own := errors.New("the checker's own")
	for name, c := range map[string]struct {
		stream script
		want   string
	}{
		"a gap":           {script{200, ready + "event: gap\ndata: {\"reason\":\"expired\"}\n\n"}, `follow [a]: records are missing in the stream: {"reason":"expired"}`},
		"an error of f":   {script{200, ready + rec("c1", 0, 66)}, "follow [a]: the checker's own"},
		"no record":       {script{200, ready + "data: {\n\n"}, "has sent what is no record"},
		"a wrong request": {script{422, `{"detail":"from: is no time"}`}, "service B has answered 422: from: is no time"},
		"a missing right": {script{403, `{"detail":"not yours"}`}, "service B has answered 403: not yours"},
		"no credential":   {script{401, `<html>`}, "service B has answered 401"},
	} {
		t.Run(name, func(t *testing.T) {
			_, client := newServiceB(t, c.stream)
			err := client.Follow(t.Context(), []string{"a"}, func(example.Event) error { return own })
			require.ErrorContains(t, err, c.want)
			if name == "an error of f" {
				require.ErrorIs(t, err, own)
			}
		})
	}
}

// A line without an end does not fill the memory.
func TestALineWithoutAnEnd(t *testing.T) {
	_, client := newServiceB(t, script{200, "data: " + strings.Repeat("x", 17<<20) + "\n\n"}, script{200, ready + rec("c1", 0, 1)})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	require.NoError(t, client.Follow(ctx, []string{"a"}, func(e example.Event) error {
		cancel()
		require.Equal(t, int64(1), e.Offset)
		return nil
	}))
}

func TestEvents(t *testing.T) {
	at := time.Date(2026, 11, 23, 13, 51, 21, 948e6, time.UTC)
	for name, c := range map[string]struct {
		data string
		want example.Event
	}{
		"JSON": {
			`{"topic":"a","partition":3,"offset":7,"timestamp":1795441881948,"key":"k","headers":[{"key":"seq","value":"1"},{"key":"seq","value":"2"}],"value":{"n":9007199254740993}}`,
			example.Event{Topic: "a", Partition: 3, Offset: 7, Time: at, Key: "k", Value: []byte(`{"n":9007199254740993}`), Headers: map[string]string{"seq": "2"}},
		},
		"text":        {`{"topic":"a","timestamp":1795441881948,"key":null,"headers":[],"value":"<34>1"}`, example.Event{Topic: "a", Time: at, Value: []byte(`"<34>1"`)}},
		"bytes":       {`{"topic":"a","timestamp":1795441881948,"value":"/w==","encoding":"base64"}`, example.Event{Topic: "a", Time: at, Value: []byte(`"/w=="`), Binary: true}},
		"a tombstone": {`{"topic":"a","timestamp":1795441881948,"key":"k","value":null}`, example.Event{Topic: "a", Time: at, Key: "k", Value: []byte(`null`)}},
	} {
		t.Run(name, func(t *testing.T) {
			_, client := newServiceB(t, script{200, ready + "data: " + c.data + "\n\n"})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			require.NoError(t, client.Follow(ctx, []string{"a"}, func(e example.Event) error {
				cancel()
				require.Equal(t, c.want, e)
				require.Equal(t, name == "a tombstone", e.Tombstone())
				return nil
			}))
		})
	}
}

func TestTheInputWaitsForItsTopics(t *testing.T) {
	list := func(numbers, check string) script {
		return script{200, `{"topics":[{"name":"numbers","partitions":[` + numbers + `]},{"name":"check","partitions":[` + check + `]},{"name":"other","partitions":[{"start":0,"end":5}]}]}`}
	}
	const empty = `{"partition":0,"start":0,"end":0}`
	s, client := newServiceB(t, script{503, ""}, script{200, `{"topics":[]}`}, script{200, "<html>"}, list(empty, ""), list(empty+`,{"partition":1,"start":null,"end":null}`, empty), list(empty, empty))
	require.NoError(t, example.AwaitTopics(t.Context(), client, "numbers", "check"))
	require.Len(t, s.requests, 6)

	_, client = newServiceB(t, list(empty, `{"partition":0,"start":2,"end":3}`))
	require.ErrorContains(t, example.AwaitTopics(t.Context(), client, "numbers", "check"), "the topic check holds records of an earlier run")

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrClosedPipe)
	require.ErrorIs(t, example.AwaitTopics(ctx, client, "numbers"), io.ErrClosedPipe)
}
