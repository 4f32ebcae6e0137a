package groups_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/consumer"
	"sluice/internal/access"
	"sluice/internal/groups"
	"sluice/internal/httpserver"
)

// door is the endpoints on a real server.
type door struct {
	t        *testing.T
	url, key string
}

// open serves the endpoints. The principal "shop" may do what the grant says;
// without a grant, everybody may everything.
func open(t *testing.T, inspector *groups.Inspector, grant *access.Grant, away func() error, handlers ...groups.Handler) *door {
	t.Helper()
	d := &door{t: t}
	opts := httpserver.Options{
		Title: "test", Version: "1", Listen: []string{"127.0.0.1:0"}, Setting: "test.listen",
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	}
	if grant != nil {
		grant.Name = "shop"
		key, line, err := access.NewKey(grant.Name, time.Now())
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "keys")
		require.NoError(t, os.WriteFile(file, []byte(line+"\n"), 0o600))
		opts.Auth, err = access.New(access.Config{KeysFile: file, Principals: access.Grants{*grant}}, opts.Log)
		require.NoError(t, err)
		d.key = key
	}
	s := httpserver.New(opts)
	groups.NewAPI(inspector, handlers, away).Register(s)
	require.NoError(t, s.Listen(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { require.NoError(t, s.Serve()) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		http.DefaultClient.CloseIdleConnections()
		_ = s.Shutdown(ctx)
		wg.Wait()
	})
	d.url = "http://" + s.Addrs()[0]
	return d
}

func (d *door) get(path string) (code int, header http.Header, body string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.url+path, nil)
	require.NoError(d.t, err)
	if d.key != "" {
		r.Header.Set("X-Api-Key", d.key)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(d.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	return resp.StatusCode, resp.Header, string(text)
}

// answer reads a path as JSON.
func answer[T any](d *door, path string) T {
	d.t.Helper()
	code, header, body := d.get(path)
	require.Equal(d.t, 200, code, body)
	require.Equal(d.t, "application/json", header.Get("Content-Type"))
	var v T
	require.NoError(d.t, json.Unmarshal([]byte(body), &v))
	return v
}

// member is this program's member of a group.
type member consumer.Status

func (m member) Status() consumer.Status { return consumer.Status(m) }

func handler(name, group string, topics ...string) groups.Handler {
	return groups.Handler{Name: name, Group: group, Topics: topics, Member: member{Handler: name, Group: group}}
}

func TestGroupsOfThisProgram(t *testing.T) {
	w := newWorld(t, 2, kfake.SeedTopics(1, "orders"))
	w.write(record(0, time.Minute), record(1, time.Hour))
	w.join()
	d := open(t, w.Inspector, nil, nil, handler("log", group, topic), handler("mail", "mailers", "orders"))
	list := answer[groups.Groups](d, "/groups")
	require.Equal(t, []groups.Overview{
		{Group: group, Handler: "log", Topics: []string{topic}, State: "Stable", Members: 1, Total: groups.Total{Lag: new(int64(2)), LagSeconds: new(3600.0)}},
		{Group: "mailers", Handler: "mail", Topics: []string{"orders"}, State: "Dead", Total: groups.Total{Lag: new(int64), LagSeconds: new(0.0)}},
	}, list.Groups)
}

func TestOneGroup(t *testing.T) {
	w := newWorld(t, 1)
	w.write(record(0, time.Minute))
	w.commit(0, 0, "")
	d := open(t, w.Inspector, nil, nil, handler("log", group, topic), handler("other", "others", topic))
	_, _, body := d.get("/groups/" + group)
	host, err := os.Hostname()
	require.NoError(t, err)
	require.JSONEq(t, `{"group":"readers","state":"Empty","type":"classic","topics":["events"],
		"lag":1,"lag_seconds":60,"unknown":0,"at":"2026-11-23T12:00:00Z","members":[],
		"partitions":[{"topic":"events","partition":0,"committed":0,"start":0,"end":1,"lag":1,"lag_seconds":60,"subscribed":true}],
		"this_replica":{"host":"`+host+`","members":[{"handler":"log","group":"readers","partitions":null,
			"records":{"in":0,"ok":0,"dead":0,"queued":0,"running":0,"retrying":0,"returned":0}}]}}`, body)
}

func TestAGroupOfAnotherProgram(t *testing.T) {
	w := newWorld(t, 1)
	w.commit(0, 0, "")
	g := answer[groups.Detail](open(t, w.Inspector, nil, nil), "/groups/"+group)
	require.Equal(t, group, g.Name)
	require.Empty(t, g.ThisReplica.Members)
}

func TestWhoMaySeeAGroup(t *testing.T) {
	retry := topic + "." + group + ".retry"
	for name, c := range map[string]struct {
		topics []string
		rights []string
		code   int
		listed int
	}{
		"who may read its topics":   {[]string{topic, "orders"}, []string{"read"}, 200, 1},
		"who may read all topics":   {[]string{"*"}, []string{"read"}, 200, 1},
		"who may read one of two":   {[]string{topic}, []string{"read"}, 403, 0},
		"who may read others":       {[]string{"other"}, []string{"read"}, 403, 0},
		"who may write to them all": {[]string{"*"}, []string{"write"}, 403, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, kfake.SeedTopics(1, "orders", retry))
			d := open(t, w.Inspector, &access.Grant{Topics: c.topics, Rights: c.rights}, nil, handler("log", group, topic, "orders", retry))
			code, _, body := d.get("/groups/" + group)
			require.Equal(t, c.code, code, body)
			require.Len(t, answer[groups.Groups](d, "/groups").Groups, c.listed)
			d.key = "sluice_wrong"
			code, _, _ = d.get("/groups/" + group)
			require.Equal(t, 401, code)
		})
	}
}

