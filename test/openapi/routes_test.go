package openapi_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// undocumented are the only patterns that the servers register beside
// Server.Handle, which documents: the docs themselves, and what is left.
var undocumented = []string{"GET /docs", "GET /docs/", "GET /openapi.json", "GET /openapi.yaml", "GET /redoc", "/"}

// Nothing is registered past the schema: all code that is served goes through
// Server.Handle.
func TestEveryRouteIsDocumented(t *testing.T) {
	var patterns []string
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"bench", "cmd", "examples", "test"}, entry.Name()):
			return fs.SkipDir // Programs of their own.
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok {
				if pattern, ok := registered(call); ok {
					patterns = append(patterns, pattern)
				}
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
	slices.Sort(patterns)
	expected := slices.Sorted(slices.Values(append([]string{"by Server.Handle"}, undocumented...)))
	require.Equal(t, expected, patterns)
}

// registered returns the pattern of a call that adds a handler to a mux: of
// (*http.ServeMux).Handle or HandleFunc, or of those of package http. Server's
// Handle has more arguments.
func registered(call *ast.CallExpr) (string, bool) {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) != 2 || selector.Sel.Name != "Handle" && selector.Sel.Name != "HandleFunc" {
		return "", false
	}
	switch pattern := call.Args[0].(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(pattern.Value)
		return text, err == nil
	case *ast.Ident:
		// Others of the name: (*sluice.Program).Handle, slog.Handler.
		return "by Server.Handle", pattern.Name != "cfg" && pattern.Name != "ctx"
	case *ast.SelectorExpr:
		return "an expression", pattern.Sel.Name != "Config"
	}
	return "an expression", true
}

// A path takes the methods that are documented, and says so of the others.
func TestOtherMethodsAreNotAllowed(t *testing.T) {
	requireMethods(t, start(t, newCluster(t), nil),
		"/", "/nowhere", "/topics/events/nothing", "/v3", "/v3/clusters/c1/topics/events/records:all")
}

// requireMethods tries every method on every path of the document, and paths
// that do not exist.
func requireMethods(t *testing.T, s *service, nowhere ...string) {
	t.Helper()
	d := s.read()
	problem := d.schema(t, "components", "schemas", "Problem")
	for template, item := range d.Paths {
		var allowed []string
		for method := range item {
			allowed = append(allowed, strings.ToUpper(method))
			if method == "get" {
				allowed = append(allowed, http.MethodHead)
			}
		}
		slices.Sort(allowed)
		path := strings.NewReplacer("{topic}", "events", "{partition}", "0", "{cluster}", "c1", "{id}", "c1", "{group}", "g").Replace(template)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
			if slices.Contains(allowed, method) {
				continue
			}
			code, header, body := s.do(method, path, "", nil)
			require.Equal(t, http.StatusMethodNotAllowed, code, "%s %s", method, path)
			require.Equal(t, strings.Join(allowed, ", "), header.Get("Allow"), path)
			require.Equal(t, "application/problem+json", header.Get("Content-Type"))
			if method != http.MethodHead {
				require.NoError(t, problem.Validate(parse(t, body)))
			}
		}
	}
	for _, path := range nowhere {
		code, _, body := s.do(http.MethodPost, path, "", nil)
		require.Equal(t, http.StatusNotFound, code, path)
		require.NoError(t, problem.Validate(parse(t, body)))
	}
}
