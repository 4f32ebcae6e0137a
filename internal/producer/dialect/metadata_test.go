package dialect_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/internal/kafka"
	"sluice/internal/producer"
	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// catalog is the metadata endpoints on a real server. The principal "shop" may
// do what the grant says; without a grant, everybody may everything.
type catalog struct {
	t   *testing.T
	url string
	key string
}

func newCatalog(t *testing.T, w *producer.Writer, grant *access.Grant) *catalog {
	t.Helper()
	c := &catalog{t: t}
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
		c.key = key
	}
	s := httpserver.New(opts)
	dialect.NewTopic(w).Register(s)
	dialect.NewPartition(w).Register(s)
	dialect.NewMetadata(w).Register(s)
	require.NoError(t, s.Listen(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { require.NoError(t, s.Serve()) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		wg.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	c.url = "http://" + s.Addrs()[0]
	return c
}

// get asks for a path with headers given as pairs.
func (c *catalog) get(path string, headers ...string) (code int, header http.Header, body string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+path, nil)
	require.NoError(c.t, err)
	if c.key != "" {
		r.Header.Set("X-Api-Key", c.key)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(c.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return resp.StatusCode, resp.Header, string(text)
}

// errorOf asks for a path and returns how it was refused.
func (c *catalog) errorOf(path string, headers ...string) (status, code int) {
	c.t.Helper()
	status, _, body := c.get(path, headers...)
	var e struct {
		ErrorCode int `json:"error_code"`
		Message   string
	}
	require.NoError(c.t, json.Unmarshal([]byte(body), &e), body)
	require.NotEmpty(c.t, e.Message)
	return status, e.ErrorCode
}

func lab(t *testing.T) *producertest.World {
	return producertest.New(t, nil, kfake.NumBrokers(3), kfake.ClusterID("lab"),
		kfake.SeedTopics(1, "audit"), kfake.SeedTopics(1, "__consumer_offsets"))
}

func TestMetadataV2(t *testing.T) {
	w := lab(t)
	c := newCatalog(t, w.Writer, nil)
	topic, err := describe(t, w).DescribeTopic(t.Context(), "audit")
	require.NoError(t, err)
	leader := topic.Partitions[0].Leader

	status, header, body := c.get("/topics")
	require.Equal(t, 200, status)
	require.Equal(t, restV2, header.Get("Content-Type"))
	require.Equal(t, `["audit","events"]`, body, "what is internal is left out")

	_, _, body = c.get("/brokers")
	require.JSONEq(t, `{"brokers":[0,1,2]}`, body)

	_, _, body = c.get("/topics/audit")
	var info struct {
		Name       string
		Configs    map[string]*string
		Partitions json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(body), &info))
	require.Equal(t, "audit", info.Name)
	require.Equal(t, "delete", *info.Configs["cleanup.policy"])
	_, _, partitions := c.get("/topics/audit/partitions")
	require.Equal(t, string(info.Partitions), partitions)

	var list []struct {
		Partition, Leader int32
		Replicas          []struct {
			Broker int32
			Leader bool
			InSync bool `json:"in_sync"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(partitions), &list))
	require.Len(t, list, 1)
	require.Equal(t, leader, list[0].Leader)
	require.Len(t, list[0].Replicas, len(topic.Partitions[0].Replicas))
	for _, r := range list[0].Replicas {
		require.Equal(t, r.Broker == leader, r.Leader)
		require.True(t, r.InSync)
	}
	_, _, partition := c.get("/topics/audit/partitions/0")
	require.Equal(t, partitions, "["+partition+"]")

	_, _, body = c.get("/topics/__consumer_offsets/partitions/0/offsets")
	require.Equal(t, `{"beginning_offset":0,"end_offset":0}`, body, "what is internal can be asked for")
}

// Who has just written a record finds it counted, however often he has asked
// before.
func TestMetadataOffsetsAreThoseOfNow(t *testing.T) {
	w := lab(t)
	c := newCatalog(t, w.Writer, nil)
	w.Know("audit")
	for _, want := range []string{`"end_offset":0}`, `"end_offset":1}`, `"end_offset":2}`} {
		_, _, body := c.get("/topics/audit/partitions/0/offsets")
		require.Contains(t, body, want)
		_, err := producertest.WriteTo(w.Writer, "audit", "x", nil)
		require.Nil(t, err)
	}
}

func TestMetadataV3(t *testing.T) {
	w := lab(t)
	c := newCatalog(t, w.Writer, nil)
	status, header, body := c.get("/v3/clusters")
	require.Equal(t, 200, status)
	require.Equal(t, "application/json", header.Get("Content-Type"))
	cluster := `{"kind":"KafkaCluster","metadata":{"self":"` + c.url + `/v3/clusters/lab","resource_name":"crn:///kafka=lab"},"cluster_id":"lab","topics":{"related":"` + c.url + `/v3/clusters/lab/topics"}}`
	require.Equal(t, `{"kind":"KafkaClusterList","metadata":{"self":"`+c.url+`/v3/clusters","next":null},"data":[`+cluster+`]}`, body)
	_, _, body = c.get("/v3/clusters/lab")
	require.Equal(t, cluster, body)

	_, _, body = c.get("/v3/clusters/lab/topics/audit")
	topic, err := describe(t, w).DescribeTopic(t.Context(), "audit")
	require.NoError(t, err)
	require.JSONEq(t, `{"kind":"KafkaTopic","metadata":{"self":"`+c.url+`/v3/clusters/lab/topics/audit","resource_name":"crn:///kafka=lab/topic=audit"},
		"cluster_id":"lab","topic_name":"audit","is_internal":false,"replication_factor":`+string(rune('0'+len(topic.Partitions[0].Replicas)))+`,"partitions_count":1,"authorized_operations":[]}`, body)

	_, _, list := c.get("/v3/clusters/lab/topics")
	var topics struct {
		Kind     string
		Metadata map[string]any
		Data     []json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(list), &topics))
	require.Equal(t, "KafkaTopicList", topics.Kind)
	require.Equal(t, map[string]any{"self": c.url + "/v3/clusters/lab/topics", "next": nil}, topics.Metadata)
	require.Len(t, topics.Data, 2)
	require.Equal(t, body, string(topics.Data[0]))
}

func TestMetadataErrors(t *testing.T) {
	c := newCatalog(t, lab(t).Writer, nil)
	for path, want := range map[string][2]int{
		"/topics/nowhere":                        {404, 40401},
		"/topics/nowhere/partitions":             {404, 40401},
		"/topics/nowhere/partitions/0":           {404, 40401},
		"/topics/nowhere/partitions/0/offsets":   {404, 40401},
		"/topics/audit/partitions/1":             {404, 40402},
		"/topics/audit/partitions/-1":            {404, 40402},
		"/topics/audit/partitions/x":             {404, 40402},
		"/topics/audit/partitions/1/offsets":     {404, 40402},
		"/topics/audit/partitions/4294967296":    {404, 40402},
		"/topics/a%2Fb":                          {422, 422},
		"/topics/%2E%2E/partitions":              {422, 422},
		"/topics?verbose=true":                   {422, 422},
		"/brokers?x":                             {422, 422},
		"/v3/clusters?page_size=1":               {422, 422},
		"/v3/clusters/other":                     {404, 404},
		"/v3/clusters/other/topics":              {404, 404},
		"/v3/clusters/other/topics/audit":        {404, 404},
		"/v3/clusters/lab/topics/nowhere":        {404, 40401},
		"/v3/clusters/lab/topics/a%2Fb":          {422, 422},
		"/v3/clusters/lab/topics/audit?includes": {422, 422},
	} {
		status, code := c.errorOf(path)
		require.Equal(t, want, [2]int{status, code}, path)
	}
}

func TestMetadataAccept(t *testing.T) {
	c := newCatalog(t, lab(t).Writer, nil)
	for accept, want := range map[string]string{"application/json": "application/json", "application/vnd.kafka+json": "application/vnd.kafka+json", "*/*": restV2} {
		status, header, _ := c.get("/topics", "Accept", accept)
		require.Equal(t, 200, status)
		require.Equal(t, want, header.Get("Content-Type"))
		status, header, _ = c.get("/topics/nowhere", "Accept", accept)
		require.Equal(t, 404, status)
		require.Equal(t, want, header.Get("Content-Type"))
	}
	for _, path := range []string{"/topics", "/v3/clusters"} {
		status, code := c.errorOf(path, "Accept", "text/html")
		require.Equal(t, [2]int{406, 406}, [2]int{status, code})
	}
	status, code := c.errorOf("/v3/clusters", "Accept", restV2)
	require.Equal(t, [2]int{406, 406}, [2]int{status, code}, "version 3 has a content type of its own")
}

func TestMetadataShowsWhatThePrincipalMaySee(t *testing.T) {
	w := lab(t)
	for _, right := range []string{"read", "write"} {
		c := newCatalog(t, w.Writer, &access.Grant{Topics: []string{"aud*"}, Rights: []string{right}})
		_, _, body := c.get("/topics")
		require.Equal(t, `["audit"]`, body)
		_, _, body = c.get("/v3/clusters/lab/topics")
		require.Contains(t, body, "audit")
		require.NotContains(t, body, "events")
		status, _, _ := c.get("/topics/audit/partitions/0/offsets")
		require.Equal(t, 200, status)
		for _, path := range []string{
			"/topics/events", "/topics/events/partitions", "/topics/events/partitions/0", "/topics/events/partitions/0/offsets",
			"/topics/nowhere", "/v3/clusters/lab/topics/events", "/v3/clusters/lab/topics/nowhere", "/topics/__consumer_offsets",
		} {
			status, code := c.errorOf(path)
			require.Equal(t, [2]int{403, 40301}, [2]int{status, code}, "whether it exists is not told: %s", path)
		}
	}
	c := newCatalog(t, w.Writer, &access.Grant{Topics: []string{"*"}, Rights: []string{"operate"}})
	_, _, body := c.get("/topics")
	require.Equal(t, `[]`, body)
}

func TestMetadataWithoutACredential(t *testing.T) {
	c := newCatalog(t, lab(t).Writer, &access.Grant{Topics: []string{"*"}, Rights: []string{"read"}})
	c.key = ""
	for path, want := range map[string]string{"/topics": restV2, "/v3/clusters": "application/json", "/topics/audit/partitions/0": restV2} {
		status, code := c.errorOf(path)
		require.Equal(t, [2]int{401, 40101}, [2]int{status, code})
		_, header, _ := c.get(path)
		require.Equal(t, want, header.Get("Content-Type"))
		require.NotEmpty(t, header.Get("WWW-Authenticate"))
	}
}

// Clients that poll cost Kafka one question a second.
func TestMetadataIsAskedOnceASecond(t *testing.T) {
	w := lab(t)
	c := newCatalog(t, w.Writer, nil)
	asked := w.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Topic: "audit", Observe: true, Count: -1})
	began := time.Now()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				status, _, _ := c.get("/topics/audit")
				require.Equal(t, 200, status)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, asked.Hits(), 1+int(time.Since(began)/time.Second))
}

func TestMetadataOfANewTopic(t *testing.T) {
	w := lab(t)
	c := newCatalog(t, w.Writer, nil)
	status, code := c.errorOf("/topics/new")
	require.Equal(t, [2]int{404, 40401}, [2]int{status, code})
	require.NoError(t, w.Cluster.CreateTopic("new", 2, nil))
	w.Await(func() bool {
		status, _, _ := c.get("/topics/new/partitions/1")
		return status == 200
	})
}

func TestMetadataWhileKafkaIsAway(t *testing.T) {
	w := lab(t)
	c := newCatalog(t, w.Writer, nil)
	w.Cluster.Close()
	w.Await(func() bool { return w.Writer.Ready() != nil })
	for _, path := range []string{"/topics", "/brokers", "/topics/audit", "/topics/audit/partitions/0/offsets", "/v3/clusters", "/v3/clusters/lab/topics"} {
		status, code := c.errorOf(path)
		require.Equal(t, [2]int{503, 50302}, [2]int{status, code})
		_, header, _ := c.get(path)
		require.NotEmpty(t, header.Get("Retry-After"))
	}
}

// A cluster that takes its time keeps nobody waiting, and its late answer
// serves the next request.
func TestMetadataWhileKafkaIsSilent(t *testing.T) {
	w := lab(t)
	c := newCatalog(t, w.Writer, nil)
	let := make(chan struct{})
	var once sync.Once
	release := func() { once.Do(func() { close(let) }) }
	t.Cleanup(release)
	w.Cluster.ControlKey(int16(kmsg.DescribeConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if resources := req.(*kmsg.DescribeConfigsRequest).Resources; len(resources) != 1 || resources[0].ResourceName != "audit" {
			w.Cluster.KeepControl()
			return nil, nil, false
		}
		w.Cluster.SleepControl(func() { <-let })
		return nil, nil, false
	})
	status, code := c.errorOf("/topics/audit")
	require.Equal(t, [2]int{503, 50302}, [2]int{status, code})
	release()
	w.Await(func() bool {
		status, _, _ := c.get("/topics/audit")
		return status == 200
	})
}

func TestMetadataBeforeTheFirstConnection(t *testing.T) {
	w := producer.NewWriter(producer.DefaultConfig(), kafka.Config{Brokers: []string{"127.0.0.1:1"}}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	c := newCatalog(t, w, nil)
	status, code := c.errorOf("/topics")
	require.Equal(t, [2]int{503, 50302}, [2]int{status, code})
}

// describe is another connection to the world's cluster.
func describe(t *testing.T, w *producertest.World) *kafka.Control {
	t.Helper()
	control, err := kafka.NewControl(w.Conn, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(control.Close)
	return control
}