func TestRequestsAboutGroupsThatAreRefused(t *testing.T) {
	w := newWorld(t, 1)
	d := open(t, w.Inspector, nil, nil)
	for name, c := range map[string]struct {
		path string
		code int
		says string
	}{
		"unknown group":          {"/groups/nobody", 404, `Kafka knows no group \"nobody\"`},
		"a name with slashes":    {"/groups/a%2Fb%00", 404, `no group \"a/b\\x00\"`},
		"bytes that are no name": {"/groups/%ff", 422, "names no group"},
		"a very long name":       {"/groups/" + strings.Repeat("x", 300), 422, "1 to 255 bytes"},
		"query of the list":      {"/groups?topic=x", 422, "takes no query parameters"},
		"query of a group":       {"/groups/x?a", 422, "takes no query parameters"},
	} {
		t.Run(name, func(t *testing.T) {
			code, header, body := d.get(c.path)
			require.Equal(t, c.code, code, body)
			require.Equal(t, "application/problem+json", header.Get("Content-Type"))
			require.Contains(t, body, c.says)
		})
	}
}

func TestGroupsWhileKafkaIsAway(t *testing.T) {
	h := handler("log", group, topic)
	lost := func() error { return errors.New("away since noon") }
	for name, d := range map[string]*door{
		"known to be":  open(t, groups.NewInspector(newControl(t, []string{"127.0.0.1:1"})), nil, lost, h),
		"gone":         open(t, groups.NewInspector(newControl(t, []string{"127.0.0.1:1"})), nil, nil, h),
		"says nothing": open(t, groups.NewInspector(newControl(t, []string{silent(t)})), nil, nil, h),
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/groups", "/groups/" + group} {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				code, header, body := d.get(path)
				require.NoError(t, ctx.Err(), "it is bounded")
				require.Equal(t, 503, code)
				require.Equal(t, "1", header.Get("Retry-After"))
				require.Contains(t, body, "Kafka is not available")
				require.NotContains(t, body, "127.0.0.1", "addresses are nobody's business")
			}
		})
	}
}

func TestAGroupThatKafkaDoesNotLetUsAskAbout(t *testing.T) {
	w := newWorld(t, 1)
	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Group: group, Err: kerr.GroupAuthorizationFailed, Count: -1})
	d := open(t, w.Inspector, nil, nil, handler("log", group, topic), handler("other", "others", topic))
	code, _, body := d.get("/groups/" + group)
	require.Equal(t, 403, code)
	require.Contains(t, body, "the right to describe the group")
	list := answer[groups.Groups](d, "/groups")
	require.Contains(t, list.Groups[0].Problem, "the right to describe")
	require.Equal(t, "Dead", list.Groups[1].State, "the others are shown all the same")
}

// However many ask, Kafka is asked once.
func TestAnswersAreShared(t *testing.T) {
	w := newWorld(t, 1)
	w.commit(0, 0, "")
	asked := w.count(kmsg.DescribeGroups)
	d := open(t, w.Inspector, nil, nil)
	begin := time.Now()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { d.get("/groups/" + group) })
	}
	wg.Wait()
	seconds := int64(time.Since(begin)/time.Second) + 1
	require.LessOrEqual(t, asked.Load(), seconds, "one a second at most")
}
