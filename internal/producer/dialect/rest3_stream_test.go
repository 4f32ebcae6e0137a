package dialect_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"sluice/internal/producer"
	"sluice/internal/producer/producertest"
	"sluice/internal/units"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// upload3 is a stream that is open.
type upload3 struct {
	t        *testing.T
	send     *io.PipeWriter
	response chan *http.Response
	answers  *json.Decoder
	close    func() error
}

// open begins a stream.
func (p *proxy3) open(topic string, headers ...string) *upload3 {
	p.t.Helper()
	body, send := io.Pipe()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/v3/clusters/c1/topics/"+topic+"/records", body)
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	u := &upload3{t: p.t, send: send, response: make(chan *http.Response, 1)}
	go func() { // Ends with the first answer, or with the test's context.
		response, err := http.DefaultClient.Do(r) //nolint:bodyclose // The upload's end closes it.
		if err != nil {
			_ = body.CloseWithError(err)
		}
		u.response <- response
	}()
	p.t.Cleanup(u.abandon)
	return u
}

// write sends a part of the body.
func (u *upload3) write(part string) {
	u.t.Helper()
	_, err := io.WriteString(u.send, part)
	require.NoError(u.t, err)
}

// next reads one answer.
func (u *upload3) next() (a result3, err error) {
	u.t.Helper()
	if u.answers == nil {
		response := <-u.response
		require.NotNil(u.t, response)
		require.Equal(u.t, 200, response.StatusCode)
		u.answers, u.close = json.NewDecoder(response.Body), response.Body.Close
	}
	err = u.answers.Decode(&a)
	return a, err
}

// ask sends a record and reads its answer.
func (u *upload3) ask(record string) result3 {
	u.t.Helper()
	u.write(record)
	a, err := u.next()
	require.NoError(u.t, err)
	return a
}

// end ends the body.
func (u *upload3) end() { _ = u.send.Close() }

// rest reads the answers that are left, to the end.
func (u *upload3) rest() (all []result3) {
	u.t.Helper()
	for {
		a, err := u.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(u.t, err)
		all = append(all, a)
	}
}

// abandon goes away.
func (u *upload3) abandon() {
	_ = u.send.CloseWithError(errors.New("the client goes away"))
	if u.answers == nil {
		if response := <-u.response; response != nil {
			u.answers, u.close = json.NewDecoder(response.Body), response.Body.Close
		}
	}
	if u.close != nil {
		_ = u.close()
	}
}

func TestREST3AnswersWhileTheUploadRuns(t *testing.T) {
	p := newProxy3(t, nil)
	u := p.open("events")
	for i := range 20 {
		a := u.ask(fmt.Sprintf(`{"partition_id":0,"value":{"type":"JSON","data":%d}}`, i))
		require.Equal(t, 200, a.ErrorCode)
		require.Equal(t, int64(i), *a.Offset)
	}
	u.end()
	require.Empty(t, u.rest())
}

func TestREST3AnswersAreInTheOrderOfTheRecords(t *testing.T) {
	p := newProxy3(t, nil)
	const many = 5000
	var body strings.Builder
	for i := range many {
		data := fmt.Sprintf("%d", i)
		switch i % 1000 {
		case 17:
			data += strings.Repeat(" ", 64<<10) // Longer than the decoder holds.
		case 18:
			fmt.Fprintf(&body, `{"record":%d}`, i)
			continue
		}
		fmt.Fprintf(&body, `{"partition_id":%d,"value":{"type":"STRING","data":"%s"}}`, i%4, data)
		body.WriteString([]string{"", " ", "\n", "\r\n", "\t"}[i%5])
	}
	for name, r := range map[string]io.Reader{
		"at once":   strings.NewReader(body.String()),
		"in halves": iotest.HalfReader(strings.NewReader(body.String())),
	} {
		t.Run(name, func(t *testing.T) {
			all := results3(t, p.post("events/records", io.MultiReader(r)).body)
			require.Len(t, all, many)
			next := map[int32]int64{}
			for i, a := range all {
				if i%1000 == 18 {
					require.Equal(t, 400, a.ErrorCode)
					continue
				}
				require.Equal(t, 200, a.ErrorCode, "%d: %+v", i, a)
				require.Equal(t, int32(i%4), *a.Partition)
				if before, ok := next[*a.Partition]; ok {
					require.Equal(t, before, *a.Offset)
				}
				next[*a.Partition] = *a.Offset + 1
			}
			found := p.find(all[many-1])
			require.Equal(t, fmt.Sprint(many-1), string(found.Value))
			require.Equal(t, "3017", strings.TrimSpace(string(p.find(all[3017]).Value)))
		})
	}
}

