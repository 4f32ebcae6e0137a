package example_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/example"
)

// serviceA stands for service A: each request is answered as its step says, and
// those behind the last step are taken whole.
type serviceA struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
	steps    []func(http.ResponseWriter, request)
}

// request is one that service A has got.
type request struct {
	target, contentType string
	body                []byte
	records             []wire
}

// wire is a record of the v3 dialect, as far as the tests look at it.
type wire struct {
	Key, Value *struct {
		Type string
		Data json.RawMessage
	}
	Timestamp string
	Headers   []struct{ Name, Value string }
}

func newServiceA(t *testing.T, steps ...func(http.ResponseWriter, request)) (*serviceA, *example.Client) {
	t.Helper()
	s := &serviceA{steps: steps}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	c := &example.Client{A: s.URL}
	t.Cleanup(c.Close)
	return s, c
}

func (s *serviceA) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	got := request{target: r.Method + " " + r.URL.String(), contentType: r.Header.Get("Content-Type"), body: body}
	for records := json.NewDecoder(bytes.NewReader(body)); ; {
		var one wire
		if records.Decode(&one) != nil {
			break
		}
		got.records = append(got.records, one)
	}
	s.mu.Lock()
	s.requests = append(s.requests, got)
	n := len(s.requests)
	s.mu.Unlock()
	if n <= len(s.steps) {
		s.steps[n-1](w, got)
		return
	}
	answer()(w, got)
}

// answer answers the records with these codes, and those behind them with 200.
func answer(codes ...int) func(http.ResponseWriter, request) {
	return func(w http.ResponseWriter, r request) {
		for i := range max(len(r.records), 1) {
			code := 200
			if i < len(codes) {
				code = codes[i]
			}
			_, _ = fmt.Fprintf(w, `{"error_code":%d,"message":"told"}`+"\r\n", code)
		}
	}
}

