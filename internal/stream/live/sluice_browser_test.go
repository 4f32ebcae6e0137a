//go:build browser

package live_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/dashboard/browsertest"
)

// script is, in the page, a server that is a list of answers: each a status, a
// body in pieces, and whether the connection stays open behind them. Requests
// are in `asked`. Pauses are in `pauses`, and take no time, but that for silence
// waits until the test says `silent()`.
const script = `
	window.asked = []; window.pauses = []; window.said = []; window.seen = []; window.gaps = [];
	const real = window.setTimeout.bind(window);
	window.setTimeout = (run, delay) => {
		if (delay === 45000) { window.silent = run; return 0; }
		if (delay > 250) window.pauses.push(delay);
		return real(run, 0);
	};
	window.answers = [];
	window.fetch = async (url, init) => {
		window.asked.push({ url: String(url), headers: { ...init.headers } });
		const a = window.answers.shift();
		if (!a || a.away) { if (!a) await new Promise((done) => init.signal.addEventListener("abort", done)); throw new TypeError("away"); }
		const body = new ReadableStream({ async start(out) {
			init.signal.addEventListener("abort", () => { try { out.error(new Error("aborted")); } catch {} });
			for (const piece of a.pieces ?? []) out.enqueue(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
			if (!a.stays) out.close();
		} });
		return new Response(a.status === 204 ? null : body, { status: a.status ?? 200, headers: { "Content-Type": "text/event-stream", ...a.headers } });
	};
	window.record = (offset, id, partition = 0) => "id: " + id + "\ndata: " + JSON.stringify({ topic: "orders", partition, offset }) + "\n\n";
	window.control = (type, data, id) => "event: " + type + "\n" + (id ? "id: " + id + "\n" : "") + "data: " + JSON.stringify(data) + "\n\n";
	window.begin = async (options) => {
		const { open } = await import("/sluice.js");
		return (window.stream = open({ topics: "orders", onRecord: (r) => { seen.push(r.offset); }, onGap: (g) => { seen.push("gap"); gaps.push(g); },
			onState: (state, detail) => said.push([state, detail.reason ?? detail.error?.message ?? ""]), ...options }));
	};
`

// scripted opens a blank page with the script.
func scripted(t *testing.T) *browsertest.Page {
	t.Helper()
	s := httptest.NewServer(client(nil))
	t.Cleanup(s.Close)
	p := browsertest.Open(t, s.URL+"/")
	browsertest.Eval[bool](p, script+"; true")
	return p
}

// client serves a blank page, the module, and what else there is.
func client(rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html><title>test</title><link rel=icon href=data:,>"))
		case "/sluice.js":
			body, err := os.ReadFile("sluice.js")
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(body)
		default:
			rest.ServeHTTP(w, r)
		}
	})
}

func js(v any) string {
	b, _ := json.Marshal(v) // Strings and lists of them always marshal.
	return string(b)
}

