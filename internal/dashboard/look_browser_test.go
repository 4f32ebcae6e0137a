//go:build browser

package dashboard_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/dashboard/browsertest"
)

// views are the addresses, and a text that says that one has its data.
var views = []struct{ name, css, text string }{
	{"now", ".tail", "A-77039"},
	{"topics", "main", "payments"},
	{"groups", "main", "sluice-b-91d0"},
	{"dead-letters", "main", "unknown currency"},
	{"watchers", "main", "shop-wall"},
	{"write", "main", "Headers"},
}

// TestLooks goes through every view, on a desk and on a phone, in light and in
// dark: nothing complains, nothing is too pale, all that is acted on has a name,
// and the page never scrolls sideways.
func TestLooks(t *testing.T) {
	f := newFake(t, nil)
	p := browsertest.Open(t, f.url+"/")
	f.openStreams(1)
	for _, c := range []struct {
		name, scheme  string
		width, height int64
	}{{"light", "light", 1360, 1000}, {"dark", "dark", 1360, 1000}, {"phone", "light", 360, 760}, {"phone-dark", "dark", 360, 760}} {
		p.Size(c.width, c.height)
		p.Scheme(c.scheme)
		for _, v := range views {
			t.Run(c.name+" "+v.name, func(t *testing.T) {
				p.Run("location.hash = '#/" + v.name + "'")
				if v.name == "now" {
					f.openStreams(1)
					p.WaitText(".tail .status", "live")
					for n := range 40 {
						if n == 36 {
							f.event("gap", `{"topic":"orders","partition":1,"from":55000,"to":55913,"reason":"expired"}`)
						}
						f.order(n)
					}
					f.say(`{"topic":"orders","partition":3,"offset":201004,"timestamp":` + now() + `,"key":"cust-4471","headers":[],"value":"<script>alert(1)</script>\u001b[31m"}`)
					p.WaitText(".tail", "<script>")
					p.Wait("document.querySelectorAll('.spark .line[d]').length >= 3")
				}
				p.WaitText(v.css, v.text)
				p.Screenshot(c.name + "-" + v.name)
				if v.name == "now" {
					p.Run("document.querySelector('.tail').scrollIntoView()")
					p.Screenshot(c.name + "-now-below")
				}
				require.Empty(t, p.LowContrast())
				require.Empty(t, p.Nameless())
				require.LessOrEqual(t, browsertest.Eval[int](p, "document.documentElement.scrollWidth"), int(c.width))
			})
		}
	}
	require.Empty(t, p.Complaints())
}

// TestNamesForAScreenReader says what the landmarks and the parts of a view are
// called.
func TestNamesForAScreenReader(t *testing.T) {
	f := newFake(t, nil)
	p := browsertest.Open(t, f.url+"/")
	p.WaitText(".tail .status", "live")
	require.Contains(t, p.Names("navigation"), "Views")
	require.Len(t, p.Names("main"), 1)
	require.Len(t, p.Names("banner"), 1)
	require.Subset(t, p.Names("region"), []string{"Live records", "Records, the newest first", "Lag by partition"})
	require.Contains(t, p.Names("combobox"), "Topic")
	require.Contains(t, p.Names("textbox"), "Filter, an expression in CEL")
	require.Contains(t, p.Names("heading"), "Now")
	require.Equal(t, "polite", browsertest.Eval[string](p, "document.querySelector('[role=status]').ariaLive"))
	f.event("gap", `{"topic":"orders","partition":1,"from":55000,"to":55913,"reason":"expired"}`)
	p.Wait("document.getElementById('announcements').textContent.includes('gap in partition 1, offsets 55000–55912')")
	require.Contains(t, fmt.Sprint(p.Names("image")), "214 running, 731 queued, 12 retrying")
}
