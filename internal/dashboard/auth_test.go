package dashboard_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

// grants are three principals: reader may read orders, writer may write there
// and read everything, operator may everything.
var grants = access.Grants{
	{Name: "reader", Topics: []string{"orders"}, Rights: []string{"read"}},
	{Name: "writer", Topics: []string{"orders"}, Rights: []string{"read", "write"}},
	{Name: "operator", Topics: []string{"*"}, Rights: []string{"read", "write", "operate"}},
}

// authenticator makes one, and the key of each principal.
func authenticator(t *testing.T) (*access.Authenticator, map[string]string) {
	t.Helper()
	keys, file := map[string]string{}, ""
	for _, g := range grants {
		key, line, err := access.NewKey(g.Name, time.Now())
		require.NoError(t, err)
		keys[g.Name] = key
		file += line + "\n"
	}
	auth, err := access.New(access.Config{KeysFile: writeFile(t, file), Principals: grants}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return auth, keys
}