func TestTheParserReadsWhatTheStandardSays(t *testing.T) {
	p := scripted(t)
	for name, c := range map[string]struct {
		stream string
		events string // type|data|id, joined by a space
		after  string // lastEventId/retry
	}{
		"a message":                     {"data: a\n\n", "message|a|", "/"},
		"several lines":                 {"data: a\ndata\ndata:b\n\n", "message|a\\n\\nb|", "/"},
		"one space is dropped":          {"data:  a \n\n", "message| a |", "/"},
		"colons":                        {"data: a:b: c\n\n", "message|a:b: c|", "/"},
		"carriage returns":              {"data: a\rdata: b\r\r", "message|a\\nb|", "/"},
		"both":                          {"data: a\r\ndata: b\r\n\r\n", "message|a\\nb|", "/"},
		"a mixture":                     {"data: a\n\r\ndata: b\r\n\rdata: c\r\r\n", "message|a| message|b| message|c|", "/"},
		"no end":                        {"data: a\n", "", "/"},
		"comments":                      {":\n: hello\ndata: a\n:x\n\n:\n\n", "message|a|", "/"},
		"a byte order mark":             {"\ufeffdata: a\n\n", "message|a|", "/"},
		"another one":                   {"\ufeff\ufeffdata: a\n\ndata: b\n\n", "message|b|", "/"},
		"a mark inside":                 {"data: \ufeffa\n\n", "message|\ufeffa|", "/"},
		"types":                         {"event: gap\ndata: a\n\ndata: b\n\n", "gap|a| message|b|", "/"},
		"a type without data":           {"event: gap\n\ndata: b\n\n", "message|b|", "/"},
		"the last type":                 {"event: a\nevent: b\ndata: c\n\nevent\ndata: d\n\n", "b|c| message|d|", "/"},
		"an id stays":                   {"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", "message|a|1 message|b|1 message|c|", "/"},
		"an id without data":            {"id: 7\n\n", "", "7/"},
		"an id that has not ended":      {"id: 1\ndata: a\n\nid: 2\ndata: b\n", "message|a|1", "1/"},
		"an id with NUL":                {"id: 1\ndata: a\n\nid: 2\x00\ndata: b\n\n", "message|a|1 message|b|1", "1/"},
		"retry":                         {"retry: 1500\nretry: 2x\nretry: -1\nretry:\n\n", "", "/1500"},
		"unknown fields":                {"datum: x\nData: x\n data: x\ndata : x\ndata: a\n\n", "message|a|", "/"},
		"empty data":                    {"data\n\ndata:\n\ndata\ndata\n\n", "message|| message|| message|\\n|", "/"},
		"text beyond ASCII":             {"data: zażółć 🦆\u2028\u0085\n\n", "message|zażółć 🦆\u2028\u0085|", "/"},
		"what is not UTF-8":             {"data: a\xffb\xf0\x9f\n\n", "message|a\ufffdb\ufffd|", "/"},
		"lines end at no other control": {"data: a\x0bb\x0cc\x00d\n\n", "message|a\x0bb\x0cc\x00d|", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, cut := range cuts(len(c.stream)) {
				require.Equal(t, c.events+" "+c.after, parse(p, c.stream, cut), "cut at %v", cut)
			}
		})
	}
}

// cuts are places to cut a stream of so many bytes at: nowhere, everywhere, and
// some.
func cuts(n int) [][]int {
	every := make([]int, 0, n)
	for i := 1; i < n; i++ {
		every = append(every, i)
	}
	all := [][]int{{}, every}
	dice := rand.New(rand.NewPCG(1, uint64(n)))
	for range 20 {
		var some []int
		for i := 1; i < n; i++ {
			if dice.IntN(4) == 0 {
				some = append(some, i)
			}
		}
		all = append(all, some)
	}
	return all
}

// parse gives a parser the stream in pieces.
func parse(p *browsertest.Page, stream string, at []int) string {
	numbers := make([]int, len(stream))
	for i := range len(stream) {
		numbers[i] = int(stream[i])
	}
	return browsertest.Eval[string](p, `(async () => {
		const { EventParser } = await import("/sluice.js");
		const parser = new EventParser(), bytes = Uint8Array.from(`+js(numbers)+`), ends = `+js(append(slices.Clip(at), len(stream)))+`;
		let start = 0;
		const events = ends.flatMap((end) => { const piece = bytes.slice(start, end); start = end; return parser.push(piece); });
		return events.map((e) => [e.type, e.data.replaceAll("\n", "\\n"), e.id].join("|")).join(" ") + " " + parser.lastEventId + "/" + (parser.retry ?? "");
	})()`)
}

