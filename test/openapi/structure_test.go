package openapi_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

// members are what an object of OpenAPI 3.1 may have; those with "!" it must
// have.
var members = map[string][]string{
	"document":    {"openapi!", "info!", "servers", "paths", "components", "security", "tags"},
	"info":        {"title!", "version!", "description", "summary", "license", "contact"},
	"tag":         {"name!", "description"},
	"components":  {"schemas", "securitySchemes"},
	"operation":   {"operationId!", "summary!", "description", "tags!", "parameters", "requestBody", "responses!", "security"},
	"parameter":   {"name!", "in!", "description", "required", "schema!"},
	"requestBody": {"content!", "required", "description"},
	"media":       {"schema!", "example"},
	"response":    {"description!", "headers", "content"},
	"header":      {"description", "schema!", "required"},
	"security":    {"type!", "description", "scheme", "name", "in", "bearerFormat"},
}

// requireObject checks the names of an object's members, and returns it.
func requireObject(t *testing.T, kind string, value any) map[string]any {
	t.Helper()
	object, ok := value.(map[string]any)
	require.True(t, ok, "%s is an object: %v", kind, value)
	for name := range object {
		known := slices.Contains(members[kind], name) || slices.Contains(members[kind], name+"!")
		require.True(t, known, "%s has no member %s", kind, name)
	}
	for _, name := range members[kind] {
		if required, ok := strings.CutSuffix(name, "!"); ok {
			require.NotEmpty(t, object[required], "%s needs %s: %v", kind, required, object)
		}
	}
	return object
}

func each(t *testing.T, value any, visit func(name string, member any)) {
	t.Helper()
	if value == nil {
		return
	}
	object, ok := value.(map[string]any)
	require.True(t, ok)
	for name, member := range object {
		visit(name, member)
	}
}

func list(value any) []any {
	all, _ := value.([]any)
	return all
}

// The document is one of OpenAPI 3.1: what it must have is there, nothing else
// is, what it refers to exists, and each schema is one.
func TestDocumentIsOpenAPI(t *testing.T) {
	_, keys := withKeys(t, access.Limits{})
	cluster := newCluster(t)
	for name, s := range map[string]*service{
		"open": start(t, cluster, nil), "with keys": start(t, cluster, keys),
		"service B, open": startB(t, cluster, nil), "service B with keys": startB(t, cluster, keys),
		"service B beside A, open": startBoth(t, cluster, nil),
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			d := s.read()
			requireStructure(t, d)
			if strings.HasSuffix(name, "open") {
				require.Empty(t, d.Components.SecuritySchemes)
				require.Empty(t, d.Security)
			} else {
				require.NotEmpty(t, d.Security)
			}
		})
	}
}

func requireStructure(t *testing.T, d *document) {
	root := requireObject(t, "document", d.raw)
	require.Regexp(t, `^3\.1\.\d+$`, d.OpenAPI)
	requireObject(t, "info", root["info"])
	for _, tag := range list(root["tags"]) {
		requireObject(t, "tag", tag)
	}
	components := requireObject(t, "components", root["components"])
	each(t, components["securitySchemes"], func(_ string, scheme any) { requireObject(t, "security", scheme) })
	name := regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	each(t, components["schemas"], func(schema string, _ any) {
		require.Regexp(t, name, schema)
		d.schema(t, "components", "schemas", schema)
	})
	requireReferences(t, d, d.raw)
	requireSecurity(t, d, d.Security)
	ids, shapes := map[string]bool{}, map[string]bool{}
	parameter := regexp.MustCompile(`\{[^}]*\}`)
	for path, item := range d.Paths {
		require.Regexp(t, `^/`, path)
		shape := parameter.ReplaceAllString(path, "{}")
		require.False(t, shapes[shape], "%s is the same path as another", path)
		shapes[shape] = true
		for method, op := range item {
			require.Contains(t, []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}, method)
			require.False(t, ids[op.OperationID], "operationId %s is not unique", op.OperationID)
			ids[op.OperationID] = true
			requireOperation(t, d, root["paths"].(map[string]any)[path].(map[string]any)[method], path, method)
			requireSecurity(t, d, op.Security)
			for _, tag := range op.Tags {
				require.True(t, slices.ContainsFunc(d.Tags, func(t struct{ Name string }) bool { return t.Name == tag }), tag)
			}
		}
	}
}