// refuse refuses the whole request.
func refuse(status int, body string) func(http.ResponseWriter, request) {
	return func(w http.ResponseWriter, _ request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cut answers so many records, and breaks the connection.
func cut(records int) func(http.ResponseWriter, request) {
	return func(w http.ResponseWriter, _ request) {
		_, _ = io.WriteString(w, strings.Repeat(`{"error_code":200}`+"\r\n", records))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// values are what each request has brought.
func (s *serviceA) values() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, r := range s.requests {
		var one []string
		for _, record := range r.records {
			one = append(one, string(record.Value.Data))
		}
		all = append(all, strings.Join(one, " "))
	}
	return all
}

// lines are records of the keys a and b in turn: a0 b1 a2 b3 …, and one without a
// key at the end.
func lines(n int) []example.Line {
	var all []example.Line
	for i := range n {
		all = append(all, example.Line{Key: string(rune('a' + i%2)), Value: i})
	}
	return append(all, example.Line{Value: n})
}

func TestWhatIsSentAgain(t *testing.T) {
	for name, c := range map[string]struct {
		steps []func(http.ResponseWriter, request)
		want  []string
	}{
		"nothing when all is written":                    {nil, []string{"0 1 2 3 4"}},
		"from the line of the key that was refused":      {[]func(http.ResponseWriter, request){answer(200, 50302)}, []string{"0 1 2 3 4", "1 3"}},
		"from the line of the key that is in doubt":      {[]func(http.ResponseWriter, request){answer(50003)}, []string{"0 1 2 3 4", "0 2"}},
		"only the line, for the last of a key":           {[]func(http.ResponseWriter, request){answer(200, 200, 200, 429)}, []string{"0 1 2 3 4", "3"}},
		"only the line, where it has no key":             {[]func(http.ResponseWriter, request){answer(200, 200, 200, 200, 50302)}, []string{"0 1 2 3 4", "4"}},
		"until it is written":                            {[]func(http.ResponseWriter, request){answer(50302), answer(200, 50003), answer()}, []string{"0 1 2 3 4", "0 2", "2"}},
		"a topic that is not there yet":                  {[]func(http.ResponseWriter, request){answer(40401, 40401, 40401, 40401, 40401)}, []string{"0 1 2 3 4", "0 1 2 3 4"}},
		"what has no answer, when the connection breaks": {[]func(http.ResponseWriter, request){cut(2)}, []string{"0 1 2 3 4", "2 3 4"}},
		"all of it, when nothing was answered":           {[]func(http.ResponseWriter, request){cut(0)}, []string{"0 1 2 3 4", "0 1 2 3 4"}},
		"all of it, when the request was refused":        {[]func(http.ResponseWriter, request){refuse(503, `{"error_code":50302,"message":"no"}`)}, []string{"0 1 2 3 4", "0 1 2 3 4"}},
		"all of it, when somebody else has answered":     {[]func(http.ResponseWriter, request){refuse(504, `<html>`)}, []string{"0 1 2 3 4", "0 1 2 3 4"}},
		"what has no answer, when the rest is no JSON": {[]func(http.ResponseWriter, request){func(w http.ResponseWriter, _ request) {
			_, _ = io.WriteString(w, `{"error_code":200} oops`)
		}}, []string{"0 1 2 3 4", "1 2 3 4"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := newServiceA(t, c.steps...)
			require.NoError(t, client.Write(t.Context(), "things", lines(4)...))
			require.Equal(t, c.want, s.values())
		})
	}
}

// In doubt, a key's later lines are repeated behind the earlier one.
func TestTheOrderOfAKey(t *testing.T) {
	keys, texts := []string{"a", "b", "", "a", "b", ""}, []string{"a0", "b0", "0", "a1", "b1", "1"}
	for name, c := range map[string]struct {
		done []bool
		want []string
	}{
		"all":               {[]bool{true, true, true, true, true, true}, nil},
		"none":              {make([]bool, 6), texts},
		"the first of a":    {[]bool{false, true, true, true, true, true}, []string{"a0", "a1"}},
		"the second of b":   {[]bool{true, true, true, true, false, true}, []string{"b1"}},
		"the first keyless": {[]bool{true, true, false, true, true, true}, []string{"0"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, example.Unwritten(keys, texts, c.done)) })
	}
}

func TestWhatNoRepeatMends(t *testing.T) {
	for name, c := range map[string]struct {
		step func(http.ResponseWriter, request)
		want string
	}{
		"a line that is too large": {answer(200, 400), "write to things: service A has answered 200: error 400: told"},
		"a line refused for good":  {answer(50002), "error 50002"},
		"no right to the topic":    {refuse(403, `{"error_code":40301,"message":"not yours"}`), "answered 403: error 40301: not yours"},
		"a wrong request":          {refuse(422, `{"error_code":422,"message":"what"}`), "answered 422: error 422: what"},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := newServiceA(t, c.step)
			require.ErrorContains(t, client.Write(t.Context(), "things", lines(4)...), c.want)
			require.Len(t, s.values(), 1)
		})
	}
	_, client := newServiceA(t)
	err := client.Write(t.Context(), "things", example.Line{Key: "a", Value: 1}, example.Line{Key: "b", Value: make(chan int)})
	require.ErrorContains(t, err, `line 2: the line with the key "b" cannot be written as JSON`)
}

// Whoever writes can stop: when ctx ends, the error says so and what was wrong.
func TestWritingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	said := &bytes.Buffer{}
	never := func(http.ResponseWriter, request) { cancel(io.ErrClosedPipe); panic(http.ErrAbortHandler) }
	_, client := newServiceA(t, never, never)
	example.Logged(client, slog.New(slog.NewJSONHandler(said, nil)))
	err := client.Write(ctx, "things", lines(4)...)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.ErrorIs(t, client.Raw(ctx, "things", "", "text/plain", nil), io.ErrClosedPipe)
	require.Contains(t, said.String(), `"msg":"lines are sent again","topic":"things","lines":5`)
}

