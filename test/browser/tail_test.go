//go:build browser

package browser_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/dashboard/browsertest"
)

// watch opens the page at a topic, and waits until records that are written from
// now on appear.
func watch(t *testing.T, s *services, topic string) *browsertest.Page {
	t.Helper()
	p := browsertest.Open(t, "http://"+s.b+"/#/now?topic="+topic)
	p.WaitText(".tail .status", "live")
	return p
}

// values are those that the tail shows, the oldest first.
func values(p *browsertest.Page) []string {
	return browsertest.Eval[[]string](p, "[...document.querySelectorAll('.tail tbody tr')].reverse().map((row) => row.children[3].innerText)")
}

// complaints are those of the browser. That an answer is an error is not one:
// there is a status for a missing credential, and for a group that has no dead
// letters.
func complaints(p *browsertest.Page) []string {
	return slices.DeleteFunc(p.Complaints(), func(c string) bool { return strings.HasPrefix(c, "Failed to load resource: ") })
}

// orders writes orders of one key, so that they come in this order.
func orders(s *services, totals ...int) (want []string) {
	s.t.Helper()
	for _, total := range totals {
		value := fmt.Sprintf(`{"total": %d}`, total)
		s.write("orders?key=c-1", value, "Content-Type", "application/json")
		want = append(want, value)
	}
	return want
}

func TestTheTail(t *testing.T) {
	s := startServices(t, "")
	orders(s, 1) // The topic is made; the page does not show what was before it.
	p := watch(t, s, "orders")
	want := orders(s, 11, 12, 13)
	p.WaitText(".tail .status", "3 records")
	p.WaitText(".tail tbody", want[2])
	require.Equal(t, want, values(p))

	p.Key("p")
	p.WaitText(".tail .foot", "Paused. 0 more since.")
	more := orders(s, 21, 22, 23, 24, 25)
	p.WaitText(".tail .foot", "Paused. 5 more since.")
	require.Equal(t, want, values(p), "the rows are held")
	p.Press("Resume")
	p.WaitText(".tail tbody", more[4])
	require.Equal(t, append(want, more...), values(p))
	p.WaitText(".tail .status", "8 records")
	p.WaitText(".tail .foot", "All that came is shown.")

	p.Type(".filter", "value.total > 100\r")
	p.WaitText(".tail .status", "live")
	all := orders(s, 50, 150, 100, 500)
	p.WaitText(".tail tbody", all[3]) // It is the last one.
	require.Equal(t, []string{all[1], all[3]}, values(p))
	p.WaitText(".tail .status", "2 records")

	require.Empty(t, complaints(p))
	p.Type(".filter", "value.total >\r")
	p.WaitText(".tail [role=alert]", "filter: line 1, column 14")
	p.WaitText(".tail .status", "ended")
	require.Equal(t, "true", browsertest.Eval[string](p, "document.querySelector('.filter').ariaInvalid"))
	p.Type(".filter", "\r")
	p.WaitText(".tail .status", "live")
	require.False(t, browsertest.Eval[bool](p, "document.querySelector('.tail [role=alert]').checkVisibility()"))
	last := orders(s, 1)
	p.WaitText(".tail .status", "1 record")
	p.WaitText(".tail tbody", last[0])
	require.Equal(t, last, values(p))
}

// TestHostileRecords writes what attacks a page, through service A. The page
// shows all of it as text, and makes nothing of it.
func TestHostileRecords(t *testing.T) {
	const script, image = `<script>alert(1)</script>`, `<img src=x onerror=alert(2)>`
	s := startServices(t, "")
	s.write("hostile", "the first")
	p := watch(t, s, "hostile")
	p.Run(`window.attacks = [];
		for (const name of ["alert", "confirm", "prompt"]) window[name] = (text) => attacks.push(name + text);
		addEventListener("securitypolicyviolation", (e) => attacks.push(e.violatedDirective))`)
	for n, c := range []struct {
		name, key, value string
		row, whole       string // what the row says, and the value in the dialog
	}{
		{"a script", image, script, script, script},
		{"a script in JSON", "k", `{"` + image + `":"</script>` + script + `"}`, `"</script>` + script, `"` + image + `": "</script>` + script + "\"\n}"},
		{"controls", "\x1b[31m", "bell\x07 esc\x1b[2J nul\x00 turn\u202e next\n\x7f", `bell\x07 esc\x1b[2J nul\x00 turn\xe2\x80\xae next\x0a\x7f`, `next\x0a\x7f`},
		{"not UTF-8", "\xff<i>", "\xff" + script + "\xc3(", `\xff` + script + `\xc3(`, `\xff` + script + `\xc3(`},
		{"a line of half a megabyte", "big", strings.Repeat(script, 500_000/len(script)) + "END", "500 KB in all", script + "END"},
	} {
		t.Log(c.name) // The page is the same for all, and ends the whole test where it waits in vain.
		s.write("hostile", c.value, "Content-Type", "application/octet-stream",
			"Kafka-Key-Base64", base64.StdEncoding.EncodeToString([]byte(c.key)), "Kafka-Header-Note", url.PathEscape(script))
		p.WaitText(".tail .status", fmt.Sprintf("%d record", n+1))
		p.WaitText(".tail tbody tr", c.row)
		require.Less(t, len(p.Text(".tail tbody tr")), 5_000, "the rest is a click away")
		p.Click(".tail tbody tr .value")
		p.Wait("document.querySelector('dialog[open] pre')?.textContent.includes(" + strconv.Quote(c.whole) + ")")
		require.Contains(t, p.Text("dialog"), script, "the header")
		require.Empty(t, browsertest.Eval[[]string](p, `[...document.querySelectorAll(".tail tbody *, dialog, dialog *")].map((e) => e.localName).filter((name) =>
			!["tr", "td", "div", "button", "span", "dialog", "h2", "dl", "dt", "dd", "pre"].includes(name))`), "no element is made of a record")
		p.Press("Close")
		p.Wait("!document.querySelector('dialog')")
	}
	require.Empty(t, browsertest.Eval[[]string](p, "attacks"))
	require.Empty(t, complaints(p))
}
