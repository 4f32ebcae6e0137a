//go:build browser

package dashboard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/dashboard/browsertest"
)

// opened opens the page and waits for its stream.
func opened(t *testing.T, f *fake) *browsertest.Page {
	t.Helper()
	p := browsertest.Open(t, f.url+"/")
	p.WaitText(".tail .status", "live")
	return p
}

// offsets are those that the tail shows, the oldest first.
func offsets(p *browsertest.Page) []string {
	return browsertest.Eval[[]string](p, "[...document.querySelectorAll('.tail tbody tr')].reverse().map((row) => row.children[1].innerText)")
}

func TestRecordsAppearAndThePauseHoldsThem(t *testing.T) {
	f := newFake(t, nil)
	p := opened(t, f)
	for n := range 8 {
		f.order(n)
	}
	p.WaitText(".tail .status", "8 records")
	p.WaitText(".tail tbody", "A-77007")
	require.Equal(t, []string{"0 · 184000", "1 · 184000", "2 · 184000", "3 · 184000", "0 · 184001", "1 · 184001", "2 · 184001", "3 · 184001"}, offsets(p))

	p.Key("p")
	p.WaitText(".tail .foot", "Paused. 0 more since.")
	require.Equal(t, "true", browsertest.Eval[string](p, "document.querySelector('.tail button.main').ariaPressed"))
	for n := 8; n < 12; n++ {
		f.order(n)
	}
	p.WaitText(".tail .foot", "Paused. 4 more since.")
	require.NotContains(t, p.Text(".tail tbody"), "A-77008")
	p.Press("Resume")
	p.WaitText(".tail tbody", "A-77011")
	require.Len(t, offsets(p), 12)
	p.WaitText(".tail .foot", "All that came is shown.")
	require.Empty(t, p.Complaints())
}

func TestFilters(t *testing.T) {
	f := newFake(t, nil)
	p := opened(t, f)
	f.order(1)
	p.WaitText(".tail tbody", "A-77001")
	p.Key("/")
	p.Wait("document.activeElement.matches('.filter')")
	p.Type(".filter", "A-7700\r")
	p.WaitText(".tail .foot", "Nothing has come yet.")
	f.order(500)
	f.order(2)
	p.WaitText(".tail tbody", "A-77002")
	require.Len(t, offsets(p), 1)

	p.Type(".filter", "(\r")
	p.WaitText(".tail [role=alert]", "column 2: the expression ends too early")
	require.Equal(t, "true", browsertest.Eval[string](p, "document.querySelector('.filter').ariaInvalid"))
	p.WaitText(".tail .status", "ended")
	p.Type(".filter", "\r")
	p.WaitText(".tail .status", "live")
	require.False(t, browsertest.Eval[bool](p, "document.querySelector('.tail [role=alert]').checkVisibility()"))
}

func TestAJumpBackReadsWhatWas(t *testing.T) {
	f := newFake(t, nil)
	for n := range 3 {
		f.order(n)
	}
	p := opened(t, f)
	require.Empty(t, offsets(p))
	p.Run(`const from = document.querySelector("select[aria-label=Begin]"); from.value = "earliest"; from.dispatchEvent(new Event("change"))`)
	p.WaitText(".tail .status", "3 records")
	require.Len(t, offsets(p), 3)
	p.Run(`const from = document.querySelector("select[aria-label=Begin]"); from.value = "at"; from.dispatchEvent(new Event("change"));
		const at = document.querySelector("input[type=datetime-local]"); at.value = "2026-11-23T08:00:00"; at.dispatchEvent(new Event("change"))`)
	p.WaitText(".tail .status", "3 records")
}

func TestTheStreamSurvivesARestartWithNoneMissing(t *testing.T) {
	f := newFake(t, nil)
	p := opened(t, f)
	for n := range 100 {
		f.order(n)
		if n%20 == 19 {
			p.Wait(fmt.Sprintf("Number(document.querySelector('.tail .status').innerText.match(/(\\d+) record/)[1]) > %d", n-10))
			f.cutAll()
		}
	}
	p.WaitText(".tail .status", "100 records")
	p.WaitText(".tail .status", "live")
	p.WaitText(".tail tbody", "A-77099")
	var want []string
	for n := range 100 {
		want = append(want, fmt.Sprintf("%d · %d", n%4, 184000+n/4))
	}
	require.Equal(t, want, offsets(p))
}

