package httpserver

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/access"

	"github.com/danielgtaylor/huma/v2"
	"github.com/swaggest/swgui"
	swagger "github.com/swaggest/swgui/v5emb"
)

const (
	jsonType    = "application/json"
	problemType = "application/problem+json"
)

// document adds an endpoint to the schema.
func (s *Server) document(method, path string, d Doc) {
	path, inPath := pathParams(path, d.Path)
	op := &huma.Operation{
		OperationID: d.ID, Method: method, Path: path,
		Summary: d.Summary, Description: d.Description, Tags: []string{d.Tag},
		Responses: map[string]*huma.Response{},
	}
	query := d.Query
	if d.Tickets && s.opts.Tickets != nil {
		query = append(slices.Clip(query), Param{Name: "ticket", Description: "A ticket, from POST /tickets, instead of a credential."})
	}
	for _, group := range []struct {
		in     string
		params []Param
	}{{"path", inPath}, {"query", query}, {"header", d.Headers}} {
		for _, p := range group.params {
			op.Parameters = append(op.Parameters, &huma.Param{
				Name: p.Name, In: group.in, Description: p.Description, Required: p.Required,
				Schema: &huma.Schema{Type: cmp.Or(p.Type, huma.TypeString), Enum: p.Enum, Pattern: p.Pattern},
			})
		}
	}
	if content := s.bodies(d); len(content) > 0 {
		// What takes any bytes takes none, too.
		op.RequestBody = &huma.RequestBody{Required: content["*/*"] == nil && !d.NoBody, Content: content}
	}
	for code, a := range d.Answers {
		op.Responses[strconv.Itoa(code)] = s.response(a)
	}
	s.documentAccess(op, d)
	s.documentGuard(op)
	s.openapi.AddOperation(op)
	// The docs show the groups in the order of this list.
	if !slices.ContainsFunc(s.openapi.Tags, func(t *huma.Tag) bool { return t.Name == d.Tag }) {
		s.openapi.Tags = append(s.openapi.Tags, &huma.Tag{Name: d.Tag})
	}
}

// pathParams finds the parameters of a path, {name} or {name...}, and returns
// the path as OpenAPI writes it.
func pathParams(path string, described []Param) (string, []Param) {
	var params []Param
	for rest := path; ; {
		_, after, found := strings.Cut(rest, "{")
		name, after, _ := strings.Cut(after, "}")
		if !found {
			return strings.ReplaceAll(path, "...}", "}"), params
		}
		rest = after
		p := Param{Name: strings.TrimSuffix(name, "...")}
		if i := slices.IndexFunc(described, func(d Param) bool { return d.Name == p.Name }); i >= 0 {
			p = described[i]
		}
		p.Required = true
		params = append(params, p)
	}
}

// bodies are the content types that an endpoint takes.
func (s *Server) bodies(d Doc) map[string]*huma.MediaType {
	content := map[string]*huma.MediaType{}
	for contentType, v := range d.Bodies {
		content[contentType] = &huma.MediaType{Schema: s.schemaOr(v, "binary")}
	}
	if d.Body != nil {
		content[jsonType] = &huma.MediaType{Schema: s.schema(d.Body), Example: d.BodyExample}
	}
	return content
}

