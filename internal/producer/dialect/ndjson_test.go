package dialect_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/producer"
	"sluice/internal/producer/producertest"
	"sluice/internal/units"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// summary is the answer to an upload, and a line of its results.
type summary struct {
	code                     int
	Written, Failed, Unknown int
	Complete                 bool
	Stopped                  *lineResult
	Errors                   []lineResult
}

type lineResult struct {
	Line      int
	Partition *int32
	Offset    int64
	Error     string
	Written   string
}

// upload sends lines and returns the summary.
func (s *service) upload(path string, body io.Reader, headers ...string) summary {
	s.t.Helper()
	code, text := s.exchange(path, body, headers...)
	var sum summary
	require.NoError(s.t, json.Unmarshal([]byte(text), &sum), text)
	sum.code = code
	return sum
}

func (s *service) exchange(path string, body io.Reader, headers ...string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/topics/"+path, body)
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/x-ndjson")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(text)
}

// all reads the topic, record by record in the order of each partition.
func (s *service) all() map[int32][]*kgo.Record {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Conn.Brokers...), kgo.ConsumeTopics(producertest.Topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(s.t, err)
	defer client.Close()
	found := map[int32][]*kgo.Record{}
	left := int64(0)
	for _, p := range s.Cluster.PartitionInfos(producertest.Topic) {
		left += p.HighWatermark
	}
	for left > 0 {
		client.PollFetches(s.t.Context()).EachRecord(func(r *kgo.Record) {
			found[r.Partition] = append(found[r.Partition], r)
			left--
		})
	}
	return found
}

func TestLinesAreStoredByteForByte(t *testing.T) {
	s := newService(t, nil)
	lines := []string{`{"b":1,  "a":"\u00e9"}`, `0`, `"text"`, `null`, `[1,2]`, `12345678901234567890`, ` {"space": true} `}
	sum := s.upload("events?partition=1", strings.NewReader("\n"+strings.Join(lines, "\r\n")+"\n \n\n"))
	require.Equal(t, summary{code: 200, Written: len(lines), Complete: true, Errors: []lineResult{}}, sum)
	var found []string
	for _, r := range s.all()[1] {
		require.Nil(t, r.Key)
		found = append(found, string(r.Value))
	}
	require.Equal(t, lines, found)
}

func TestABadLineFailsAlone(t *testing.T) {
	s := newService(t, func(c *producer.Config) { c.Limits.Record = 100 * units.KiB })
	long := `"` + strings.Repeat("x", 100<<10) + `"`
	fits := `"` + strings.Repeat("y", 100<<10-2) + `"`
	body := strings.Join([]string{`{"n":1}`, `{"n":2`, `{"n":3,"n":3}`, "\"\xff\"", `"\ud800"`, long, strings.Repeat(long, 3), fits, strings.Repeat("[", 100_000), `{"n":10}`}, "\n")
	for name, body := range map[string]string{"with a line's end": body + "\n", "without one": body} {
		t.Run(name, func(t *testing.T) {
			sum := s.upload("events", strings.NewReader(body))
			require.Equal(t, 207, sum.code)
			require.Equal(t, 3, sum.Written)
			require.Equal(t, 7, sum.Failed)
			require.True(t, sum.Complete)
			var lines []int
			for _, e := range sum.Errors {
				lines = append(lines, e.Line)
				require.Equal(t, "no", e.Written)
				require.NotEmpty(t, e.Error)
			}
			require.Equal(t, []int{2, 3, 4, 5, 6, 7, 9}, lines)
		})
	}
}

func TestTheKeyOfALine(t *testing.T) {
	s := newService(t, nil)
	body := strings.Join([]string{
		`{"device":{"id":"a\u00e4"},"x":1}`, `{"x":{"id":1},"device":{"id":17}}`, `{"device":{"id":true}}`,
		`{"device":{"id":null}}`, `{"device":{}}`, `{"device":{"id":{}}}`, `{"device":3}`, `7`, `{"device":{"id":"late"}`,
	}, "\n")
	sum := s.upload("events?key_path=/device/id&partition=0", strings.NewReader(body))
	require.Equal(t, 3, sum.Written)
	require.Equal(t, 6, sum.Failed)
	var keys []string
	for _, r := range s.all()[0] {
		keys = append(keys, string(r.Key))
	}
	require.Equal(t, []string{"aä", "17", "true"}, keys)

	require.Equal(t, 1, s.upload("events?key_path=/a~1b~0/1", strings.NewReader(`{"a/b~":["no","yes"]}`)).Written)
	require.Equal(t, 1, s.upload("events?key_path=", strings.NewReader(`"root"`)).Written)
	for _, path := range []string{"a", "/a~", "/a~2"} {
		require.Equal(t, 422, s.send("events?key_path="+path, "1", "Content-Type", "application/jsonl").code, path)
	}
	require.Equal(t, 422, s.send("events?key_path=/a&key=b", "1", "Content-Type", "application/jsonl").code)
}

// Lines of one key keep their order, however many partitions and flights.
func TestLinesOfOneKeyKeepTheirOrder(t *testing.T) {
	s := newService(t, nil)
	const count = 20_000
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, `{"key":"%d","n":%d}`+"\n", i%37, i)
	}
	sum := s.upload("events?key_path=/key", strings.NewReader(b.String()))
	require.Equal(t, count, sum.Written)
	seen := map[string]int{}
	for _, records := range s.all() {
		for _, r := range records {
			var line struct{ N int }
			require.NoError(t, json.Unmarshal(r.Value, &line))
			last, again := seen[string(r.Key)]
			require.True(t, !again || last < line.N, "key %s: %d after %d", r.Key, line.N, last)
			seen[string(r.Key)] = line.N
		}
	}
	require.Len(t, seen, 37)
}