// TestRandomStreamsAreReadAlikeHoweverTheyAreCut puts streams together from what
// matters to a parser.
func TestRandomStreamsAreReadAlikeHoweverTheyAreCut(t *testing.T) {
	p := scripted(t)
	parts := []string{"data", "data: ", "event: ", "id: ", "retry: 5", ":", " ", "\r", "\n", "\r\n", "\n\n", "x", "é", "🦆", "\ufeff", "\x00", "\xff", "\xf0\x9f"}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 2))
	for range 60 {
		var stream strings.Builder
		for range 1 + dice.IntN(60) {
			stream.WriteString(parts[dice.IntN(len(parts))])
		}
		all := cuts(stream.Len())
		want := parse(p, stream.String(), nil)
		for _, cut := range all[1:6] {
			require.Equal(t, want, parse(p, stream.String(), cut), "%q cut at %v", stream.String(), cut)
		}
	}
}

func TestWhatIsAskedFor(t *testing.T) {
	p := scripted(t)
	for options, want := range map[string]string{
		`{ topics: "orders" }`:                                    "/topics/orders/events",
		`{ topics: ["a/b?"], from: "-15m", values: "text" }`:      "/topics/a%2Fb%3F/events?from=-15m&values=text",
		`{ topics: ["a", "b"], filter: "value.x > 1", key: "" }`:  "/events?topic=a&topic=b&filter=value.x+%3E+1&key=",
		`{ topics: undefined, url: "/topics/x/events?key=1#y" }`:  "/topics/x/events?key=1#y",
		`{ topics: "x", url: "/base/", partition: 0 }`:            "/base/topics/x/events?partition=0",
		`{ topics: "x", url: "https://b.example" }`:               "https://b.example/topics/x/events",
		`{ topics: "x", headers: { Authorization: "Bearer k" } }`: "/topics/x/events",
	} {
		p.Run("window.asked = []; const s = await begin(" + options + "); while (asked.length === 0) await new Promise((d) => requestAnimationFrame(d)); s.close(); await s.done")
		require.Equal(t, want, strings.TrimPrefix(browsertest.Eval[string](p, "asked[0].url"), browsertest.Eval[string](p, "location.origin")), options)
		headers := browsertest.Eval[map[string]string](p, "asked[0].headers")
		require.Equal(t, "text/event-stream", headers["Accept"])
		require.NotContains(t, headers, "Last-Event-ID")
		if strings.Contains(options, "Bearer") {
			require.Equal(t, "Bearer k", headers["Authorization"])
		}
	}
	require.Contains(t, browsertest.Eval[string](p, `import("/sluice.js").then(({ open }) => { try { open({}); } catch (e) { return e.message; } })`), "topics or a url")
}

func TestItGoesOnWhereItWas(t *testing.T) {
	p := scripted(t)
	p.Run(`answers = [
		{ pieces: ["retry: 300\n" + control("ready", {}, "c0"), record(1, "c1"), record(2, "c2") + "id: c3\ndata: {\"topic\":\"or"] },
		{ away: true },
		{ status: 503, headers: { "Retry-After": "7", "Content-Type": "application/problem+json" }, pieces: ['{"detail":"Kafka is away"}'] },
		{ pieces: [control("gap", { topic: "orders", partition: 0, from: 3, to: 5, reason: "expired" }, "c5"), record(2, "c5"), record(5, "c6"), control("caughtup", {}), control("bye", { reason: "drain" })] },
		{ pieces: [record(6, "c7")], stays: true },
	]; await begin()`)
	p.Wait("seen.length === 5")
	require.JSONEq(t, `[1,2,"gap",5,6]`, browsertest.Eval[string](p, "JSON.stringify(seen)"))
	require.Equal(t, []string{"", "c2", "c2", "c2", "c6"}, browsertest.Eval[[]string](p, `asked.map((a) => a.headers["Last-Event-ID"] ?? "")`))
	require.Equal(t, 1, browsertest.Eval[int](p, "stream.duplicates"))
	require.Equal(t, "c7", browsertest.Eval[string](p, "stream.cursor"))
	require.JSONEq(t, `[["connecting",""],["open",""],["waiting","the connection has ended"],["connecting",""],["waiting","the server cannot be reached"],["connecting",""],
		["waiting","Kafka is away"],["connecting",""],["open",""],["live",""],["waiting","drain"],["connecting",""],["open",""]]`, browsertest.Eval[string](p, "JSON.stringify(said)"))
	pauses := browsertest.Eval[[]float64](p, "pauses")
	require.Len(t, pauses, 4)
	for i, least := range []float64{300, 600, 7000, 300} {
		require.GreaterOrEqual(t, pauses[i], least, "what the server asks for, twice as much after each failure")
		require.LessOrEqual(t, pauses[i], 1.5*least)
	}
	p.Run("stream.close()")
	require.True(t, browsertest.Eval[bool](p, "stream.done.then((e) => e === null)"))
}