func (s *Server) response(a Answer) *huma.Response {
	response := &huma.Response{Description: a.Description}
	add := func(contentType string, v any) {
		if response.Content == nil {
			response.Content = map[string]*huma.MediaType{}
		}
		response.Content[contentType] = &huma.MediaType{Schema: s.schemaOr(v, "")}
	}
	for contentType, v := range a.Bodies {
		add(contentType, v)
	}
	if a.Problem {
		add(problemType, Problem{})
	}
	if a.Body != nil {
		body := a.Body
		if other := a.Bodies[jsonType]; other != nil {
			body = OneOf{a.Body, other}
		}
		add(jsonType, body)
	}
	if a.ContentType != "" {
		add(a.ContentType, nil)
	}
	for name, description := range a.Headers {
		if response.Headers == nil {
			response.Headers = map[string]*huma.Param{}
		}
		response.Headers[name] = &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return response
}

// documentSecurity says in the schema what a client can authenticate with.
func (s *Server) documentSecurity() {
	s.openapi.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "An API key, or a token (JWT) of the configured issuer."},
		"basic":  {Type: "http", Scheme: "basic", Description: "An API key as the password; the user name is the principal's, or empty."},
		"apiKey": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "An API key."},
	}
	s.openapi.Security = []map[string][]string{{"bearer": {}}, {"basic": {}}, {"apiKey": {}}}
	if s.opts.Tickets == nil {
		return
	}
	s.openapi.Components.SecuritySchemes["session"] = &huma.SecurityScheme{
		Type: "apiKey", In: "cookie", Name: access.NoSession().Name, Description: "A session, from POST /session.",
	}
	s.openapi.Components.SecuritySchemes["ticket"] = &huma.SecurityScheme{
		Type: "apiKey", In: "query", Name: "ticket", Description: "A ticket, from POST /tickets.",
	}
	s.openapi.Security = append(s.openapi.Security, map[string][]string{"session": {}})
}

// documentAccess says of an endpoint that it needs no credential, or what it
// answers without a good one. An endpoint that refuses in its own words
// describes them itself.
func (s *Server) documentAccess(op *huma.Operation, d Doc) {
	tickets := d.Tickets && s.opts.Tickets != nil
	if tickets && s.opts.Auth != nil {
		op.Security = append(slices.Clip(s.openapi.Security), map[string][]string{"ticket": {}})
	}
	switch {
	case s.opts.Auth == nil && !tickets:
	case d.Open:
		op.Security = []map[string][]string{}
	case d.Refuse == nil:
		for code, a := range map[int]Answer{
			http.StatusUnauthorized: {
				Description: "The request has no credential, or one that is not known, or has ended.", Problem: true,
				Headers: map[string]string{"WWW-Authenticate": "What to authenticate with."},
			},
			http.StatusServiceUnavailable: {
				Description: "The credential cannot be checked now.", Problem: true,
				Headers: map[string]string{"Retry-After": "Seconds to wait."},
			},
		} {
			if status := strconv.Itoa(code); op.Responses[status] == nil {
				op.Responses[status] = s.response(a)
			}
		}
	}
}

// documentGuard says that what every request passes may refuse it, in its own
// words and not in the endpoint's.
func (s *Server) documentGuard(op *huma.Operation) {
	status := strconv.Itoa(http.StatusForbidden)
	if op.Responses[status] == nil {
		op.Responses[status] = &huma.Response{Description: "A page of another origin asked, or the listener is for this host only and the request is for another name."}
	}
	refusal := op.Responses[status]
	if refusal.Content == nil {
		refusal.Content = map[string]*huma.MediaType{}
	}
	if refusal.Content[problemType] == nil {
		refusal.Content[problemType] = &huma.MediaType{Schema: s.schema(Problem{})}
	}
}

// schemaOr returns the schema of a value, or that of a string of the format.
func (s *Server) schemaOr(v any, format string) *huma.Schema {
	if v == nil {
		return &huma.Schema{Type: huma.TypeString, Format: format}
	}
	return s.schema(v)
}

func (s *Server) schema(v any) *huma.Schema {
	if all, ok := v.(OneOf); ok {
		schema := &huma.Schema{}
		for _, one := range all.flat() {
			schema.OneOf = append(schema.OneOf, s.schema(one))
		}
		return schema
	}
	return s.openapi.Components.Schemas.Schema(reflect.TypeOf(v), true, "")
}

// OneOf is, as the body of a Doc or an Answer, a body of one of several types:
// values of them.
type OneOf []any

// flat returns the types of those inside it, too.
func (o OneOf) flat() []any {
	var all []any
	for _, v := range o {
		if inner, ok := v.(OneOf); ok {
			all = append(all, inner.flat()...)
		} else {
			all = append(all, v)
		}
	}
	return all
}

// No list is null here, unless a type says so of a member.
func init() { huma.DefaultArrayNullable = false }

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
