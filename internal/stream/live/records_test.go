package live_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// page is a page as a client reads it.
type page struct {
	Records []decoded `json:"records"`
	Next    string    `json:"next"`
	End     bool      `json:"end"`
}

func (w *world) page(path string, headers ...string) page {
	w.Helper()
	a := w.get(path, headers...)
	require.Equal(w, 200, a.Status, a.Body)
	require.Equal(w, "application/json", a.Header.Get("Content-Type"))
	var p page
	require.NoError(w, json.Unmarshal([]byte(a.Body), &p), a.Body)
	require.NotNil(w, p.Records)
	require.Equal(w, p.Next, a.Header.Get("Sluice-Next-Cursor"))
	require.Equal(w, fmt.Sprint(p.End), a.Header.Get("Sluice-End"))
	return p
}

// Whoever follows next to the end has every record once, those of a partition
// in their order, whatever the size of the pages.
func TestPagesToTheEnd(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 3)
	w.produce("t", 3, 150)
	w.produce("t", 1, 100) // One partition has more than the others.
	for _, limit := range []int{1, 7, 100, 1000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			next, offsets := "", map[int32]int64{}
			for pages := 0; ; pages++ {
				require.Less(t, pages, 560)
				p := w.page(fmt.Sprintf("/topics/t/records?limit=%d&last_event_id=%s", limit, next))
				require.LessOrEqual(t, len(p.Records), limit)
				for _, r := range p.Records {
					require.Equal(t, offsets[r.Partition], r.Offset)
					offsets[r.Partition]++
				}
				next = p.Next
				if p.End {
					break
				}
			}
			require.Equal(t, map[int32]int64{0: 250, 1: 150, 2: 150}, offsets)
		})
	}
	// What is written later is on the next page, and a stream goes on there, too.
	end := w.page("/topics/t/records?limit=1000")
	require.True(t, end.End)
	w.produce("t", 1, 1)
	p := w.page("/topics/t/records", "Last-Event-ID: "+end.Next)
	require.Len(t, p.Records, 1)
	require.Equal(t, int64(250), p.Records[0].Offset)
	require.Equal(t, int64(250), w.decode(w.open("/topics/t/events?last_event_id=" + end.Next).records(1)[0].Data).Offset)
}

// Each page has a part of a partition that grows all the time, and of the
// others.
func TestPagesAreFair(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 3)
	w.produce("t", 3, 30)
	seen, next := map[int32]int{}, ""
	for range 12 {
		p := w.page("/topics/t/records?limit=20&last_event_id=" + next)
		for _, r := range p.Records {
			seen[r.Partition]++
		}
		next = p.Next
		w.produce("t", 1, 20)
	}
	require.GreaterOrEqual(t, seen[1], 10)
	require.GreaterOrEqual(t, seen[2], 10)
}

func TestWhereAPageBeginsAndEnds(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 2)
	w.send(
		&kgo.Record{Topic: "t", Timestamp: at(1), Value: []byte("1")}, &kgo.Record{Topic: "t", Timestamp: at(2), Value: []byte("2")},
		&kgo.Record{Topic: "t", Timestamp: at(3), Value: []byte("3")}, &kgo.Record{Topic: "t", Partition: 1, Timestamp: at(2), Value: []byte("20")},
	)
	for _, c := range []struct{ query, want string }{
		{"", "1 2 3 20"},
		{"?from=earliest", "1 2 3 20"},
		{"?from=now", ""},
		{"?to=now", "1 2 3 20"},
		{"?to=earliest", ""},
		{"?to=9999-12-31T00:00:00Z", "1 2 3 20"},
		{"?to=1960-01-01T00:00:00Z", ""},
		{"?from=2026-01-01T00:00:02Z", "2 3 20"},
		{"?to=2026-01-01T00:00:02Z", "1"},
		{"?from=2026-01-01T00:00:02Z&to=2026-01-01T00:00:03Z", "2 20"},
		{"?from=2026-01-01T00:00:04Z", ""},
		{"?partition=0&from=1", "2 3"},
		{"?partition=0&from=1&to=2", "2"},
		{"?partition=0&from=3", ""},
		{"?partition=0&to=99", "1 2 3"},
		{"?partition=1", "20"},
		{"?filter=value+%3E+2", "3 20"},
		{"?filter=value+%3E+1&limit=1&partition=0", "2"},
	} {
		t.Run(c.query, func(t *testing.T) {
			p := w.page("/topics/t/records" + c.query)
			var got []string
			for _, r := range p.Records {
				got = append(got, string(r.Value))
			}
			slices.SortFunc(got, func(a, b string) int { return cmp.Or(len(a)-len(b), cmp.Compare(a, b)) })
			require.Equal(t, c.want, strings.Join(got, " "))
			require.Equal(t, len(got) < 1 || !strings.Contains(c.query, "limit"), p.End)
		})
	}
}