func TestPausesGrowAndHaveAnEnd(t *testing.T) {
	p := scripted(t)
	p.Run("answers = Array.from({ length: 12 }, () => ({ away: true })); await begin()")
	p.Wait("asked.length === 13")
	for i, got := range browsertest.Eval[[]float64](p, "pauses") {
		least := min(30000, 2000*float64(int(1)<<i))
		require.GreaterOrEqual(t, got, least)
		require.LessOrEqual(t, got, 1.5*least)
	}
}

func TestASilentConnectionIsDead(t *testing.T) {
	p := scripted(t)
	p.Run(`answers = [{ pieces: [record(1, "c1")], stays: true }, { pieces: [record(2, "c2")], stays: true }]; await begin()`)
	p.Wait("seen.length === 1 && window.silent")
	p.Run("silent()")
	p.Wait("seen.length === 2")
	require.Equal(t, "c1", browsertest.Eval[string](p, `asked[1].headers["Last-Event-ID"]`))
}

func TestWhatARepeatCannotMendEndsIt(t *testing.T) {
	p := scripted(t)
	for name, c := range map[string]struct{ answer, message, status string }{
		"a wrong filter":       {`{ status: 422, headers: { "Content-Type": "application/problem+json" }, pieces: ['{"detail":"filter: column 3"}'] }`, "filter: column 3", "422"},
		"no credential":        {`{ status: 401, pieces: ['{"detail":"a credential is needed"}'] }`, "a credential is needed", "401"},
		"no right":             {`{ status: 403, pieces: ["<html>"] }`, "the server answered 403", "403"},
		"an unknown topic":     {`{ status: 404, pieces: ['null'] }`, "the server answered 404", "404"},
		"an expired cursor":    {`{ status: 410, pieces: ['{"detail":"expired"}'] }`, "expired", "410"},
		"nothing":              {`{ status: 204 }`, "the server answered 204", "204"},
		"a proxy's page":       {`{ headers: { "Content-Type": "text/html" }, pieces: ["<html>"] }`, "the answer is text/html, not an event stream", "200"},
		"a filter that costs":  {`{ pieces: [control("bye", { reason: "filter_cost" })] }`, "the filter costs too much: make it simpler", "0"},
		"a frame that is none": {`{ pieces: ["data: {\n\n"] }`, "JSON", "undefined"},
	} {
		t.Run(name, func(t *testing.T) {
			p.Run("asked = []; said = []; answers = [" + c.answer + "]; await begin(); window.end = await stream.done")
			require.Contains(t, browsertest.Eval[string](p, "end.message"), c.message)
			require.Equal(t, c.status, browsertest.Eval[string](p, "String(end.status)"))
			require.Equal(t, 1, browsertest.Eval[int](p, "asked.length"))
			require.Equal(t, "failed", browsertest.Eval[string](p, "said.at(-1)[0]"))
		})
	}
	for _, status := range []int{408, 425, 429, 500, 502, 503, 504} {
		p.Run("seen = []; answers = [{ status: " + strconv.Itoa(status) + " }, { pieces: [record(1, 'c1')], stays: true }]; await begin()")
		p.Wait("seen.length === 1")
		p.Run("stream.close()")
	}
}

