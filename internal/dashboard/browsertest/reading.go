//go:build browser

package browsertest

import (
	_ "embed"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

//go:embed contrast.js
var contrast string

// LowContrast lists the texts that are seen now and whose contrast is below
// that of WCAG 2.2, 1.4.3 (AA), and the edges of inputs below that of 1.4.11.
func (p *Page) LowContrast() []string {
	p.t.Helper()
	return Eval[[]string](p, contrast)
}

// interactive are the roles of what a reader acts on: each needs a name.
var interactive = map[string]bool{
	"button": true, "link": true, "textbox": true, "combobox": true, "checkbox": true, "searchbox": true, "spinbutton": true, "DateTime": true,
	"dialog": true, "img": true, "image": true, "region": true, "navigation": true, "table": true,
}

// Nameless lists what has no name for a screen reader and needs one.
func (p *Page) Nameless() []string {
	p.t.Helper()
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	require.NoError(p.t, err)
	var nameless []string
	for _, n := range tree.Nodes {
		role := axText(n.Role)
		if !n.Ignored && interactive[role] && strings.TrimSpace(axText(n.Name)) == "" {
			nameless = append(nameless, role+" "+string(n.NodeID))
		}
	}
	return nameless
}

// Names lists what a screen reader finds of a role.
func (p *Page) Names(role string) []string {
	p.t.Helper()
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	require.NoError(p.t, err)
	var names []string
	for _, n := range tree.Nodes {
		if !n.Ignored && axText(n.Role) == role {
			names = append(names, axText(n.Name))
		}
	}
	return names
}

// axText is a value of the accessibility tree without its quotes.
func axText(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	return strings.Trim(string(v.Value), `"`)
}
