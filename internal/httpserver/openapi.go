package httpserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/swaggest/swgui"
	swagger "github.com/swaggest/swgui/v5emb"
)

// Doc describes an endpoint in the OpenAPI schema.
type Doc struct {
	ID, Summary, Description, Tag string
	Query, Headers                []Param
	// Body is a value of the type that the request's JSON body has; nil for
	// an endpoint without a body.
	Body any
	// BodyExample is shown in the interactive docs.
	BodyExample any
	Answers     map[int]Answer
}

// Param is a query parameter or a request header: an optional string, unless
// Enum lists its values.
type Param struct {
	Name, Description string
	Enum              []any
}

// Answer describes what an endpoint answers with one status: JSON of the type
// of Body, a Problem, or a ContentType without a schema.
type Answer struct {
	Description string
	Body        any
	Problem     bool
	ContentType string
	Headers     map[string]string // name → description
}

// document adds an endpoint to the schema.
func (s *Server) document(method, path string, d Doc) {
	op := &huma.Operation{
		OperationID: d.ID, Method: method, Path: path,
		Summary: d.Summary, Description: d.Description, Tags: []string{d.Tag},
		Responses: map[string]*huma.Response{},
	}
	for in, params := range map[string][]Param{"query": d.Query, "header": d.Headers} {
		for _, p := range params {
			op.Parameters = append(op.Parameters, &huma.Param{
				Name: p.Name, In: in, Description: p.Description,
				Schema: &huma.Schema{Type: huma.TypeString, Enum: p.Enum},
			})
		}
	}
	if d.Body != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: s.schema(d.Body), Example: d.BodyExample},
		}}
	}
	for code, a := range d.Answers {
		response := &huma.Response{Description: a.Description}
		switch {
		case a.Problem:
			response.Content = map[string]*huma.MediaType{"application/problem+json": {Schema: s.schema(Problem{})}}
		case a.Body != nil:
			response.Content = map[string]*huma.MediaType{"application/json": {Schema: s.schema(a.Body)}}
		case a.ContentType != "":
			response.Content = map[string]*huma.MediaType{a.ContentType: {Schema: &huma.Schema{Type: huma.TypeString}}}
		}
		for name, description := range a.Headers {
			if response.Headers == nil {
				response.Headers = map[string]*huma.Param{}
			}
			response.Headers[name] = &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
		}
		op.Responses[strconv.Itoa(code)] = response
	}
	s.openapi.AddOperation(op)
	// The docs show the groups in the order of this list.
	if !slices.ContainsFunc(s.openapi.Tags, func(t *huma.Tag) bool { return t.Name == d.Tag }) {
		s.openapi.Tags = append(s.openapi.Tags, &huma.Tag{Name: d.Tag})
	}
}

func (s *Server) schema(v any) *huma.Schema {
	return s.openapi.Components.Schemas.Schema(reflect.TypeOf(v), true, "")
}

// newOpenAPI starts an OpenAPI 3.1 document.
func newOpenAPI(title, version, description string) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI:    "3.1.0",
		Info:       &huma.Info{Title: title, Version: version, Description: description},
		Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)},
	}
}

// docsPolicy lets the docs page run what it is made of, and load nothing from
// anywhere else.
const docsPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'"

// serveDocs adds the schema and the interactive docs, which come with the
// binary. It is called after every other endpoint was registered.
func (s *Server) serveDocs() error {
	asJSON, err := json.Marshal(s.openapi)
	if err != nil {
		return fmt.Errorf("openapi: %w", err)
	}
	asYAML, err := s.openapi.YAML()
	if err != nil {
		return fmt.Errorf("openapi: %w", err)
	}
	serve := func(contentType string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(body) // A client that has gone is told nothing.
		}
	}
	s.mux.Handle("GET /openapi.json", serve("application/openapi+json", asJSON))
	s.mux.Handle("GET /openapi.yaml", serve("application/openapi+yaml", asYAML))

	page := swagger.NewHandlerWithConfig(swgui.Config{
		Title:       s.openapi.Info.Title,
		SwaggerJSON: "/openapi.json",
		BasePath:    "/docs",
		SettingsUI:  map[string]string{"validatorUrl": "null", "tryItOutEnabled": "true"},
	})
	docs := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", docsPolicy)
		page.ServeHTTP(w, r)
	})
	s.mux.Handle("GET /docs", docs)
	s.mux.Handle("GET /docs/", docs)
	s.mux.Handle("GET /redoc", http.RedirectHandler("/docs", http.StatusTemporaryRedirect))
	return nil
}