func TestWrongPages(t *testing.T) {
	w := newWorld(t, func(w *world) { w.policy.Patterns = []string{"t"} })
	w.topic("t", 2)
	w.produce("t", 2, 3)
	for _, c := range []struct {
		query  string
		places []string
	}{
		{"limit=0", []string{"query.limit"}},
		{"limit=1001", []string{"query.limit"}},
		{"limit=x", []string{"query.limit"}},
		{"from=1", []string{"query.from"}},
		{"to=1", []string{"query.to"}},
		{"from=x&to=y", []string{"query.from", "query.to"}},
		{"from=1&from=2&partition=0", []string{"query.from"}},
		{"partition=0&from=9223372036854775808", []string{"query.from"}},
		{"partition=0&from=4", []string{"query.from"}},
		{"partition=2", []string{"query.partition"}},
		{"partition=x&filter=1&strict=1", []string{"query.filter", "query.partition", "query.strict"}},
		{"last_event_id=17", []string{"query.last_event_id"}},
		{"last_event_id=v1." + strings.Repeat("A", 5000), []string{"query.last_event_id"}},
	} {
		t.Run(c.query[:min(len(c.query), 50)], func(t *testing.T) {
			p := w.problem(w.get("/topics/t/records?" + c.query))
			require.Equal(t, 422, p.Status)
			require.Equal(t, c.places, places(p))
		})
	}
	require.Equal(t, 404, w.get("/topics/other/records").Status)
	w.policy.Patterns = []string{"*"}
	require.Equal(t, 404, w.replica().get("/topics/other/records").Status)
}

// A gap is never hidden: what is not there any more is said before what
// follows, with the cursor behind it.
func TestPagesOfWhatIsGone(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	begin := w.page("/topics/t/records").Next
	w.produce("t", 1, 10)
	w.deleteBelow("t", 0, 7)
	w = w.replica()
	a := w.get("/topics/t/records?last_event_id=" + begin)
	p := w.problem(a)
	require.Equal(t, 410, p.Status)
	require.Contains(t, p.Errors[0].Message, "from offset 0 to below 7")
	require.Len(t, w.page("/topics/t/records?last_event_id="+a.Header.Get("Sluice-Next-Cursor")).Records, 3)
	require.Len(t, w.page("/topics/t/records").Records, 3, "the earliest is what is there")
	a = w.get("/topics/t/records?partition=0&from=5")
	require.Equal(t, 410, a.Status)
	require.Len(t, w.page("/topics/t/records?last_event_id="+a.Header.Get("Sluice-Next-Cursor")).Records, 3)
}

// A page has a bounded size, however large the records are, and goes on.
func TestLargePages(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	for range 5 {
		w.send(&kgo.Record{Topic: "t", Value: []byte(strings.Repeat("x", 900_000))})
	}
	seen, next := 0, ""
	for pages := 0; ; pages++ {
		require.Less(t, pages, 6)
		p := w.page("/topics/t/records?limit=1000&last_event_id=" + next)
		require.LessOrEqual(t, len(p.Records), 2)
		seen, next = seen+len(p.Records), p.Next
		if p.End {
			break
		}
	}
	require.Equal(t, 5, seen)
}

// A filter that matches little or costs much makes pages that are empty and not
// the end.
func TestPagesThatScan(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	w.produce("t", 1, 12_000)
	p := w.page("/topics/t/records?filter=value.n+%3D%3D+11999")
	require.Empty(t, p.Records)
	require.False(t, p.End)
	for range 100 {
		p = w.page("/topics/t/records?filter=value.n+%3D%3D+11999&last_event_id=" + p.Next)
		if p.End {
			break
		}
	}
	require.Len(t, p.Records, 1)

	w = newWorld(t)
	w.topic("t", 1)
	w.send(costlyRecords(200)...)
	p = w.page("/topics/t/records?filter=" + costlyFilter)
	require.Empty(t, p.Records)
	require.False(t, p.End, "it answers before it has judged all")
}

// Readers see what is committed, up to the last stable offset.
func TestPagesAndTransactions(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.TransactionalID("x"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.BeginTransaction())
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("open")}).FirstErr())
	w.produce("t", 1, 1)
	p := w.page("/topics/t/records")
	require.Empty(t, p.Records)
	require.True(t, p.End)
	require.NoError(t, client.EndTransaction(t.Context(), kgo.TryAbort))
	p = w.page("/topics/t/records?last_event_id=" + p.Next)
	require.Len(t, p.Records, 1)
	require.Equal(t, int64(1), p.Records[0].Offset)
	require.True(t, p.End)
	require.Empty(t, w.page("/topics/t/records?last_event_id="+p.Next).Records)
}

func TestPagesAsLines(t *testing.T) {
	w := newWorld(t)
	w.topic("t", 1)
	require.Empty(t, w.get("/topics/t/records", "Accept: application/x-ndjson").Body)
	w.produce("t", 1, 3)
	for _, accept := range []string{"application/x-ndjson", "text/html, application/x-ndjson;q=0.9", "application/jsonl"} {
		a := w.get("/topics/t/records?limit=2", "Accept: "+accept)
		require.Equal(t, "application/x-ndjson", a.Header.Get("Content-Type"))
		lines := strings.Split(a.Body, "\n")
		require.Len(t, lines, 3)
		require.Empty(t, lines[2])
		require.Equal(t, int64(1), w.decode(lines[1]).Offset)
		require.Equal(t, "false", a.Header.Get("Sluice-End"))
		require.Len(t, w.page("/topics/t/records?last_event_id="+a.Header.Get("Sluice-Next-Cursor"), "Accept: application/json").Records, 1)
	}
}

func TestPagesWhileKafkaIsAway(t *testing.T) {
	w := newWorld(t)
	w.kafka.Close()
	a := w.get("/topics/t/records")
	require.Equal(t, 503, w.problem(a).Status)
	require.NotEmpty(t, a.Header.Get("Retry-After"))
}

// Who may replay no more may read no pages.
func TestPagesAreReplays(t *testing.T) {
	w := newWorld(t, func(w *world) { w.cfg.Clients = 1 })
	w.topic("t", 1)
	w.open("/topics/t/events").until("ready")
	require.Equal(t, 503, w.get("/topics/t/records").Status)
}
