package webhook_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/webhook"
)

// TestTheDocumentationHasTheCodeThatIsTested says that what a reader copies is
// what FuzzHeaders has decoded with.
func TestTheDocumentationHasTheCodeThatIsTested(t *testing.T) {
	code, err := os.ReadFile("decode_test.go")
	require.NoError(t, err)
	doc, err := os.ReadFile("../../docs/webhooks.md")
	require.NoError(t, err)
	functions := strings.Split(string(code), "\nfunc ")[1:]
	require.Len(t, functions, 2)
	for _, f := range functions {
		body, _, ok := strings.Cut(f, "\n}\n")
		require.True(t, ok)
		require.Contains(t, string(doc), "func "+body+"\n}\n")
	}
}

// TestTheDocumentationNamesEveryMetric keeps the table complete.
func TestTheDocumentationNamesEveryMetric(t *testing.T) {
	doc, err := os.ReadFile("../../docs/webhooks.md")
	require.NoError(t, err)
	h := newHook(t, webhook.Config{URL: "https://billing.example"})
	families, err := h.reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		require.Contains(t, string(doc), "`"+f.GetName())
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "outcome" {
					require.Contains(t, string(doc), "`"+l.GetValue()+"`")
				}
			}
		}
	}
}