func requireOperation(t *testing.T, d *document, value any, path, method string) {
	t.Helper()
	at := func(tokens ...string) { d.schema(t, append([]string{"paths", path, method}, tokens...)...) }
	raw := requireObject(t, "operation", value)
	op := d.Paths[path][method]
	declared := map[string]bool{}
	for i, p := range list(raw["parameters"]) {
		requireObject(t, "parameter", p)
		p := op.Parameters[i]
		require.Contains(t, []string{"path", "query", "header", "cookie"}, p.In)
		require.False(t, declared[p.In+" "+p.Name], "%s is declared twice", p.Name)
		declared[p.In+" "+p.Name] = true
		if p.In == "path" {
			require.True(t, p.Required, p.Name)
			require.Contains(t, path, "{"+p.Name+"}")
		}
		if p.In == "header" {
			require.NotContains(t, []string{"accept", "content-type", "authorization"}, strings.ToLower(p.Name), "would be ignored")
			require.Regexp(t, "^[A-Za-z0-9*-]+$", p.Name, "a tool sends it as it is")
		}
	}
	for _, name := range regexp.MustCompile(`\{([^}]*)\}`).FindAllStringSubmatch(path, -1) {
		require.True(t, declared["path "+name[1]], "%s of %s is not declared", name[1], path)
	}
	if body := raw["requestBody"]; body != nil {
		require.NotEqual(t, "get", method)
		each(t, requireObject(t, "requestBody", body)["content"], func(media string, content any) {
			require.Regexp(t, `^[^/ ]+/[^/ ]+$`, media)
			if schema := requireObject(t, "media", content); schema["example"] != nil {
				require.NoError(t, d.schema(t, "paths", path, method, "requestBody", "content", media, "schema").Validate(schema["example"]), "the example of %s", path)
			}
			at("requestBody", "content", media, "schema")
		})
	}
	each(t, raw["responses"], func(status string, answer any) {
		require.Regexp(t, `^(101|[2-5]\d\d)$`, status) // 101 is the beginning of a WebSocket.
		answered := requireObject(t, "response", answer)
		each(t, answered["content"], func(media string, content any) {
			requireObject(t, "media", content)
			at("responses", status, "content", media, "schema")
		})
		each(t, answered["headers"], func(_ string, header any) { requireObject(t, "header", header) })
	})
}

// requireReferences resolves every $ref.
func requireReferences(t *testing.T, d *document, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		if ref, ok := value["$ref"].(string); ok {
			name, local := strings.CutPrefix(ref, "#/components/schemas/")
			require.True(t, local, ref)
			require.Contains(t, d.Components.Schemas, name)
		}
		for _, member := range value {
			requireReferences(t, d, member)
		}
	case []any:
		for _, element := range value {
			requireReferences(t, d, element)
		}
	}
}

func requireSecurity(t *testing.T, d *document, needed []map[string][]string) {
	t.Helper()
	for _, alternative := range needed {
		for scheme := range alternative {
			require.Contains(t, d.Components.SecuritySchemes, scheme)
		}
	}
}

// The operations that need no credential say so, and do not.
func TestOpenOperations(t *testing.T) {
	key, keys := withKeys(t, access.Limits{})
	cluster := newCluster(t)
	requireOpen(t, start(t, cluster, keys), key)
	requireOpen(t, startB(t, cluster, keys), key)
}

// openTo lists what needs no credential beside health and metrics, and how it
// is answered without parameters: the page, whose files hold no data, and the
// way out of a session that has ended.
var openTo = map[string]int{
	"GET /dashboard":               http.StatusOK,
	"GET /dashboard/assets/{file}": http.StatusNotFound,
	"GET /sluice.js":               http.StatusOK,
	"DELETE /session":              http.StatusNoContent,
}

func requireOpen(t *testing.T, s *service, key string) {
	t.Helper()
	d := s.read()
	for path, item := range d.Paths {
		for method, op := range item {
			method = strings.ToUpper(method)
			answered, open := openTo[method+" "+path]
			if strings.HasSuffix(path, "z") || path == "/metrics" {
				answered, open = http.StatusOK, true
			}
			if open {
				require.NotNil(t, op.Security, path)
				require.Empty(t, op.Security, path)
				require.NotContains(t, op.Responses, "401", path)
				for _, credential := range []map[string]string{nil, {"X-Api-Key": "wrong"}} {
					code, _, _ := s.do(method, path, "", credential)
					require.Equal(t, answered, code, path)
				}
				continue
			}
			requireClosed(t, d, op, path)
			for _, credential := range []map[string]string{nil, {"X-Api-Key": "wrong"}} {
				code, _, _ := s.do(method, path, "", credential)
				require.Equal(t, http.StatusUnauthorized, code, path)
			}
			code, _, _ := s.do(method, path, "", map[string]string{"Authorization": "Bearer " + key})
			require.NotEqual(t, http.StatusUnauthorized, code, path)
		}
	}
}

// requireClosed holds an operation that needs a credential against what it says
// of it: those of all operations do, and a ticket beside them where it takes
// the parameter.
func requireClosed(t *testing.T, d *document, op *operation, path string) {
	t.Helper()
	require.Contains(t, op.Responses, "401", path)
	require.Contains(t, op.Responses["401"].Headers, "WWW-Authenticate", path)
	takesTickets := slices.ContainsFunc(op.Parameters, func(p parameter) bool { return p.In == "query" && p.Name == "ticket" })
	if !takesTickets {
		require.Nil(t, op.Security, path)
		return
	}
	require.Equal(t, append(slices.Clone(d.Security), map[string][]string{"ticket": {}}), op.Security, path)
}