func TestHostileRecordsAreText(t *testing.T) {
	f := newFake(t, nil)
	p := opened(t, f)
	record := func(offset int, key, value, more string) {
		f.say(fmt.Sprintf(`{"topic":"orders","partition":0,"offset":%d,"timestamp":%s,"key":%s,"headers":[{"key":"<i>h</i>","value":"<b>v</b>"}],"value":%s%s}`, offset, now(), key, value, more))
	}
	attack := `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`
	record(1, quoted(attack), quoted(attack), "")
	record(2, `null`, quoted("bell\x07 esc\x1b[2J tab\t next\n c1\u0085 turn\u202e back \\x07"), "")
	record(3, `"/w=="`, `"//5hwyjwn5iA7aCA"`, `,"encoding":"base64","key_encoding":"base64"`)
	record(4, `"big"`, quoted(strings.Repeat("line of half a megabyte ", 500_000/24)+"END"), "")
	record(5, `""`, `null`, "")
	p.WaitText(".tail .status", "5 records")
	p.WaitText(".tail tbody", "null (tombstone)")
	text := p.Text(".tail tbody")
	require.Contains(t, text, attack)
	require.Contains(t, text, `bell\x07 esc\x1b[2J tab\x09 next\x0a c1\xc2\x85 turn\xe2\x80\xae back \x07`)
	require.Equal(t, 6, browsertest.Eval[int](p, "document.querySelectorAll('.tail tbody tr:nth-child(4) .value .hidden-char').length"), "and what only looks so is not marked")
	require.Contains(t, text, `not UTF-8, 12 B \xff\xfea\xc3(😀\xed\xa0\x80`)
	require.Contains(t, text, "500 KB in all")
	require.Less(t, len(text), 10_000)
	require.Zero(t, browsertest.Eval[int](p, "document.querySelectorAll('.tail tbody :is(img, script, i, b)').length"))

	p.Click(".tail tbody tr:nth-child(2) .value")
	p.Wait("document.querySelector('dialog[open] pre')?.textContent.endsWith('END')")
	require.Equal(t, 499_995, browsertest.Eval[int](p, "document.querySelector('dialog pre').textContent.length"))
	require.Contains(t, p.Text("dialog"), "<b>v</b>")
	p.Press("Close")
	p.Wait("!document.querySelector('dialog')")
	require.False(t, browsertest.Eval[bool](p, "'hacked' in window"))
	require.Empty(t, p.Complaints())
}

func TestARecordIsShownWholeByKeyboard(t *testing.T) {
	f := newFake(t, nil)
	p := opened(t, f)
	f.say(`{"topic":"orders","partition":0,"offset":7,"timestamp":` + now() + `,"key":"k","headers":[],"value":"{\"id\": 12345678901234567890, \"list\": [1, {}], \"text\": \"a: {b}, \\\"c\\\"\"}"}`)
	p.WaitText(".tail tbody", "12345678901234567890")
	p.Run("document.querySelector('.tail tbody button').focus()")
	p.Key("\r")
	p.WaitText("dialog pre", "12345678901234567890")
	//nolint:testifylint // JSONEq would not see the lines, nor a digit that is lost.
	require.Equal(t, "{\n  \"id\": 12345678901234567890,\n  \"list\": [\n    1,\n    {}\n  ],\n  \"text\": \"a: {b}, \\\"c\\\"\"\n}", p.Text("dialog pre"), "every digit is there")
	p.Press("Indent")
	p.WaitText("dialog pre", `{"id": 12345678901234567890, "list"`)
	p.Key("\x1b")
	p.Wait("!document.querySelector('dialog')")
}

// TestAThousandRecordsASecond counts everything, draws a part, and leaves the
// page alive: its longest pause is far below what a reader takes for frozen.
func TestAThousandRecordsASecond(t *testing.T) {
	f := newFake(t, nil)
	p := opened(t, f)
	p.Run(`window.longest = 0; window.draws = 0;
		let last = performance.now();
		(function frame() { const at = performance.now(); window.longest = Math.max(window.longest, at - last); last = at; requestAnimationFrame(frame); })();
		new MutationObserver(() => window.draws++).observe(document.querySelector(".tail tbody"), { childList: true })`)
	const seconds, each = 5, 50
	for n := range seconds * 1000 / each {
		f.mu.Lock()
		begin := len(f.frames)
		f.mu.Unlock()
		for i := range each {
			f.order(begin + i)
		}
		// The pace is the browser's own clock.
		p.Run(fmt.Sprintf("window.began ??= performance.now(); const wait = window.began + %d - performance.now(); if (wait > 0) await new Promise((done) => setTimeout(done, wait))", (n+1)*each))
	}
	p.WaitText(".tail .status", "5,000 records")
	p.WaitText(".tail tbody", "A-81999")
	took := browsertest.Eval[float64](p, "performance.now() - window.began")
	draws, longest := browsertest.Eval[float64](p, "window.draws"), browsertest.Eval[float64](p, "window.longest")
	t.Logf("5,000 records in %.0f ms, %.0f draws, longest frame %.0f ms", took, draws, longest)
	require.LessOrEqual(t, draws, took/100+2)
	require.Equal(t, 120, browsertest.Eval[int](p, "document.querySelectorAll('.tail tbody tr').length"))
	p.WaitText(".tail .foot", "The last 120. 4,880 more were counted before them.")
	require.Less(t, longest, 2000.0, "the page has stood still")
}