func TestOffsetsThatBeginAnewAreNoDuplicates(t *testing.T) {
	p := scripted(t)
	for gap, again := range map[string]string{
		`{ topic: "orders", reason: "topic_recreated" }`:                               `[7,8,"gap",0,1]`,
		`{ topic: "orders", reason: "topic_deleted" }`:                                 `[7,8,"gap",0,1]`,
		`{ reason: "bad_cursor" }`:                                                     `[7,8,"gap",0,1]`,
		`{ topic: "orders", partition: 0, from: 9, to: 0, reason: "truncated" }`:       `[7,8,"gap",0,1]`,
		`{ topic: "orders", partition: 0, from: 9, to: 9, reason: "truncated" }`:       `[7,8,"gap",0,1]`,
		`{ topic: "orders", partition: 1, from: 9, to: 0, reason: "truncated" }`:       `[7,8,"gap"]`,
		`{ topic: "orders", partition: 0, from: 9, to: 12, reason: "expired" }`:        `[7,8,"gap"]`,
		`{ topic: "other", reason: "topic_recreated" }`:                                `[7,8,"gap"]`,
		`{ topic: "orders", partition: 0, from: 9, to: 0, reason: "topic_recreated" }`: `[7,8,"gap",0,1]`,
	} {
		p.Run(`seen = []; answers = [{ pieces: [record(7, "a") + record(8, "b"), control("gap", ` + gap + `, "c"), record(0, "d") + record(1, "e")], stays: true }]; await begin()`)
		p.Wait("stream.cursor === 'e'")
		require.JSONEq(t, again, browsertest.Eval[string](p, "JSON.stringify(seen)"), gap)
		p.Run("stream.close()")
	}
}

// TestTheCursorIsKeptBehindTheCallback is the promise that nothing is lost: the
// storage never covers a record whose callback has not returned.
func TestTheCursorIsKeptBehindTheCallback(t *testing.T) {
	p := scripted(t)
	p.Run(`window.go = []; window.kept = () => localStorage.getItem("here");
		answers = [{ pieces: [control("ready", {}, "c0") + record(1, "c1") + record(2, "c2")], stays: true }];
		await begin({ storage: localStorage, storageKey: "here", onRecord: (r) => new Promise((done) => go.push(done)) })`)
	p.Wait("go.length === 1")
	p.Run("dispatchEvent(new Event('pagehide'))")
	require.Equal(t, "c0", browsertest.Eval[string](p, "kept()"))
	p.Run("go[0]()")
	p.Wait("go.length === 2")
	p.Run("dispatchEvent(new Event('pagehide'))")
	require.Equal(t, "c1", browsertest.Eval[string](p, "kept()"))
	p.Run("stream.close(); go[1](); await stream.done")
	require.Equal(t, "c2", browsertest.Eval[string](p, "kept()"), "a callback that has returned counts, after a close too")

	p.Run(`answers = [{ pieces: [record(3, "c3") + record(4, "c4")], stays: true }];
		await begin({ storage: localStorage, storageKey: "here", onRecord: (r) => { if (r.offset === 4) throw new Error("no room"); } }); window.end = await stream.done`)
	require.Equal(t, "c2", browsertest.Eval[string](p, `asked.at(-1).headers["Last-Event-ID"]`))
	require.Equal(t, "no room", browsertest.Eval[string](p, "end.message"))
	require.Equal(t, "c3", browsertest.Eval[string](p, "kept()"), "the record that was not taken comes again")
}

func TestBatches(t *testing.T) {
	p := scripted(t)
	p.Run(`window.batches = [];
		answers = [{ pieces: [record(1, "c1") + record(2, "c2") + record(2, "c2") + control("position", {}, "c3") + record(3, "c4") + record(1, "c4") + control("gap", { topic: "orders", partition: 0, from: 4, to: 6, reason: "slow" }, "c6") + record(6, "c7")], stays: true }];
		await begin({ onRecord: undefined, onRecords: async (all) => { batches.push([stream.cursor, ...all.map((r) => r.offset)]); } })`)
	p.Wait("stream.cursor === 'c7'")
	require.JSONEq(t, `[["",1,2],["c3",3],["c6",6]]`, browsertest.Eval[string](p, "JSON.stringify(batches)"))
	require.Equal(t, 2, browsertest.Eval[int](p, "stream.duplicates"))
}

