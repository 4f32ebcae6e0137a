package openapi_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"

	"sluice"
	"sluice/internal/access"
)

// form is the one endpoint that is there only where service A runs beside B.
const form = "/dashboard/records"

// startBoth runs both services, and returns B.
func startBoth(t *testing.T, cluster *kfake.Cluster, change func(*sluice.Config)) *service {
	t.Helper()
	return run(t, cluster, change, sluice.Options{Producer: true, Consumer: true})
}

// fillIn makes an exchange of the form.
func fillIn(name, body string, status int, headers ...string) exchange {
	e := post(name, body, status, headers...).to(form)
	e.template = form
	return e
}

func simpleForm(status int, headers ...string) []exchange {
	return []exchange{fillIn("simple", `{"topic":"events","value":"x"}`, status, headers...)}
}

func formExchanges() []exchange {
	cut := fillIn("cut off", `{"topic":`, 400)
	cut.cut = true
	return []exchange{
		fillIn("simple", `{"topic":"events","value":"x"}`, 200),
		fillIn("a tombstone", `{"topic":"events","key":"k","value":null}`, 200),
		fillIn("all fields", `{"topic":"events","key":"/w==","key_encoding":"base64","value":"/w==","encoding":"base64","headers":[{"key":"a","value":null},{"key":"b","value":"/w==","encoding":"base64"}]}`, 200),
		fillIn("malformed", `{"topic":`, 400), fillIn("a name twice", `{"topic":"a","topic":"b"}`, 400), cut,
		fillIn("an array", `[]`, 400).refusedBySchema(), fillIn("null", `null`, 400).refusedBySchema(),
		fillIn("a foreign page", `{"topic":"events","value":"x"}`, 403, "Sec-Fetch-Site", "cross-site"),
		fillIn("no such topic", `{"topic":"nowhere","value":"x"}`, 404),
		fillIn("a record over the limit", `{"topic":"events","value":"`+strings.Repeat("x", 3<<10)+`"}`, 413),
		fillIn("a body over the limit", `{"topic":"events","value":"`+strings.Repeat("x", 2<<20)+`"}`, 413),
		fillIn("another content type", `{"topic":"events","value":"x"}`, 415, "Content-Type", "text/plain"),
		fillIn("no content type", `{"topic":"events","value":"x"}`, 415, "Content-Type", ""),
		fillIn("no topic", `{"value":"x"}`, 422).refusedBySchema(),
		fillIn("a bad topic", `{"topic":"a b","value":"x"}`, 422).refusedBySchema(),
		fillIn("no value", `{"topic":"events"}`, 422).refusedBySchema(),
		fillIn("a value that is a number", `{"topic":"events","value":1}`, 422).refusedBySchema(),
		fillIn("a tombstone without a key", `{"topic":"events","value":null}`, 422),
		fillIn("not base64", `{"topic":"events","value":"!","encoding":"base64"}`, 422),
		fillIn("another encoding", `{"topic":"events","value":"x","encoding":"hex"}`, 422).refusedBySchema(),
		fillIn("an unknown field", `{"topic":"events","value":"x","partition":1}`, 422).refusedBySchema(),
		fillIn("headers are an object", `{"topic":"events","value":"x","headers":{}}`, 422).refusedBySchema(),
		fillIn("a header without a value", `{"topic":"events","value":"x","headers":[{"key":"a"}]}`, 422).refusedBySchema(),
		fillIn("a parameter", `{"topic":"events","value":"x"}`, 422).with("?key=k"),
	}
}

// The form is driven, and every answer that is documented of it; everything
// else is as without service A.
func TestTheFormIsAsDocumented(t *testing.T) {
	key, keys := withKeys(t, access.Limits{InFlight: 1})
	cluster := newCluster(t)
	open, closed := startBoth(t, cluster, nil), startBoth(t, cluster, keys)
	dr := &driver{d: open.read(), seen: map[string]bool{}}
	alone := startB(t, cluster, nil).read().Paths
	for path := range dr.d.Paths {
		require.Equal(t, path != form, alone[path] != nil, path)
	}
	requireMethods(t, open, "/nowhere")

	t.Run("open", func(t *testing.T) { dr.drive(t, open, formExchanges()) })
	t.Run("Kafka is away", func(t *testing.T) { dr.drive(t, startBoth(t, nil, nil), simpleForm(http.StatusServiceUnavailable)) })
	t.Run("Kafka refuses", func(t *testing.T) {
		refusing := startBoth(t, newCluster(t), nil)
		refusing.refuse(kerr.PolicyViolation.Code)
		dr.drive(t, refusing, simpleForm(http.StatusBadGateway))
	})
	t.Run("Kafka is silent", func(t *testing.T) {
		silent := startBoth(t, newCluster(t), func(cfg *sluice.Config) { cfg.Producer.Timeout = 200 * time.Millisecond })
		_, release := silent.hold()
		dr.drive(t, silent, simpleForm(http.StatusGatewayTimeout))
		release()
	})
	dr.d = closed.read() // The document says, too, who may.
	t.Run("no credential", func(t *testing.T) { dr.drive(t, closed, simpleForm(http.StatusUnauthorized)) })
	t.Run("no right", func(t *testing.T) {
		dr.drive(t, closed, []exchange{fillIn("another topic", `{"topic":"secrets","value":"x"}`, http.StatusForbidden, "X-Api-Key", key)})
	})
	t.Run("no share left", func(t *testing.T) {
		s := &service{t: t, address: closed.address, cluster: closed.cluster}
		held, release := s.hold()
		var first sync.WaitGroup
		first.Go(func() {
			if code, _, body := s.exchange(simpleForm(http.StatusOK, "X-Api-Key", key)[0]); code != http.StatusOK {
				t.Errorf("the first request is answered %d %s", code, body)
			}
		})
		<-held
		dr.drive(t, s, simpleForm(http.StatusTooManyRequests, "X-Api-Key", key))
		release()
		first.Wait()
	})
	dr.d.Paths = map[string]map[string]*operation{form: dr.d.Paths[form]}
	if !t.Failed() {
		dr.requireAll(t, nil)
	}
}