func TestALineAsItIsWritten(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 0, 0, 5e6, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		line example.Line
		want string
	}{
		"JSON":                 {example.Line{Key: "k", Value: map[string]string{"a": "<&>"}}, `{"key":{"type":"STRING","data":"k"},"value":{"type":"JSON","data":{"a":"<&>"}}}`},
		"a number":             {example.Line{Value: json.RawMessage("9007199254740993")}, `{"value":{"type":"JSON","data":9007199254740993}}`},
		"text":                 {example.Line{Value: example.Text("<34>1 x\n")}, `{"value":{"type":"STRING","data":"<34>1 x\n"}}`},
		"text that is no text": {example.Line{Value: example.Text("\xff")}, `{"value":{"type":"BINARY","data":"/w=="}}`},
		"a tombstone":          {example.Line{Key: "k"}, `{"key":{"type":"STRING","data":"k"},"value":null}`},
		"a key of bytes":       {example.Line{Key: "\xff", Value: 1}, `{"key":{"type":"BINARY","data":"/w=="},"value":{"type":"JSON","data":1}}`},
		"a time and a header": {
			example.Line{Value: 1, Timestamp: at, Headers: map[string]string{"seq": "17"}},
			`{"value":{"type":"JSON","data":1},"timestamp":"2026-11-23T09:00:00.005Z","headers":[{"name":"seq","value":"MTc="}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := newServiceA(t)
			require.NoError(t, client.Write(t.Context(), "things/ö", c.line))
			require.Equal(t, c.want+"\n", string(s.requests[0].body))
			require.Equal(t, "POST /v3/clusters/any/topics/things%2F%C3%B6/records", s.requests[0].target)
			require.Equal(t, "application/json", s.requests[0].contentType)
		})
	}
}

// What is long travels in several requests, one after the other.
func TestManyLines(t *testing.T) {
	s, client := newServiceA(t)
	require.NoError(t, client.Write(t.Context(), "things", lines(4500)...))
	require.Len(t, s.values(), 3)
	require.True(t, strings.HasPrefix(s.values()[2], "4000 4001 "))
	large := example.Line{Value: strings.Repeat("x", 3<<20)}
	s, client = newServiceA(t)
	require.NoError(t, client.Write(t.Context(), "things", large, large))
	require.Len(t, s.values(), 2)
	require.NoError(t, client.Write(t.Context(), "things"))
	require.Len(t, s.values(), 2, "nothing is not sent")
}

func TestRaw(t *testing.T) {
	written := refuse(200, `{"topic":"things"}`)
	busy := func(w http.ResponseWriter, r request) {
		w.Header().Set("Retry-After", "0")
		refuse(503, `{"written":"no"}`)(w, r)
	}
	for name, c := range map[string]struct {
		steps    []func(http.ResponseWriter, request)
		requests int
		err      string
	}{
		"written":                 {[]func(http.ResponseWriter, request){written}, 1, ""},
		"refused, to come again":  {[]func(http.ResponseWriter, request){busy, written}, 2, ""},
		"in doubt":                {[]func(http.ResponseWriter, request){refuse(504, `{"written":"unknown"}`), written}, 2, ""},
		"a topic not there yet":   {[]func(http.ResponseWriter, request){refuse(404, `{"written":"no"}`), written}, 2, ""},
		"an answer of a proxy":    {[]func(http.ResponseWriter, request){refuse(502, `<html>`), written}, 2, ""},
		"a broken connection":     {[]func(http.ResponseWriter, request){func(http.ResponseWriter, request) { panic(http.ErrAbortHandler) }, written}, 2, ""},
		"refused for good":        {[]func(http.ResponseWriter, request){refuse(413, `{"written":"no","detail":"too large"}`)}, 1, "write to things: service A has answered 413: too large"},
		"not let in":              {[]func(http.ResponseWriter, request){refuse(401, `{"written":"no","detail":"who?"}`)}, 1, "answered 401: who?"},
		"an answer without sense": {[]func(http.ResponseWriter, request){refuse(500, `[]`), written}, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := newServiceA(t, c.steps...)
			err := client.Raw(t.Context(), "things", "a&b", "text/plain", []byte("{poison"))
			require.Len(t, s.requests, c.requests)
			require.Equal(t, "POST /topics/things?key=a%26b", s.requests[0].target)
			require.Equal(t, "text/plain", s.requests[0].contentType)
			require.Equal(t, "{poison", string(s.requests[0].body))
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
		})
	}
}
