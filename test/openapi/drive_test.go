package openapi_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// exchange is a request of an operation, and what is expected of it.
type exchange struct {
	name             string
	method, template string // of the operation
	path             string // with its query
	headers          map[string]string
	body             string
	status           int
	// wrong says that the schema of the request tells that it is wrong.
	wrong bool
	// bodyIsWrong says that the answer's status does not say that it is.
	bodyIsWrong bool
	// cut says that the connection ends within the body.
	cut bool
	// events is how many events are read of an answer that is a stream, which
	// does not end by itself; 0 is one.
	events int
	// media is the content type of the answer, where it matters.
	media string
}

// driver makes exchanges and notes which answers of the document were seen.
type driver struct {
	d    *document
	seen map[string]bool // METHOD path STATUS
}

func (dr *driver) drive(t *testing.T, s *service, exchanges []exchange) {
	t.Helper()
	for _, e := range exchanges {
		t.Run(e.method+" "+e.template+" "+strconv.Itoa(e.status)+" "+e.name, func(t *testing.T) {
			op := dr.d.Paths[e.template][strings.ToLower(e.method)]
			require.NotNil(t, op, "is not documented")
			dr.requireRequest(t, e, op)
			s := &service{t: t, address: s.address}
			code, header, body := s.exchange(e)
			for e.status == http.StatusNotFound && code == http.StatusServiceUnavailable && t.Context().Err() == nil {
				// Kafka's answer that there is no such topic was too slow: safe to send again.
				code, header, body = s.exchange(e)
			}
			require.Equal(t, e.status, code, body)
			dr.requireAnswer(t, e, op, header, body)
			dr.seen[e.method+" "+e.template+" "+strconv.Itoa(code)] = true
		})
	}
}

// requireRequest holds a request against what is documented of it. A request
// that is refused for what no schema can say may be as documented.
func (dr *driver) requireRequest(t *testing.T, e exchange, op *operation) {
	t.Helper()
	valid := e.status < 300 && !e.bodyIsWrong
	if valid {
		requireParameters(t, e, op)
	}
	if op.RequestBody == nil {
		if valid {
			require.Empty(t, e.body)
		}
		return
	}
	if valid && e.body == "" {
		require.False(t, op.RequestBody.Required, "a body is needed")
		return
	}
	if !valid && !e.wrong || e.bodyIsWrong {
		return
	}
	schema := dr.d.bodySchema(t, e, op)
	if schema == nil {
		require.False(t, e.wrong, "no schema can tell")
		return
	}
	texts := parseAll(t, e.body)
	require.NotEmpty(t, texts)
	if !strings.HasSuffix(e.template, "/records") {
		require.Len(t, texts, 1)
	}
	for _, text := range texts {
		if e.wrong {
			require.Error(t, schema.Validate(text), "the schema takes it")
		} else {
			require.NoError(t, schema.Validate(text), e.body)
		}
	}
}

// requireParameters finds each parameter of the request in the document.
func requireParameters(t *testing.T, e exchange, op *operation) {
	t.Helper()
	documented := func(in, name string) bool {
		return slices.ContainsFunc(op.Parameters, func(p parameter) bool {
			family, all := strings.CutSuffix(p.Name, "*")
			return p.In == in && (p.Name == name || in == "header" &&
				(strings.EqualFold(p.Name, name) || all && len(name) > len(family) && strings.EqualFold(family, name[:len(family)])))
		})
	}
	u, err := url.Parse(e.path)
	require.NoError(t, err)
	for name := range u.Query() {
		require.True(t, documented("query", name), "query parameter %s is not documented", name)
	}
	for name := range e.headers {
		switch name {
		case "Content-Type", "Content-Encoding", "Accept", "Host", "X-Api-Key", "Cookie": // Every endpoint's.
		case "Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version": // Every WebSocket's.
		default:
			require.True(t, documented("header", name), "header %s is not documented", name)
		}
	}
}

// requireAnswer holds an answer against what is documented of it.
func (dr *driver) requireAnswer(t *testing.T, e exchange, op *operation, header http.Header, body string) {
	t.Helper()
	status := strconv.Itoa(e.status)
	require.Contains(t, op.Responses, status, "is not documented")
	documented := op.Responses[status]
	for name := range documented.Headers {
		require.NotEmpty(t, header.Values(name), "%s is documented and is not there", name)
	}
	media := mediaOf(t, header.Get("Content-Type"))
	if e.media != "" {
		require.Equal(t, e.media, media, body)
	}
	if e.status == http.StatusSwitchingProtocols {
		return // What is documented is what the client sends then.
	}
	if len(documented.Content) == 0 {
		require.Empty(t, media)
		require.Empty(t, body)
		return
	}
	require.Contains(t, documented.Content, media, "a content type that is not documented")
	switch {
	case media == eventStream:
		dr.requireEvents(t, e, body)
		return
	case strings.HasPrefix(media, "text/"), strings.HasPrefix(media, "image/"):
		require.NotEmpty(t, body)
		return
	}
	schema := dr.d.schema(t, "paths", e.template, strings.ToLower(e.method), "responses", status, "content", media, "schema")
	texts := parseAll(t, body)
	require.NotEmpty(t, texts, "no body")
	if media != "application/x-ndjson" && !strings.HasSuffix(e.template, "/records") {
		require.Len(t, texts, 1)
	}
	for _, text := range texts {
		require.NoError(t, schema.Validate(text), body)
	}
}

// requireAll fails for each answer of the document that no exchange has had,
// but for those that are named with the reason.
func (dr *driver) requireAll(t *testing.T, but map[string]string) {
	t.Helper()
	for path, item := range dr.d.Paths {
		for method, op := range item {
			for status := range op.Responses {
				answer := strings.ToUpper(method) + " " + path + " " + status
				_, excused := but[answer]
				require.NotEqual(t, excused, dr.seen[answer], "%s: driven, or named with a reason why not", answer)
			}
		}
	}
}

// parse reads one JSON text as the validator wants it.
func parse(t *testing.T, body string) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	require.NoError(t, err, body)
	return value
}

// parseAll reads JSON texts that follow each other.
func parseAll(t *testing.T, body string) []any {
	t.Helper()
	var all []any
	for dec := jsontext.NewDecoder(strings.NewReader(body)); ; {
		text, err := dec.ReadValue()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err, body)
		all = append(all, parse(t, string(text)))
	}
}