func TestREST3BodiesInAnyParts(t *testing.T) {
	p := newProxy3(t, nil)
	body := `{"value":{"type":"STRING","data":"a}{\"\\"}} ` + strings.Repeat(" ", 40<<10) + `{"key":{"type":"JSON","data":[{"x":"]"}]}}`
	all := results3(t, p.post("events/records", iotest.OneByteReader(strings.NewReader(body))).body)
	require.Equal(t, []int{200, 200}, codes3(all))
	require.Equal(t, `a}{"\`, string(p.find(all[0]).Value))
	require.Len(t, p.find(all[1]).Key, len(`[{"x":"]"}]`))
}

func TestREST3StreamEndsAtWhatIsNotJSON(t *testing.T) {
	p := newProxy3(t, nil)
	long := strings.Repeat("x", 100<<10)
	for name, c := range map[string]struct{ text, say string }{
		"syntax":                  {`{"value":}`, "Error processing JSON"},
		"garbage":                 {`hello`, "Error processing JSON"},
		"an array":                {`[{}]`, "a record must be an object"},
		"null":                    {`null`, "a record must be an object"},
		"a string":                {`"x"`, "a record must be an object"},
		"a comma between":         {`,{}`, "Error processing JSON"},
		"duplicate name":          {`{"key":null,"key":null}`, "duplicate"},
		"duplicate name in data":  {`{"value":{"type":"JSON","data":{"a":1,"a":2}}}`, "duplicate"},
		"invalid UTF-8":           {"{\"value\":{\"type\":\"STRING\",\"data\":\"\xc3\x28\"}}", "UTF-8"},
		"a lone surrogate":        {`{"value":{"type":"STRING","data":"\udc00"}}`, "Error processing JSON"},
		"a control character":     {"{\"value\":{\"type\":\"STRING\",\"data\":\"a\nb\"}}", "Error processing JSON"},
		"cut off":                 {`{"value":{"type":"STRING"`, "after object value"},
		"cut off, a long one":     {`{"value":{"type":"STRING","data":"` + long, "unexpected EOF"},
		"100,000 levels":          {`{"value":{"type":"JSON","data":` + strings.Repeat("[", 100_000), "depth"},
		"100,000 levels, closed":  {`{"value":{"type":"JSON","data":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}}`, "depth"},
		"late, in a long one":     {`{"value":{"type":"JSON","data":["` + long + `",]}}`, "Error processing JSON"},
		"duplicate in a long one": {`{"value":{"type":"JSON","data":"` + long + `"},"value":null}`, "duplicate"},
	} {
		t.Run(name, func(t *testing.T) {
			all := p.stream("events", `{"value":{"type":"STRING","data":"before"}}`+c.text+` {"value":{"type":"STRING","data":"after"}}`)
			require.Equal(t, []int{200, 400}, codes3(all), "%+v", all)
			require.Contains(t, all[1].Message, "Bad Request: Error processing JSON: ")
			require.Contains(t, all[1].Message, c.say)
		})
	}
	require.NotContains(t, p.Values(producertest.Topic), "after")
	all := p.stream("events", `{"value":`)
	require.Equal(t, []int{400}, codes3(all))
	require.Equal(t, "Bad Request: Error processing JSON: unexpected EOF (at \"value\")", all[0].Message)
}

func TestREST3OneRecordIsTooLarge(t *testing.T) {
	p := newProxy3(t, func(c *producer.Config) { c.Limits.Record = 60 * units.KiB })
	record := func(data string) string { return `{"value":{"type":"STRING","data":"` + data + `"}}` }
	for name, large := range map[string]string{
		"a little":        strings.Repeat("x", 60<<10+1),
		"as JSON":         strings.Repeat(`\u0041`, 60<<10),
		"by far":          strings.Repeat("x", 5<<20),
		"quotes in it":    strings.Repeat(`\"}\\`, 1<<20),
		"brackets in it":  strings.Repeat(`]}{`, 1<<20),
		"backslash at it": strings.Repeat(`\\`, 100<<10),
	} {
		t.Run(name, func(t *testing.T) {
			all := p.stream("events", record("before")+record(large)+record("after")+record(strings.Repeat("y", 60<<10)))
			require.Equal(t, []int{200, 400, 200, 200}, codes3(all), "%+v", all)
			require.Contains(t, all[1].Message, "limit")
			require.Equal(t, "after", string(p.find(all[2]).Value))
			require.Len(t, p.find(all[3]).Value, 60<<10)
		})
	}
}

func TestREST3Encodings(t *testing.T) {
	p := newProxy3(t, nil)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`{"value":{"type":"STRING","data":"` + strings.Repeat("x", 500<<10) + `"}} {}`))
	require.NoError(t, z.Close())
	whole := zipped.String()
	require.Equal(t, []int{200, 200}, codes3(p.stream("events", whole, "Content-Encoding", "gzip")))
	all := p.stream("events", whole[:len(whole)-9], "Content-Encoding", "gzip")
	require.Equal(t, []int{200, 200, 400}, codes3(all), "the end is missing, which may have been a record")
	require.Contains(t, all[2].Message, "cut off")
	all = p.stream("events", whole[:len(whole)-8]+"checksum", "Content-Encoding", "gzip")
	require.Equal(t, []int{200, 200, 400}, codes3(all))
	require.Contains(t, all[2].Message, "not valid gzip")

	encoder, err := zstd.NewWriter(nil, zstd.WithWindowSize(64<<10))
	require.NoError(t, err)
	require.Equal(t, []int{200, 200}, codes3(p.stream("events", string(encoder.EncodeAll([]byte(`{}{}`), nil)), "Content-Encoding", "zstd")))
	require.NoError(t, encoder.Close())

	// A client that flushes its compressor sees its answers.
	u := p.open("events", "Content-Encoding", "gzip")
	z = gzip.NewWriter(u.send)
	for range 3 {
		_, err := z.Write([]byte(`{}`))
		require.NoError(t, err)
		require.NoError(t, z.Flush())
		a, err := u.next()
		require.NoError(t, err)
		require.Equal(t, 200, a.ErrorCode)
	}
	require.NoError(t, z.Close())
	u.end()
	require.Empty(t, u.rest())
}

func TestREST3ChunkedBodyThatIsCutOff(t *testing.T) {
	p := newProxy3(t, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "POST /v3/clusters/c1/topics/events/records HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n")
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	answer, err := in.ReadString('}')
	require.NoError(t, err)
	require.Contains(t, answer, `{"error_code":200,`)
	_, err = io.WriteString(conn, "10\r\n{\"val")
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Contains(t, string(rest), `{"error_code":400,"message":"the request body was cut off or came too slowly"}`)
	require.Len(t, p.Values(producertest.Topic), 1)
}

// What was answered is there, and the test's end finds no goroutine.
func TestREST3ClientGoesAwayHalfWay(t *testing.T) {
	p := newProxy3(t, nil)
	u := p.open("events")
	for i := range 3 {
		require.Equal(t, 200, u.ask(fmt.Sprintf(`{"value":{"type":"JSON","data":%d}}`, i)).ErrorCode)
	}
	u.write(`{"value":{"type":"JSON","data":3}}{"value":{"ty`)
	u.abandon()
	found := p.Values(producertest.Topic)
	for _, value := range []string{"0", "1", "2"} {
		require.Equal(t, 1, found[value])
	}
	require.NotContains(t, found, "")
}

func TestREST3StreamsEndWithTheService(t *testing.T) {
	p := newProxy3(t, nil)
	u := p.open("events")
	require.Equal(t, 200, u.ask(`{}`).ErrorCode)
	p.Writer.EndStreams()
	all := u.rest()
	require.Equal(t, []int{50302}, codes3(all))
	require.Contains(t, all[0].Message, "not written")
}

// pipes is a listener of connections that have no buffer: what a server writes
// waits until the client reads it.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error {
	close(p)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial() net.Conn {
	client, server := net.Pipe()
	p <- server
	return client
}

func TestREST3ClientThatDoesNotReadEndsOnlyItself(t *testing.T) {
	p := newProxy3(t, nil)
	listener := make(pipes)
	// Each request that has been answered is told here.
	ended := make(chan string, 2)
	handler := p.handler()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		ended <- r.PathValue("cluster")
	}), ReadHeaderTimeout: time.Minute}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(listener) })
	head := func(cluster string) string {
		return "POST /v3/clusters/" + cluster + "/topics/events/records HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
	}
	deaf := listener.dial()
	sent := make(chan int, 1)
	wg.Go(func() {
		_, _ = io.WriteString(deaf, head("deaf"))
		count := 0
		for ; ; count++ { // Ends when the connection does.
			if _, err := io.WriteString(deaf, "2\r\n{}\r\n"); err != nil {
				break
			}
		}
		sent <- count
	})
	// Its first record is there: it has an answer to read.
	p.Await(func() bool { return p.Values("events")[""] > 0 })

	other := listener.dial()
	wg.Go(func() { _, _ = io.WriteString(other, head("other")+"2\r\n{}\r\n0\r\n\r\n") })
	response := make([]byte, 16)
	_, err := io.ReadFull(other, response)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 200 OK\r", string(response))
	wg.Go(func() { _, _ = io.Copy(io.Discard, other) })
	require.Equal(t, "other", <-ended)

	require.NoError(t, deaf.Close())
	require.Equal(t, "deaf", <-ended)
	require.Less(t, <-sent, 1_000_000, "it could not send for ever")
	require.NoError(t, other.Close())
	require.NoError(t, server.Close())
	wg.Wait()
}

