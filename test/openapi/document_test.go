package openapi_test

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// document is the served schema.
type document struct {
	raw      any
	compiler *jsonschema.Compiler

	OpenAPI string
	Info    struct{ Title, Version string }
	Tags    []struct{ Name string }
	Paths   map[string]map[string]*operation

	Security   []map[string][]string
	Components struct {
		Schemas         map[string]any
		SecuritySchemes map[string]any
	}
}

type operation struct {
	OperationID string
	Tags        []string
	Parameters  []parameter
	RequestBody *struct {
		Required bool
		Content  map[string]any
	}
	Responses map[string]response
	Security  []map[string][]string
}

type parameter struct {
	Name, In string
	Required bool
	Schema   map[string]any
}

type response struct {
	Description string
	Content     map[string]any
	Headers     map[string]any
}

const documentURL = "http://service.example/openapi.json"

// read fetches the schema.
func (s *service) read() *document {
	s.t.Helper()
	code, header, text := s.do(http.MethodGet, "/openapi.json", "", nil)
	require.Equal(s.t, http.StatusOK, code)
	require.Equal(s.t, "application/openapi+json", header.Get("Content-Type"))
	d := &document{compiler: jsonschema.NewCompiler()}
	require.NoError(s.t, json.Unmarshal([]byte(text), d))
	var err error
	d.raw, err = jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(s.t, err)
	// OpenAPI 3.1, 4.8.24: without a dialect of its own a schema is one of
	// JSON Schema 2020-12.
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	require.NoError(s.t, d.compiler.AddResource(documentURL, d.raw))
	return d
}

// pointer is a JSON Pointer as the fragment of a URL.
func pointer(tokens ...string) string {
	escaped := strings.NewReplacer("~", "~0", "/", "~1", "%", "%25", "{", "%7B", "}", "%7D")
	for i, token := range tokens {
		tokens[i] = escaped.Replace(token)
	}
	return documentURL + "#/" + strings.Join(tokens, "/")
}

// schema compiles the schema at a place of the document.
func (d *document) schema(t *testing.T, tokens ...string) *jsonschema.Schema {
	t.Helper()
	schema, err := d.compiler.Compile(pointer(tokens...))
	require.NoError(t, err)
	return schema
}

// mediaOf is a content type without its parameters.
func mediaOf(t *testing.T, contentType string) string {
	t.Helper()
	if contentType == "" {
		return ""
	}
	media, _, err := mime.ParseMediaType(contentType)
	require.NoError(t, err, contentType)
	return media
}

// bodySchema is the schema of a request of the content type, under which it is
// documented; nil for one that is any bytes.
func (d *document) bodySchema(t *testing.T, e exchange, op *operation) *jsonschema.Schema {
	t.Helper()
	media := mediaOf(t, e.headers["Content-Type"])
	if media == "" {
		media = "application/json" // No content type counts as JSON where that is taken.
	}
	if _, ok := op.RequestBody.Content[media]; !ok {
		require.Contains(t, op.RequestBody.Content, "*/*", "%s %s takes %q", e.method, e.path, media)
		return nil
	}
	schema := d.schema(t, "paths", e.template, strings.ToLower(e.method), "requestBody", "content", media, "schema")
	if schema.ContentMediaType != nil || media == "application/x-ndjson" || media == "application/jsonl" {
		return nil // Bytes.
	}
	return schema
}
