package httpserver_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/httpserver"
)

func TestSchemaOfSeveralWireFormats(t *testing.T) {
	type record struct {
		Value string `json:"value"`
	}
	type receipt struct {
		Offset int64 `json:"offset"`
	}
	_, url := newServer(t, nil, func(s *httpserver.Server) {
		s.Handle(http.MethodPost, "/topics/{topic}/partitions/{partition}", http.NotFoundHandler(), httpserver.Doc{
			ID: "write", Tag: "t",
			Path:   []httpserver.Param{{Name: "partition", Description: "Which.", Type: "integer", Pattern: "^[0-9]+$"}},
			Query:  []httpserver.Param{{Name: "tombstone", Type: "boolean"}, {Name: "key", Required: true}},
			Body:   record{},
			Bodies: map[string]any{"application/vnd.kafka.json.v2+json": record{}, "*/*": nil},
			Answers: map[int]httpserver.Answer{
				200: {Description: "ok", Body: receipt{}, Bodies: map[string]any{"application/vnd.kafka.v2+json": receipt{}, "application/x-ndjson": nil}},
				422: {Description: "wrong", Problem: true, Bodies: map[string]any{"application/vnd.kafka.v2+json": record{}}},
			},
		})
		s.Handle(http.MethodGet, "/files/{path...}", http.NotFoundHandler(), httpserver.Doc{ID: "files", Tag: "t"})
	})
	_, body := get(t, url+"/openapi.json")
	type content map[string]struct {
		Schema map[string]string
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name, In string
				Required bool
				Schema   struct{ Type, Pattern string }
			}
			RequestBody struct{ Content content }
			Responses   map[string]struct{ Content content }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &doc))
	op := doc.Paths["/topics/{topic}/partitions/{partition}"]["post"]
	require.Len(t, op.Parameters, 4)
	for i, want := range []struct {
		in, name, kind, pattern string
		required                bool
	}{
		{"path", "topic", "string", "", true},
		{"path", "partition", "integer", "^[0-9]+$", true},
		{"query", "tombstone", "boolean", "", false},
		{"query", "key", "string", "", true},
	} {
		p := op.Parameters[i]
		require.Equal(t, want.in, p.In)
		require.Equal(t, want.name, p.Name)
		require.Equal(t, want.kind, p.Schema.Type)
		require.Equal(t, want.pattern, p.Schema.Pattern)
		require.Equal(t, want.required, p.Required)
	}
	taken := op.RequestBody.Content
	require.Len(t, taken, 3)
	require.Equal(t, taken["application/json"].Schema, taken["application/vnd.kafka.json.v2+json"].Schema)
	require.Equal(t, "binary", taken["*/*"].Schema["format"])
	require.Len(t, op.Responses["200"].Content, 3)
	require.Equal(t, map[string]string{"type": "string"}, op.Responses["200"].Content["application/x-ndjson"].Schema)
	require.Contains(t, op.Responses["422"].Content, "application/problem+json")
	require.Contains(t, op.Responses["422"].Content, "application/vnd.kafka.v2+json")
	files := doc.Paths["/files/{path}"]["get"]
	require.Len(t, files.Parameters, 1)
	require.Equal(t, "path", files.Parameters[0].Name)
}