func TestAStorageThatIsForbiddenCostsThePlaceOnly(t *testing.T) {
	p := scripted(t)
	p.Run(`answers = [{ pieces: [record(1, "c1")], stays: true }];
		await begin({ storage: { getItem() { throw new Error("no"); }, setItem() { throw new Error("full"); } } })`)
	p.Wait("stream.cursor === 'c1'")
	p.Run("stream.close()")
	require.True(t, browsertest.Eval[bool](p, "stream.done.then((e) => e === null)"))
	require.Empty(t, p.Complaints())
}

func TestASignalClosesIt(t *testing.T) {
	p := scripted(t)
	p.Run(`answers = [{ pieces: [record(1, "c1")], stays: true }]; window.control_ = new AbortController(); await begin({ signal: control_.signal })`)
	p.Wait("seen.length === 1")
	p.Run("control_.abort(); window.end = await stream.done")
	require.True(t, browsertest.Eval[bool](p, "end === null && said.at(-1)[0] === 'closed'"))
	p.Run(`asked = []; await begin({ signal: AbortSignal.abort() }); await stream.done`)
	require.Zero(t, browsertest.Eval[int](p, "asked.length"))
}

// TestHundredsOfCutsLoseNothing reads numbered records from a real server that
// cuts the connection anywhere, inside a character too, and sends some records
// again; the page is loaded anew now and then.
func TestHundredsOfCutsLoseNothing(t *testing.T) {
	const records, partitions = 3000, 4
	var mu sync.Mutex
	cutsDone := 0
	dice := rand.New(rand.NewPCG(7, 7))
	s := httptest.NewServer(client(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := 0
		if id := r.Header.Get("Last-Event-ID"); id != "" {
			next, _ = strconv.Atoi(id)
		}
		mu.Lock()
		size := 200 + dice.IntN(2000)
		back := dice.IntN(3)
		cutsDone++
		mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		var out strings.Builder
		out.WriteString("retry: 0\n")
		for n := max(0, next-back); n < records && out.Len() < size; n++ {
			fmt.Fprintf(&out, "id: %d\ndata: {\"topic\":\"🦆\",\"partition\":%d,\"offset\":%d}\n\n", n+1, n%partitions, n/partitions)
		}
		text := out.String()
		if next < records {
			text = text[:min(len(text), size)]
		}
		_, _ = w.Write([]byte(text))
	})))
	defer s.Close()
	p := browsertest.Open(t, s.URL+"/")
	read := func(until int) {
		p.Run(`window.got = []; const real = window.setTimeout.bind(window); window.setTimeout = (run, delay) => real(run, delay === 45000 ? delay : 0);
			const { open } = await import("/sluice.js");
			window.stream = open({ topics: "duck", storage: localStorage, storageKey: "duck", onRecord: (r) => {
				const kept = JSON.parse(localStorage.getItem("seen") ?? "[]"); kept.push(r.offset * ` + strconv.Itoa(partitions) + ` + r.partition);
				localStorage.setItem("seen", JSON.stringify(kept)); } })`)
		p.Wait(fmt.Sprintf("JSON.parse(localStorage.getItem('seen') ?? '[]').at(-1) >= %d", until))
	}
	for _, until := range []int{700, 1500, 2200, records - 1} {
		read(until)
		p.Go(s.URL + "/") // Whatever was read and not kept comes again.
	}
	seen := browsertest.Eval[[]int](p, "JSON.parse(localStorage.getItem('seen'))")
	next, again := 0, 0
	for _, n := range seen {
		if n >= next {
			require.Equal(t, next, n, "a record is missing")
			next++
			continue
		}
		again++
	}
	require.Equal(t, records, next)
	mu.Lock()
	defer mu.Unlock()
	require.Greater(t, cutsDone, 100)
	t.Logf("%d records, %d connections, %d duplicates after reloads, 0 lost", records, cutsDone, again)
}
