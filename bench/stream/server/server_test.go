package server

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestFrames(t *testing.T) {
	f, err := frame(&kgo.Record{
		Topic: "t", Partition: 2, Offset: 7, Timestamp: time.UnixMilli(5), Key: []byte("k"), Value: []byte(`{"n":1}`),
	})
	require.NoError(t, err)
	require.Equal(t, "id: 2-7\ndata: {\"topic\":\"t\",\"partition\":2,\"offset\":7,\"timestamp\":5,\"key\":\"k\",\"headers\":[],\"value\":{\"n\":1}}\n\n", string(f))
	_, err = frame(&kgo.Record{Value: []byte("not JSON")})
	require.Error(t, err)
}

// TestBothServersStreamTheSame holds the events of one beside those of the
// other: all but the ids is the same.
func TestBothServersStreamTheSame(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "seen"), kfake.SeedTopics(1, "idle"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	var streams [][]string
	producer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	require.NoError(t, err)
	t.Cleanup(producer.Close)
	open := func(plain bool) *bufio.Reader {
		l := start(t, Spec{Plain: plain, Brokers: cluster.ListenAddrs(), Topic: "seen", Idle: "idle", Group: "g", Profile: plain})
		if plain {
			profile, err := http.Get("http://" + l.Profile + "/debug/pprof/goroutine?debug=1")
			require.NoError(t, err)
			text, err := io.ReadAll(profile.Body)
			require.NoError(t, err)
			require.NoError(t, profile.Body.Close())
			require.Contains(t, string(text), "runPlain")
			http.DefaultClient.CloseIdleConnections()
		} else {
			require.Empty(t, l.Profile)
		}
		lines := listen(t, "http://"+l.Address+l.Path)
		require.Equal(t, "ready", next(t, lines, "event: "))
		return lines
	}
	both := []*bufio.Reader{open(true), open(false)}
	for i := range 3 {
		r := &kgo.Record{Topic: "seen", Timestamp: time.UnixMilli(int64(1000 + i)), Value: []byte(`{"n":` + string(rune('0'+i)) + `}`)}
		if i == 1 {
			r.Key = []byte("k")
		}
		require.NoError(t, producer.ProduceSync(t.Context(), r).FirstErr())
	}
	for _, lines := range both {
		var got []string
		for len(got) < 3 {
			if data := next(t, lines, "data: "); strings.Contains(data, `"value"`) {
				got = append(got, data)
			}
		}
		streams = append(streams, got)
	}
	require.ElementsMatch(t, streams[0], streams[1])
}

// start runs a server until the test ends.
func start(t *testing.T, spec Spec) (l Listening) {
	t.Helper()
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, spec, in, t.Output()) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	require.NoError(t, json.NewDecoder(out).Decode(&l))
	return l
}

func listen(t *testing.T, address string) *bufio.Reader {
	t.Helper()
	response, err := http.Get(address)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, response.Body.Close())
		http.DefaultClient.CloseIdleConnections()
	})
	require.Equal(t, http.StatusOK, response.StatusCode)
	return bufio.NewReader(response.Body)
}

// next returns what follows the next line that begins so.
func next(t *testing.T, lines *bufio.Reader, prefix string) string {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		if value, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), prefix); ok {
			return value
		}
	}
}

func TestServersThatCannotTell(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "seen", "idle"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	for _, plain := range []bool{true, false} {
		out, in := io.Pipe()
		require.NoError(t, out.Close())
		err := Run(t.Context(), Spec{Plain: plain, Brokers: cluster.ListenAddrs(), Topic: "seen", Idle: "idle", Group: "g"}, in, t.Output())
		require.ErrorIs(t, err, io.ErrClosedPipe, "plain: %v", plain)
	}
}
