package dialect_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// What follows a body that is broken, or that is not read to its end, is never
// taken for the next request: somebody could send one in another's name.
func TestNothingIsSmuggledBehindABrokenBody(t *testing.T) {
	a := newTarget(t)
	smuggled := "POST /produce HTTP/1.1\r\nHost: localhost\r\nContent-Length: 22\r\n\r\n{\"content\":\"smuggled\"}"
	for name, c := range map[string]struct{ path, header, start string }{
		"produce":               {"/produce", "", ""},
		"raw":                   {"/topics/events", "", ""},
		"raw, refused":          {"/topics/events?a=b", "", ""},
		"NDJSON":                {"/topics/events", "Content-Type: application/x-ndjson\r\n", "3\r\n{}\n\r\n"},
		"NDJSON, each":          {"/topics/events?results=each", "Content-Type: application/x-ndjson\r\n", "3\r\n{}\n\r\n"},
		"NDJSON, refused":       {"/topics/events?a=b", "Content-Type: application/x-ndjson\r\n", ""},
		"CloudEvents":           {"/topics/events", "Content-Type: application/cloudevents+json\r\n", ""},
		"REST v2":               {"/topics/events", "Content-Type: application/vnd.kafka.json.v2+json\r\n", ""},
		"REST v3":               {"/v3/clusters/c/topics/events/records", "Content-Type: application/json\r\n", "2\r\n{}\r\n"},
		"REST v3, in a batch":   {"/v3/clusters/c/topics/events/records:batch", "Content-Type: application/json\r\n", ""},
		"a topic that is wrong": {"/topics/a%20b", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\n%sTransfer-Encoding: chunked\r\n\r\n%szz\r\n", c.path, c.header, c.start)
			statuses, bodies := a.raw(request + smuggled)
			require.Len(t, statuses, 1, bodies)
		})
	}
	require.Zero(t, a.Values("events")["smuggled"])
}
