package example_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// allowed is what an example may use of the module: what is public, and what the
// examples share.
func allowed(path string) bool {
	switch path {
	case "sluice", "sluice/consumer", "sluice/record":
		return true
	}
	return !strings.HasPrefix(path, "sluice/") || strings.HasPrefix(path, "sluice/examples/internal/")
}

// The examples are programs as anybody could write them.
func TestExamplesUseWhatIsPublic(t *testing.T) {
	looked := 0
	root := filepath.Join("..", "..")
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "exampletest":
			return fs.SkipDir // It is for tests.
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		looked++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			require.True(t, allowed(imported), "%s imports %s, which is not public", path, imported)
		}
		return nil
	}))
	require.Greater(t, looked, 10)
}

func TestAllowedImports(t *testing.T) {
	for path, want := range map[string]bool{
		"sluice": true, "sluice/consumer": true, "sluice/record": true, "sluice/examples/internal/example": true,
		"context": true, "github.com/coder/websocket": true, "sluicegate/internal/x": true,
		"sluice/internal/kafka": false, "sluice/test/harm": false, "sluice/consumer/consumertest": false, "sluice/examples/fleet": false,
	} {
		require.Equal(t, want, allowed(path), path)
	}
}