// One plain reason why nothing was written is a plain answer.
func TestAnUploadOfWhichNothingWasWritten(t *testing.T) {
	s := newService(t, nil)
	s.Know("nowhere")
	for name, c := range map[string]struct {
		path, body string
		code       int
	}{
		"no such topic": {"nowhere", "1\n2\n3\n", 404},
		"not JSON":      {"events", "a\nb\n", 400},
		"a partition":   {"events?partition=9", "1\n2\n", 404},
		"nothing":       {"events", "\n\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			code, text := s.exchange(c.path, strings.NewReader(c.body))
			require.Equal(t, c.code, code, text)
		})
	}
}

// stream is an upload that is written and read by hand.
type duplex struct {
	t    *testing.T
	in   *io.PipeWriter
	resp *http.Response
	out  *bufio.Scanner
}

func (s *service) open(path string) *duplex {
	s.t.Helper()
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/topics/"+path, r)
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/x-ndjson")
	d := &duplex{t: s.t, in: w}
	answered := make(chan error)
	go func() {
		var err error
		d.resp, err = http.DefaultClient.Do(req) //nolint:bodyclose // Closed by the clean-up below.
		answered <- err
	}()
	d.send(`{"n":1}`)
	require.NoError(s.t, <-answered, "the answer begins while the upload runs")
	s.t.Cleanup(func() { _ = d.resp.Body.Close() })
	d.out = bufio.NewScanner(d.resp.Body)
	return d
}

func (d *duplex) send(line string) {
	d.t.Helper()
	_, err := io.WriteString(d.in, line+"\n")
	require.NoError(d.t, err)
}

func (d *duplex) next() string {
	d.t.Helper()
	require.True(d.t, d.out.Scan(), "%v", d.out.Err())
	return d.out.Text()
}

func TestResultsFlowWhileTheUploadRuns(t *testing.T) {
	s := newService(t, nil)
	d := s.open("events?results=each&partition=0")
	require.Equal(t, "application/x-ndjson", d.resp.Header.Get("Content-Type"))
	require.JSONEq(t, `{"line":1,"partition":0,"offset":0}`, d.next())
	for i := 2; i < 50; i++ {
		d.send(`{"n":2}`)
		require.JSONEq(t, fmt.Sprintf(`{"line":%d,"partition":0,"offset":%d}`, i, i-1), d.next())
	}
	d.send("")
	d.send("{")
	require.JSONEq(t, `{"line":51,"error":"the line is not valid JSON","written":"no"}`, d.next())
	require.NoError(t, d.in.Close())
	require.JSONEq(t, `{"written":49,"failed":1,"unknown":0,"complete":true,"errors":[{"line":51,"error":"the line is not valid JSON","written":"no"}]}`, d.next())
	require.False(t, d.out.Scan())
}

// What was acknowledged before the client went away is there, and the
// service's goroutines have ended when the test does.
func TestAClientThatGoesAwayHalfWay(t *testing.T) {
	s := newService(t, nil)
	d := s.open("events?results=each&partition=0")
	d.next()
	d.send("2\n3")
	d.next()
	d.next()
	require.NoError(t, d.resp.Body.Close())
	_ = d.in.CloseWithError(io.ErrClosedPipe) // It is closed by the client already.
	require.Len(t, s.all()[0], 3)
}

// The service's end, or the loss of Kafka, ends an upload with a summary that
// says from which line on nothing was handed over.
func TestUploadsThatTheServiceEnds(t *testing.T) {
	for name, end := range map[string]func(*service){
		"drain": func(s *service) { s.Writer.EndStreams() },
		"away": func(s *service) {
			s.Cluster.Close()
			s.Await(func() bool { return s.Writer.Ready() != nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, nil)
			d := s.open("events?results=each")
			d.next()
			end(s)
			if name == "away" {
				d.send(`{"n":2}`)
			}
			var sum summary
			require.NoError(t, json.Unmarshal([]byte(d.next()), &sum))
			require.Equal(t, 1, sum.Written)
			require.False(t, sum.Complete)
			require.Equal(t, 2, sum.Stopped.Line)
			require.Equal(t, "no", sum.Stopped.Written)
			require.NotContains(t, sum.Stopped.Error, "cut off")
			_ = d.in.Close()
		})
	}
}

// An upload of which the body is cut off says so.
func TestAnUploadThatIsCutOff(t *testing.T) {
	s := newService(t, nil)
	body := gzipped(t, strings.Repeat("{\"n\":1}\n", 10_000))
	sum := s.upload("events", strings.NewReader(body[:len(body)-20]), "Content-Encoding", "gzip")
	require.Equal(t, 207, sum.code)
	require.False(t, sum.Complete)
	require.Positive(t, sum.Written)
	require.Equal(t, sum.Written+sum.Failed+1, sum.Stopped.Line)
	sum = s.upload("events", strings.NewReader(body), "Content-Encoding", "gzip")
	require.Equal(t, 10_000, sum.Written)
}

// A budget that is full, or a share of it, pauses an upload instead of
// refusing it.
func TestAFullBudgetPausesAnUpload(t *testing.T) {
	s := newService(t, func(c *producer.Config) {
		c.Limits.InFlight, c.Limits.Body, c.Limits.Record = 700*units.KiB, 100*units.KiB, 90*units.KiB
		c.Timeout = time.Minute
	})
	lines := strings.Repeat(`{"text":"`+strings.Repeat("x", 1000)+`"}`+"\n", 5000)
	sum := s.upload("events", strings.NewReader(lines))
	require.Equal(t, 5000, sum.Written)
	require.Equal(t, 0, sum.Failed)
}
