package openapi_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice"
	"sluice/consumer"
	"sluice/internal/access"
	"sluice/internal/config"
	"sluice/internal/deadletter"
	"sluice/record"
)

// startB runs service B with one handler, which reads the topic events as the
// group g. The topics events, others and missing may be streamed.
func startB(t *testing.T, cluster *kfake.Cluster, change func(*sluice.Config)) *service {
	t.Helper()
	return run(t, cluster, func(cfg *sluice.Config) {
		handler := consumer.DefaultConfig()
		handler.Topics, handler.Group = []string{"events"}, "g"
		cfg.Consumer.Handlers = config.Handlers{{Config: handler, Log: &struct{}{}}}
		cfg.Consumer.Stream.Topics = []string{"events", "others", "missing"}
		if change != nil {
			change(cfg)
		}
	}, sluice.Options{Consumer: true})
}

// Every operation of service B is driven, and every answer that is documented.
func TestServiceBIsAsDocumented(t *testing.T) {
	cluster := newCluster(t)
	bury(t, cluster, 5)
	fill(t, cluster)
	keys, withPrincipals := principals(t)
	open := startB(t, cluster, nil)
	// A redrive that runs, at a letter in a thousand seconds, until it is stopped.
	code, header, body := open.do(http.MethodPost, "/groups/g/redrives", `{"rate":0.001}`, of(jsonMedia))
	require.Equal(t, http.StatusAccepted, code, body)
	running := header.Get("Location")
	code, header, body = open.do(http.MethodGet, "/topics/events/records?partition=0&limit=1", "", nil)
	require.Equal(t, http.StatusOK, code, body)
	at := header.Get("Sluice-Next-Cursor")

	dr := &driver{d: open.read(), seen: map[string]bool{}}
	t.Run("open", func(t *testing.T) {
		dr.drive(t, open, groupExchanges())
		dr.drive(t, open, letterExchanges())
		dr.drive(t, open, redriveExchanges(running))
		dr.drive(t, open, slices.Concat(listExchanges(), pageExchanges(at), streamExchanges(at), socketExchanges(at)))
		dr.drive(t, open, slices.Concat(ticketExchanges(), sessionExchanges(), dashboardExchanges(t), scriptExchanges(dr.d)))
		dr.drive(t, open, healthExchanges())
	})
	t.Run("Kafka refuses", func(t *testing.T) {
		refusing := newCluster(t)
		bury(t, refusing, 1)
		s := startB(t, refusing, nil)
		_, header, _ := s.do(http.MethodPost, "/groups/g/redrives", `{}`, of(jsonMedia))
		done := header.Get("Location")
		// Another replica, which has to ask Kafka for the redrive.
		s = startB(t, refusing, nil)
		refuseOffsets(refusing, kerr.UnsupportedForMessageFormat.Code)
		dr.drive(t, s, redriveOperations(http.StatusBadGateway, done))
		refuseTopics(refusing, kerr.TopicAuthorizationFailed.Code)
		dr.drive(t, s, []exchange{get(readable, "/topics", http.StatusBadGateway)})
	})
	t.Run("Kafka is away", func(t *testing.T) { drivenWithoutKafka(t, dr, running) })
	closed := startB(t, cluster, withPrincipals)
	dr.d = closed.read() // The document says, too, who may.
	t.Run("no credential", func(t *testing.T) {
		dr.drive(t, closed, append(redriveOperations(http.StatusUnauthorized, running),
			get("/", "/", http.StatusUnauthorized), get(groups, groups, http.StatusUnauthorized), get(oneGroup, "/groups/g", http.StatusUnauthorized)))
		dr.drive(t, closed, slices.Concat(streamOperations(http.StatusUnauthorized), socketOperations(http.StatusUnauthorized), browserOperations(http.StatusUnauthorized)))
		dr.drive(t, closed, []exchange{
			get(readable, "/topics", http.StatusUnauthorized), html("/", "/", http.StatusOK), html(dashboard, dashboard, http.StatusOK), end(session, http.StatusNoContent),
		})
	})
	t.Run("a ticket or a session", func(t *testing.T) {
		ticket, cookie := admission(t, closed, keys["reader"])
		dr.drive(t, closed, withinExchanges(ticket, cookie))
	})
	t.Run("no right", func(t *testing.T) { dr.drive(t, closed, rightExchanges(keys, running)) })
	t.Run("no issuer", func(t *testing.T) { drivenWithoutIssuer(t, dr) })
	if !t.Failed() {
		dr.requireAll(t, nil)
	}
}

// admission makes a ticket for the topic events, and the cookie of a session.
func admission(t *testing.T, s *service, key string) (ticket, cookie string) {
	t.Helper()
	s = &service{t: t, address: s.address}
	code, _, body := s.do(http.MethodPost, "/tickets", `{"topics":["events"]}`, of(jsonMedia, "X-Api-Key", key))
	require.Equal(t, http.StatusOK, code, body)
	made, ok := parse(t, body).(map[string]any)["ticket"].(string)
	require.True(t, ok)
	code, header, body := s.do(http.MethodPost, session, "", of("", "X-Api-Key", key))
	require.Equal(t, http.StatusOK, code, body)
	cookie, _, _ = strings.Cut(header.Get("Set-Cookie"), ";")
	return made, cookie
}

