//go:build browser

package dashboard_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/dashboard/browsertest"
	"sluice/record"
)

func TestARedriveIsTriedAndDone(t *testing.T) {
	f := newFake(t, nil)
	p := browsertest.Open(t, f.url+"/dashboard#/dead-letters?group=billing")
	p.WaitText("main", "5 dead letters not redriven, of 7 in all")
	p.Press("Redrive exhausted…")
	p.Wait("document.activeElement.textContent === 'Dry run'")
	p.Type("[name=rate]", "100")
	p.Press("Dry run")
	p.WaitText("main", "would be redriven")
	p.Screenshot("redrive")
	require.Empty(t, p.LowContrast())
	p.Press("Redrive 3 records")
	p.WaitText("main", "Redrive done")
	p.Wait("document.getElementById('announcements').textContent.includes('3 records redriven')")
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Equal(t, []map[string]any{{"class": "exhausted", "rate": 100.0, "dry_run": true}, {"class": "exhausted", "rate": 100.0}}, f.started)
}

func TestAnotherRequestNeedsAnotherDryRun(t *testing.T) {
	f := newFake(t, nil)
	p := browsertest.Open(t, f.url+"/dashboard#/dead-letters")
	p.Press("Redrive permanent…")
	p.Press("Dry run")
	p.WaitText("main", "Redrive 3 records")
	p.Type("[name=key]", "cust-0001")
	p.Wait("![...document.querySelectorAll('button')].some((b) => b.checkVisibility() && b.textContent.startsWith('Redrive 3'))")
}

func TestAPayloadNeedsTheRightToOperate(t *testing.T) {
	f := newFake(t, nil)
	p := browsertest.Open(t, f.url+"/dashboard#/dead-letters")
	p.Click("main table .look")
	p.WaitText("dialog", "<b>bold</b>")
	p.WaitText("dialog", "source")
	p.Press("Close")
	f.mu.Lock()
	f.operate = false
	f.mu.Unlock()
	p.Click("main table .look")
	p.WaitText("[role=alert]", "may not operate")
}

func TestARecordIsWrittenAndSeen(t *testing.T) {
	f := newFake(t, nil)
	p := browsertest.Open(t, f.url+"/dashboard#/write")
	p.Type("[name=topic]", "orders")
	p.Type("[name=key]", "cust-1")
	p.Type("[name=value]", "hello <b>")
	p.Press("Add a header")
	p.Type(".headers input:nth-child(1)", "source")
	p.Type(".headers input:nth-child(2)", "page")
	p.Run("document.querySelector('form').requestSubmit()")
	p.WaitText("main", "Written: orders, partition 1, offset 990,001.")
	f.mu.Lock()
	require.Equal(t, []record.Record{{Topic: "orders", Key: []byte("cust-1"), Value: []byte("hello <b>"), Headers: []record.Header{{Key: "source", Value: []byte("page")}}}}, f.written)
	f.mu.Unlock()
	p.Type("[name=topic]", "no topic")
	p.Run("document.querySelector('form').requestSubmit()")
	p.WaitText("[role=alert]", "has to be a topic's name")
	p.WaitText("[role=alert]", "It was not written.")
}

// TestARecordIsWrittenAgainAsItWas takes a record with bytes and line ends that
// an input would change.
func TestARecordIsWrittenAgainAsItWas(t *testing.T) {
	f := newFake(t, nil)
	p := opened(t, f)
	f.say(`{"topic":"orders","partition":0,"offset":7,"timestamp":` + now() + `,"key":"/w==","key_encoding":"base64","headers":[{"key":"a","value":null},{"key":"b","value":"x\ny"}],"value":"one\r\ntwo ü"}`)
	p.WaitText(".tail tbody", "one")
	p.Click(".tail tbody .value")
	p.Press("Write again…")
	p.Wait("document.querySelector('[name=topic]')?.value === 'orders'")
	p.Run("document.querySelector('form').requestSubmit()")
	p.WaitText("main", "Written: orders")
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Equal(t, []record.Record{{Topic: "orders", Key: []byte("\xff"), Value: []byte("one\r\ntwo ü"), Headers: []record.Header{{Key: "a"}, {Key: "b", Value: []byte("x\ny")}}}}, f.written)
}

func TestAKeyOpensTheDashboard(t *testing.T) {
	f := newFake(t, func(f *fake) { f.key = "sluice_good" })
	p := browsertest.Open(t, f.url+"/")
	p.WaitText("main", "API key or token")
	p.Screenshot("sign-in")
	require.Empty(t, p.Nameless())
	require.Equal(t, "password", browsertest.Eval[string](p, "document.querySelector('[name=key]').type"))
	p.Type("[name=key]", "sluice_wrong\r")
	p.WaitText("[role=alert]", "the API key is not known")
	p.Type("[name=key]", "sluice_good\r")
	p.WaitText(".tail .status", "live")
	require.Equal(t, 0, browsertest.Eval[int](p, "Object.keys(localStorage).length + Object.keys(sessionStorage).length"), "the key is kept nowhere")
	f.mu.Lock()
	f.session = false // It ends.
	f.mu.Unlock()
	p.WaitText("main", "API key or token")
}

func TestTheServiceGoesAwayAndComesBack(t *testing.T) {
	f := newFake(t, nil)
	p := opened(t, f)
	p.Run("window.real = fetch; window.fetch = () => Promise.reject(new TypeError('away'))")
	p.WaitText("header", "cannot be reached")
	p.WaitText("main [role=alert]", "What is below is of the last answer")
	require.Contains(t, p.Text(".tile"), "records/s")
	p.Run("window.fetch = window.real")
	p.WaitText("header", "ready")
	p.Wait("!document.querySelector('main > [role=alert]').checkVisibility()")
}

func TestShortcutsAndViews(t *testing.T) {
	f := newFake(t, nil)
	p := opened(t, f)
	p.Key("3")
	p.WaitText("main h1", "Groups")
	require.Equal(t, "Groups", browsertest.Eval[string](p, "document.querySelector('[aria-current]').innerText"))
	require.Equal(t, "Groups · Sluice", browsertest.Eval[string](p, "document.title"))
	f.openStreams(0)
	p.Key("?")
	p.WaitText("dialog", "Single keys are shortcuts")
	p.Screenshot("shortcuts")
	p.Click("dialog input")
	p.Key("\x1b")
	p.Wait("!document.querySelector('dialog')")
	p.Key("2")
	p.Key("?")
	p.WaitText("dialog", "Shortcuts")
	require.Equal(t, "Groups", p.Text("main h1"), "they are off")
	p.Click("dialog input")
	p.Key("\x1b")
	p.Wait("!document.querySelector('dialog')")
	p.Key("2")
	p.WaitText("main h1", "Topics")
	p.Run("history.back()")
	p.WaitText("main h1", "Groups")
}

// TestNothingIsAskedWhileNobodyLooks counts the requests of a page that is
// hidden.
func TestNothingIsAskedWhileNobodyLooks(t *testing.T) {
	f := newFake(t, nil)
	p := opened(t, f)
	p.Run(`window.asked = 0; const real = fetch; window.fetch = (...a) => { window.asked++; return real(...a); };
		Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
		await new Promise((done) => setTimeout(done, 2500)); window.before = window.asked;
		await new Promise((done) => setTimeout(done, 2500))`)
	require.Zero(t, browsertest.Eval[int](p, "window.asked - window.before"))
	p.Run(`delete document.hidden; document.dispatchEvent(new Event("visibilitychange"))`)
	p.Wait("window.asked > window.before")
}
