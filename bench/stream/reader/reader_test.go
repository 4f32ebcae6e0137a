package reader

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// talk runs readers of a server whose streams say what serve writes, and
// returns how to ask them.
func talk(t *testing.T, clients int, serve func(w io.Writer, flush func())) (ask func(c *Command) (Event, error), end func() error) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(w, w.(http.Flusher).Flush)
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	commands, in := io.Pipe()
	out, events := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Run(t.Context(), Spec{Address: s.Listener.Addr().String(), Path: "/", Clients: clients}, commands, events)
		_ = events.CloseWithError(io.EOF)
		_ = commands.CloseWithError(io.ErrClosedPipe)
		ended <- err
	}()
	lines := json.NewDecoder(out)
	ask = func(c *Command) (e Event, err error) {
		if c != nil {
			if err := json.NewEncoder(in).Encode(c); err != nil {
				return e, err
			}
		}
		return e, lines.Decode(&e)
	}
	return ask, func() error {
		_ = in.Close()
		return <-ended
	}
}

func record(partition int, s Stamp) string {
	return fmt.Sprintf("id: x\ndata: {\"partition\":%d,\"value\":%s}\n\n", partition, AppendValue(nil, s, 100))
}

const ready = "event: ready\ndata: {}\n\n"

func TestWhatReadersTell(t *testing.T) {
	const clients = 40
	more := make(chan struct{})
	ask, end := talk(t, clients, func(w io.Writer, flush func()) {
		_, _ = io.WriteString(w, ready+record(0, Stamp{Number: 0})+record(1, Stamp{Number: 1, At: 1}))
		flush()
		<-more
		_, _ = io.WriteString(w, record(0, Stamp{Number: 2}))
		flush()
	})
	e, err := ask(nil)
	require.NoError(t, err)
	require.Equal(t, Event{Ready: true}, e)

	e, err = ask(&Command{Messages: 2})
	require.NoError(t, err)
	require.EqualValues(t, 2*clients, e.Deliveries)
	require.Positive(t, e.At)
	require.Greater(t, e.P50.Hours(), 24*365*50.0, "written in 1970")
	require.Greater(t, e.Bytes, int64(2*100*clients))

	close(more)
	e, err = ask(&Command{Messages: 3})
	require.NoError(t, err)
	require.EqualValues(t, clients, e.Deliveries, "since the last time")
	require.Zero(t, e.P99, "no time was measured")
	require.NoError(t, end())
}

func TestWhatReadersDoNotTake(t *testing.T) {
	for name, c := range map[string]struct {
		says, want string
	}{
		"a gap":                    {"event: gap\ndata: {\"reason\":\"expired\"}\n\n", `"gap": {"reason":"expired"}`},
		"a record twice":           {record(0, Stamp{}) + record(0, Stamp{}), "record 0 of partition 0 came after 0"},
		"order":                    {record(0, Stamp{Number: 1}) + record(0, Stamp{}), "record 0 of partition 0 came after 1"},
		"another record":           {record(0, Stamp{Number: 5}) + record(1, Stamp{Number: 6}), "the sum of their numbers is 11, not 1"},
		"one too many":             {record(0, Stamp{}) + record(0, Stamp{Number: 1}) + record(0, Stamp{Number: 2}), "a client has 3 records of 2"},
		"what nobody has written":  {"data: {\"hello\":1}\n\ndata: {}\n\n", errForeign.Error()},
		"a partition out of bound": {record(maxPartition, Stamp{}) + record(0, Stamp{Number: 1}), errForeign.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			ask, end := talk(t, 1, func(w io.Writer, flush func()) {
				_, _ = io.WriteString(w, ready+c.says)
				flush()
			})
			e, err := ask(nil)
			for ; err == nil; e, err = ask(&Command{Messages: 2}) {
				require.Zero(t, e.Deliveries)
			}
			require.ErrorContains(t, end(), c.want)
		})
	}
}

func TestReadersWithoutAServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	run := func(spec Spec) error { return Run(t.Context(), spec, http.NoBody, io.Discard) }
	require.ErrorContains(t, run(Spec{Address: l.Addr().String(), Clients: 1}), "connect")
	require.ErrorContains(t, run(Spec{Address: "localhost", Clients: 1}), "localhost")
	require.ErrorContains(t, run(Spec{Address: "127.0.0.1:1"}), "one client or more")
}