// bury writes dead letters of the topic events and the group g, and a record
// beside them that is none.
func bury(t *testing.T, cluster *kfake.Cluster, n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	require.NoError(t, err)
	defer client.Close()
	_, err = kadm.NewClient(client).CreateTopic(t.Context(), 2, 1, nil, deadletter.Topic("events", "g"))
	require.NoError(t, err)
	for i := range n {
		letter := deadletter.Letter{
			Topic: "events", TopicID: record.TopicID{1}, Partition: int32(i % 4), Offset: int64(i), Timestamp: time.Unix(1_700_000_000, 0),
			Group: "g", Handler: "log", Attempts: 8, Class: deadletter.Classes[i%len(deadletter.Classes)], Message: "no answer",
			FirstFailure: time.Unix(1_700_000_001, 0), LastFailure: time.Unix(1_700_000_002, 0), Replays: i,
		}
		// Keys and values are null, bytes and text.
		r := &kgo.Record{Topic: deadletter.Topic("events", "g")}
		switch i % 3 {
		case 1:
			r.Key, r.Value = []byte("k"), []byte("\xff")
		case 2:
			r.Key, r.Value = []byte("\xff"), []byte("v")
		}
		for _, h := range letter.Append([]record.Header{{Key: "a"}, {Key: "b", Value: []byte("\xff")}}) {
			r.Headers = append(r.Headers, kgo.RecordHeader(h))
		}
		require.NoError(t, client.ProduceSync(t.Context(), r).FirstErr())
	}
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: deadletter.Topic("events", "g"), Value: []byte("foreign")}).FirstErr())
}

// refuseOffsets makes the cluster refuse each question for an offset.
func refuseOffsets(cluster *kfake.Cluster, code int16) {
	cluster.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		asked := req.(*kmsg.ListOffsetsRequest)
		answer := asked.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, topic := range asked.Topics {
			t := kmsg.NewListOffsetsResponseTopic()
			t.Topic = topic.Topic
			for _, partition := range topic.Partitions {
				p := kmsg.NewListOffsetsResponseTopicPartition()
				p.Partition, p.ErrorCode = partition.Partition, code
				t.Partitions = append(t.Partitions, p)
			}
			answer.Topics = append(answer.Topics, t)
		}
		return answer, nil, true
	})
}

// refuseTopics makes the cluster refuse to tell of its topics.
func refuseTopics(cluster *kfake.Cluster, code int16) {
	cluster.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		answer := req.ResponseKind().(*kmsg.MetadataResponse)
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic, topic.ErrorCode = new("events"), code
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	})
}

// principals turns authentication on. Of the topic events, "reader" may read
// and "shop" may write; it returns their keys.
func principals(t *testing.T) (keys map[string]string, change func(*sluice.Config)) {
	t.Helper()
	keys = map[string]string{}
	var lines strings.Builder
	for _, name := range []string{"reader", "shop"} {
		key, line, err := access.NewKey(name, time.Now())
		require.NoError(t, err)
		keys[name] = key
		fmt.Fprintln(&lines, line)
	}
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte(lines.String()), 0o600))
	return keys, func(cfg *sluice.Config) {
		cfg.Auth.KeysFile = file
		cfg.Auth.Principals = access.Grants{
			{Name: "reader", Topics: []string{"events"}, Rights: []string{"read"}},
			{Name: "shop", Topics: []string{"events"}, Rights: []string{"write"}},
		}
	}
}

// drivenWithoutKafka drives a server that has never reached Kafka. Each
// question waits for a while, so all are asked at once.
func drivenWithoutKafka(t *testing.T, dr *driver, running string) {
	s := startB(t, nil, nil)
	all := append(append(redriveOperations(http.StatusServiceUnavailable, running), awayStreams()...),
		get(groups, groups, http.StatusServiceUnavailable), get(oneGroup, "/groups/g", http.StatusServiceUnavailable),
		get("/", "/", http.StatusOK), get("/healthz", "/healthz", http.StatusOK),
		get("/readyz", "/readyz", http.StatusServiceUnavailable), get("/readyz", "/readyz?for=traffic", http.StatusOK))
	drivers := make([]*driver, len(all))
	var driving sync.WaitGroup
	for i, e := range all {
		drivers[i] = &driver{d: s.read(), seen: map[string]bool{}}
		// Not t.Parallel, of which there are as many at a time as processors.
		driving.Go(func() { drivers[i].drive(t, s, []exchange{e}) })
	}
	driving.Wait()
	for _, one := range drivers {
		for answer := range one.seen {
			dr.seen[answer] = true
		}
	}
}

// drivenWithoutIssuer drives a server that cannot check a token.
func drivenWithoutIssuer(t *testing.T, dr *driver) {
	s := startB(t, nil, func(cfg *sluice.Config) {
		cfg.Auth.OIDC.Issuer, cfg.Auth.OIDC.Audience = "http://"+closedPort(t), "sluice"
		cfg.Auth.Principals = access.Grants{{Name: "*", Topics: []string{"*"}, Rights: []string{"read"}}}
	})
	// {"alg":"RS256"}.{"iss":"x"}.signature
	token := []string{"Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl"}
	dr.drive(t, s, append(append(browserOperations(http.StatusServiceUnavailable, token...), socketOperations(http.StatusServiceUnavailable, token...)...),
		get("/", "/", http.StatusServiceUnavailable, token...)))
}

func TestOtherMethodsOfServiceBAreNotAllowed(t *testing.T) {
	requireMethods(t, startB(t, newCluster(t), nil), "/nowhere", "/groups/", "/groups/g/nothing", "/groups/g/redrives/a/b", "/produce")
}
