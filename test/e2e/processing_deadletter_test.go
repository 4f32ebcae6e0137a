package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// operator is a client of service B with a key.
type operator struct {
	t            *testing.T
	address, key string
}

// do asks, and reads an answer of the status.
func (o *operator) do(want int, method, path, body string, into any) http.Header {
	o.t.Helper()
	code, header, text := o.ask(method, path, body)
	require.Equal(o.t, want, code, text)
	if into != nil {
		require.NoError(o.t, json.Unmarshal([]byte(text), into), text)
	}
	return header
}

func (o *operator) ask(method, path, body string) (int, http.Header, string) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), method, "http://"+o.address+path, strings.NewReader(body))
	require.NoError(o.t, err)
	r.Header.Set("Authorization", "Bearer "+o.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(o.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(o.t, err)
	return resp.StatusCode, resp.Header, string(text)
}

// backlog is what GET /groups/{group}/dead-letters says.
type backlog struct {
	Summary struct {
		Letters, Backlog, Foreign int
		Complete                  bool
		Classes                   []struct {
			Value string
			Count int
		}
	}
	Letters []struct {
		Topic     string
		Partition int64
		Offset    int64
		Class     string
		Message   string
		Attempts  int
		Key       *string
	}
}

// redriveStatus is what the status of a redrive says.
type redriveStatus struct {
	State, Principal, Error string
	Counts                  struct{ Redriven, Already int }
	Reasons                 struct {
		Messages []struct {
			Value string
			Count int
		}
	}
}

// operators makes keys of two principals, and the settings in which one of them
// may operate.
func operators(t *testing.T, address string) (ops, reader *operator, settings string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	made := func(name string) *operator {
		key, err := exec.Command(binary, "keys", "new", name, "--file", file).Output()
		require.NoError(t, err)
		return &operator{t: t, address: address, key: strings.TrimSpace(string(key))}
	}
	return made("ops"), made("reader"), fmt.Sprintf(`auth:
  keys_file: %s
  principals:
  - {name: ops, topics: ["*"], rights: [read, operate]}
  - {name: reader, topics: ["*"], rights: [read]}`, file)
}

// The life of a dead letter: the endpoint refuses it, it is listed, counted,
// given to the group again over HTTP and on the command line, and delivered as
// what it was.
func TestDeadLettersAreRedriven(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	client := s.kafka()
	s.makeTopic(client, s.topic, 3)
	var refused sync.Map // webhook-id by value
	e := newEndpoint(t, func(_ context.Context, d delivery) int {
		if before, again := refused.Swap(d.value, d.id); again && before != d.id {
			return http.StatusTeapot // Which the list would show.
		}
		return http.StatusBadRequest
	})
	ops, reader, settings := operators(t, s.b)
	b := s.serviceBWith(s.b, settings, s.hook("hook", e, "order: key, retry: {attempts: 2, first: 1ms, max: 2ms}"))
	group := s.group + "-hook"
	values := s.fill(client, s.topic, 3, 5, 0, 1)
	path := "/groups/" + group

	var list backlog
	await(t, "five dead letters", func() bool {
		code, _, text := ops.ask(http.MethodGet, path+"/dead-letters", "")
		return code == http.StatusOK && json.Unmarshal([]byte(text), &list) == nil && list.Summary.Backlog == len(values)
	})
	require.True(t, list.Summary.Complete)
	require.Equal(t, "exhausted", list.Summary.Classes[0].Value)
	require.Len(t, list.Letters, len(values))
	where := map[string]bool{} // KEY PARTITION/OFFSET of the original records
	for _, l := range list.Letters {
		require.Equal(t, s.topic, l.Topic)
		require.Equal(t, 2, l.Attempts)
		require.Contains(t, l.Message, "400")
		require.NotNil(t, l.Key)
		where[fmt.Sprintf("%s %d/%d", *l.Key, l.Partition, l.Offset)] = true
	}
	s.requireLetters(group, values)

	// Who may read may look, and no more.
	reader.do(http.StatusOK, http.MethodGet, path+"/dead-letters", "", nil)
	reader.do(http.StatusForbidden, http.MethodGet, path+"/dead-letters?payloads=true", "", nil)
	reader.do(http.StatusForbidden, http.MethodPost, path+"/redrives", `{"dry_run":true}`, nil)
	reader.do(http.StatusForbidden, http.MethodPost, path+"/redrives", `{}`, nil)
	(&operator{t: t, address: s.b, key: "no key"}).do(http.StatusUnauthorized, http.MethodPost, path+"/redrives", `{}`, nil)

	var dry redriveStatus
	ops.do(http.StatusOK, http.MethodPost, path+"/redrives", `{"dry_run":true}`, &dry)
	require.Equal(t, "done", dry.State)
	require.Equal(t, len(values), dry.Counts.Redriven)
	require.Len(t, dry.Reasons.Messages, 1)
	require.Equal(t, len(values), dry.Reasons.Messages[0].Count)

	// Three of them over HTTP.
	e.mend(always(http.StatusOK))
	location := ops.do(http.StatusAccepted, http.MethodPost, path+"/redrives", `{"limit":3}`, nil).Get("Location")
	reader.do(http.StatusForbidden, http.MethodDelete, location, "", nil)
	var status redriveStatus
	await(t, "the redrive has ended", func() bool {
		ops.do(http.StatusOK, http.MethodGet, location, "", &status)
		return status.State != "running"
	})
	require.Equal(t, "done", status.State, status.Error)
	require.Equal(t, "ops", status.Principal)
	require.Equal(t, 3, status.Counts.Redriven)
	await(t, "three are delivered", func() bool { return len(e.taken()) == 3 })
	require.Contains(t, b.stderr.text(), "audit=true")

	// And the others on the command line, as interrupted work is taken up again.
	code, out, stderr := s.command("dlq", "redrive", group)
	require.Equal(t, 0, code, stderr)
	require.Contains(t, out, "done; 2 redriven, 5 scanned, 3 redriven before")
	e.awaitAll(values)
	code, out, stderr = s.command("dlq", "list", group)
	require.Equal(t, 0, code, stderr)
	require.Contains(t, out, "5 dead letters, 0 of them not redriven; 0 foreign records")
	ops.do(http.StatusOK, http.MethodGet, path+"/dead-letters", "", &list)
	require.Equal(t, 0, list.Summary.Backlog)

	// What was delivered is what was refused.
	require.Len(t, e.taken(), len(values), "none twice")
	for _, d := range e.taken() {
		before, ok := refused.Load(d.value)
		require.True(t, ok)
		require.Equal(t, before, d.id, "the webhook-id of %s", d.value)
		require.Equal(t, s.topic, d.topic)
		require.Equal(t, d.value, d.key+"/0")
		require.Contains(t, where, fmt.Sprintf("%s %d/%d", d.key, d.partition, d.offset), "the coordinates of %s", d.value)
	}
}

// requireLetters reads the dead-letter topic as any consumer would.
func (s *system) requireLetters(group string, values []string) {
	s.t.Helper()
	reader := s.kafka(kgo.ConsumeTopics(s.topic+"."+group+".dlq"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	found := map[string]bool{}
	for len(found) < len(values) {
		fetches := reader.PollFetches(s.t.Context())
		require.NoError(s.t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			require.Equal(s.t, string(r.Value), string(r.Key)+"/0")
			require.Equal(s.t, kgo.RecordHeader{Key: "source", Value: []byte("e2e")}, r.Headers[0])
			said := map[string]string{}
			for _, h := range r.Headers[1:] {
				said[h.Key] = string(h.Value)
			}
			require.Equal(s.t, s.topic, said["__dlq.errors.topic"])
			require.Equal(s.t, group, said["__dlq.errors.group"])
			require.Equal(s.t, "2", said["__dlq.errors.delivery.count"])
			require.Equal(s.t, "exhausted", said["x-dlq-error-class"])
			require.Equal(s.t, "hook", said["x-dlq-handler"])
			require.Equal(s.t, "0", said["x-dlq-replay-count"])
			found[string(r.Value)] = true
		})
	}
	for _, value := range values {
		require.True(s.t, found[value], value)
	}
}