// slowWriter is the writer of a client whose time for reading is over.
type slowWriter struct {
	*httptest.ResponseRecorder
	mu        sync.Mutex
	deadlines int
}

func (w *slowWriter) Write([]byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deadlines == 0 {
		return 0, errors.New("a write without a deadline")
	}
	return 0, errWouldBlock
}

var errWouldBlock = errors.New("i/o timeout")

func (w *slowWriter) SetWriteDeadline(at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Until(at) > 0 {
		w.deadlines++
	}
	return nil
}

func TestREST3WriteThatTimesOutEndsTheStream(t *testing.T) {
	p := newProxy3(t, nil)
	w := &slowWriter{ResponseRecorder: httptest.NewRecorder()}
	endless := iotest.OneByteReader(endlessRecords{strings.NewReader("")})
	r := httptest.NewRequest(http.MethodPost, "/v3/clusters/c1/topics/events/records", endless)
	r.ContentLength, r.Proto, r.ProtoMajor = -1, "HTTP/2.0", 2 // Whose bodies are not drained.
	p.handler().ServeHTTP(w, r)
	require.NotZero(t, w.deadlines)
	// It has returned, and the service goes on.
	require.Equal(t, 200, p.one("events", `{}`).ErrorCode)
}

// endlessRecords never ends.
type endlessRecords struct{ *strings.Reader }

func (e endlessRecords) Read(b []byte) (int, error) {
	if e.Len() == 0 {
		e.Reset(`{} `)
	}
	return e.Reader.Read(b)
}

// Kafka holds the first piece back while the others wait behind it.
func TestREST3RecordsOfSeveralPiecesKeepTheirOrder(t *testing.T) {
	p := newProxy3(t, nil)
	held, release := p.HoldProduce()
	var wg sync.WaitGroup
	wg.Go(func() {
		all := p.stream("events", strings.Repeat(`{"partition_id":0}`, 5000))
		require.Len(t, all, 5000)
		for i, a := range all {
			require.Equal(t, int64(i), *a.Offset)
		}
	})
	<-held
	release()
	wg.Wait()
}
