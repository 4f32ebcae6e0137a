//go:build browser

package browsertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Patience is how long Wait waits: on a machine that is busy with other tests
// a browser takes its time.
const Patience = 30 * time.Second

// Page is a page in a browser of its own, without cookies and storage, which
// ends with the test.
type Page struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// Open starts a browser and opens the address.
func Open(t *testing.T, url string) *Page {
	t.Helper()
	path, err := exec.LookPath("chromium")
	require.NoError(t, err, "the tests in a browser need Debian's chromium")
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.WindowSize(1360, 1000),
		// The file system is not the page's to see, and a container's root
		// has no sandbox.
		chromedp.NoSandbox, chromedp.Flag("disable-gpu", true),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(allocator)
	p := &Page{t: t, ctx: ctx}
	var listener sync.WaitGroup
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // It is closed, whatever it says.
		cancel()
		stop()
		listener.Wait()
	})
	require.NoError(t, chromedp.Do(ctx), "start the browser")
	messages := chromedp.Console(ctx)
	listener.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == "error" || m.Type == chromedp.ConsoleException || m.Type == "warning" {
				p.mu.Lock()
				p.complaints = append(p.complaints, m.Text)
				p.mu.Unlock()
			}
		}
	})
	p.Go(url)
	return p
}

// Go opens another address.
func (p *Page) Go(url string) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx, chromedp.Navigate(url)))
}

// Eval returns the value of an expression, or of the promise that it is.
func Eval[T any](p *Page, js string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err, js)
	return v
}

// Run runs statements and waits for their promise.
func (p *Page) Run(js string) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Evaluate[chromedp.Void]("(async () => {"+js+"})()", chromedp.EvalAwaitPromise))
	require.NoError(p.t, err, js)
}

// Wait waits until an expression is true. Where that is in vain, it tells what
// is seen and what the browser has complained of.
func (p *Page) Wait(js string) {
	p.t.Helper()
	for end := time.Now().Add(Patience); time.Now().Before(end); {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+js+")"))
		if err == nil && ok {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-p.ctx.Done():
			p.t.Fatal("the browser has ended: ", context.Cause(p.ctx))
		}
	}
	p.t.Fatalf("waited in vain for %s\ncomplaints: %q\nseen:\n%s", js, p.Complaints(), p.Text("body"))
}

// WaitText waits until an element's text has a part.
func (p *Page) WaitText(css, part string) {
	p.t.Helper()
	p.Wait("(document.querySelector(" + quote(css) + ")?.innerText ?? '').includes(" + quote(part) + ")")
}

// Text returns the text of an element, as it is seen.
func (p *Page) Text(css string) string {
	p.t.Helper()
	return Eval[string](p, "document.querySelector("+quote(css)+").innerText")
}

// Click clicks on the first element of a selector, once it can be seen.
func (p *Page) Click(css string) {
	p.t.Helper()
	p.Wait("document.querySelector(" + quote(css) + ")?.checkVisibility()")
	require.NoError(p.t, chromedp.Do(p.ctx, chromedp.Click(chromedp.CSS(css))), css)
}

// Press clicks on the button or link that has a name.
func (p *Page) Press(name string) {
	p.t.Helper()
	find := "[...document.querySelectorAll('dialog[open] button, dialog[open] a, button, a')].find((b) => b.checkVisibility() && (b.textContent.trim() === " + quote(name) + " || b.getAttribute('aria-label') === " + quote(name) + "))"
	p.Wait("!(" + find + ")?.disabled && " + find)
	p.Run(find + ".click()")
}

// Type types text into an input, in place of what is there. A carriage return
// is the key Enter.
func (p *Page) Type(css, text string) {
	p.t.Helper()
	p.Wait("document.querySelector(" + quote(css) + ")")
	p.Run("const input = document.querySelector(" + quote(css) + "); input.focus(); input.value = ''")
	p.Key(text)
}

// Key presses keys, wherever the focus is.
func (p *Page) Key(keys string) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx, chromedp.KeyEvent(keys)))
}

// Size sets the size of the window, in CSS pixels.
func (p *Page) Size(width, height int64) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx, chromedp.EmulateViewport(width, height)))
}

// Scheme sets what the reader prefers: light or dark.
func (p *Page) Scheme(name string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	require.NoError(p.t, err)
}

// Screenshot writes what is seen to a file of the folder that the environment
// variable SCREENSHOTS names; without one it does nothing.
func (p *Page) Screenshot(name string) {
	p.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	// Two frames, so that what was changed last is drawn.
	p.Run("await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	require.NoError(p.t, os.MkdirAll(dir, 0o750))                                   //nolint:gosec // G703: whoever runs the tests names the folder.
	require.NoError(p.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)) //nolint:gosec // G703: as above.
}

// Complaints are what the browser has complained of so far: errors, warnings,
// exceptions, breaches of the content security policy.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.complaints...)
}

// quote writes a string of JavaScript.
func quote(s string) string {
	r := strings.NewReplacer("\\", "\\\\", "'", "\\'", "\n", "\\n", "\r", "\\r", "\u2028", "\\u2028")
	return "'" + r.Replace(s) + "'"
}
