package openapi_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"sluice"
	"sluice/internal/access"
)

// Every operation of the schema is driven, and every answer that it documents.
func TestServiceIsAsDocumented(t *testing.T) {
	key, keys := withKeys(t, access.Limits{InFlight: 1})
	cluster := newCluster(t)
	open, closed := start(t, cluster, nil), start(t, cluster, keys)
	dr := &driver{d: open.read(), seen: map[string]bool{}}
	t.Run("open", func(t *testing.T) {
		dr.drive(t, open, slices.Concat(produceExchanges(), topicExchanges(), v2Exchanges(topic), v2Exchanges(partition),
			v3Exchanges(), metadataExchanges(), healthExchanges()))
	})
	t.Run("Kafka is away", func(t *testing.T) { dr.drive(t, start(t, nil, nil), awayExchanges()) })
	t.Run("Kafka refuses", func(t *testing.T) { drivenByFaults(t, dr) })
	dr.d = closed.read() // The document says, too, who may.
	t.Run("no credential", func(t *testing.T) { dr.drive(t, closed, unknownExchanges()) })
	t.Run("no right", func(t *testing.T) { dr.drive(t, closed, forbiddenExchanges(key)) })
	t.Run("no share left", func(t *testing.T) { drivenBySecondRequest(t, dr, closed, key) })
	if !t.Failed() {
		dr.requireAll(t, nil)
	}
}

// awayExchanges are those of a server that has never reached Kafka.
func awayExchanges() []exchange {
	all := append(simple(http.StatusServiceUnavailable, problemMedia, v2), readExchanges(http.StatusServiceUnavailable)...)
	return append(all,
		exchange{name: "alive", method: http.MethodGet, template: "/healthz", path: "/healthz", status: 200},
		exchange{name: "not ready", method: http.MethodGet, template: "/readyz", path: "/readyz", status: 503},
		exchange{name: "ready for traffic", method: http.MethodGet, template: "/readyz", path: "/readyz?for=traffic", status: 200})
}

// unknownExchanges are those of a client that says nothing of who it is.
func unknownExchanges() []exchange {
	return append(simple(http.StatusUnauthorized, problemMedia, v2), readExchanges(http.StatusUnauthorized)...)
}

// forbiddenExchanges are those of a principal that may not use the topic.
func forbiddenExchanges(key string) []exchange {
	all := simple(http.StatusForbidden, problemMedia, v2)
	for i, e := range all {
		all[i] = e.to(strings.Replace(e.path, "events", "secrets", 1)).with("", "X-Api-Key", key)
	}
	all[0].body = `{"content":"x","topic":"secrets"}`
	for _, e := range readExchanges(http.StatusForbidden, "X-Api-Key", key) {
		if strings.Contains(e.template, "{topic}") {
			all = append(all, e.to(strings.Replace(e.path, "events", "secrets", 1)))
		}
	}
	return all
}

// drivenBySecondRequest drives a server while the principal's share of the
// in-flight budget is used up by a first request that Kafka does not answer.
func drivenBySecondRequest(t *testing.T, dr *driver, s *service, key string) {
	s = &service{t: t, address: s.address, cluster: s.cluster}
	held, release := s.hold()
	var first sync.WaitGroup
	first.Go(func() {
		code, _, body := s.do(http.MethodPost, "/topics/events", "x", of("", "X-Api-Key", key))
		if code != http.StatusOK {
			t.Errorf("the first request is answered %d %s", code, body)
		}
	})
	<-held
	all := simple(http.StatusTooManyRequests, problemMedia, v2)
	// A stream waits for its share.
	all = slices.DeleteFunc(all, func(e exchange) bool { return e.template == records || e.name == "lines" })
	for i, e := range all {
		all[i] = e.with("", "X-Api-Key", key)
	}
	dr.drive(t, s, all)
	release()
	first.Wait()
}

// drivenByFaults drives servers whose cluster refuses, or does not answer.
func drivenByFaults(t *testing.T, dr *driver) {
	inBody := simple(http.StatusOK, "", v2)[4:]
	inBody[3].status = http.StatusMultiStatus
	refusing := start(t, newCluster(t), nil)
	refusing.refuse(kerr.PolicyViolation.Code)
	dr.drive(t, refusing, append(simple(http.StatusBadGateway, problemMedia, v2)[:4], inBody...))
	// The second record of a topic that is not answered would not be sent, so
	// each has a server of its own.
	for _, e := range append(simple(http.StatusGatewayTimeout, problemMedia, v2)[:2], inBody...) {
		silent := start(t, newCluster(t), func(cfg *sluice.Config) { cfg.Producer.Timeout = 200 * time.Millisecond })
		_, release := silent.hold()
		dr.drive(t, silent, []exchange{e})
		release()
	}
}
