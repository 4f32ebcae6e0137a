package live

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/httpserver"
)

// maxSubscriptions is how many streams one WebSocket has at most.
const maxSubscriptions = 20

// asks reports whether the query says what stream is wanted.
func (in *reading) asks() bool {
	for name := range in.values {
		if name != ticketParam {
			return true
		}
	}
	return false
}

// subscribe reads the frame that says which streams are wanted:
//
//	{"subscribe":[{"topic","from","last_event_id","partition","key","filter","values","slow"}]}
//
// Where the path names a topic, an entry need not, and may name no other.
func (a *API) subscribe(text []byte, topic string) ([]query, *httpserver.Problem) {
	var frame map[string]jsontext.Value
	var entries []map[string]jsontext.Value
	if err := json.Unmarshal(text, &frame); err != nil || frame == nil {
		return nil, httpserver.NewProblem(http.StatusUnprocessableEntity, "the frame is not a JSON object with each name once")
	}
	for name := range frame {
		if name != "subscribe" {
			return nil, wrong([]httpserver.FieldError{{Location: shortened(name), Message: "is not a member of this frame"}})
		}
	}
	if err := json.Unmarshal(frame["subscribe"], &entries); err != nil || len(entries) == 0 || len(entries) > maxSubscriptions {
		return nil, wrong([]httpserver.FieldError{{Location: "subscribe", Message: fmt.Sprintf("has to be a list of 1 to %d objects", maxSubscriptions)}})
	}
	var all []query
	var errs []httpserver.FieldError
	seen := map[string]bool{}
	for i, entry := range entries {
		in := &reading{place: fmt.Sprintf("subscribe[%d]", i), filters: a.filters, values: url.Values{}}
		for name, value := range entry {
			in.member(name, value)
		}
		q := in.stream()
		q.topics = []string{in.entryTopic(topic)}
		if seen[q.topics[0]] {
			in.fault("topic", "is there twice: one connection has one stream of a topic")
		}
		seen[q.topics[0]] = true
		all = append(all, q)
		if p := in.end(); p != nil {
			errs = append(errs, p.Errors...)
		}
	}
	return all, wrong(errs)
}

// member takes over a member of an entry as if it were a parameter.
func (in *reading) member(name string, value jsontext.Value) {
	var text string
	switch kind := value.Kind(); {
	case kind == 'n':
		return // As if it were not there.
	case kind == '0' && name == "partition":
		text = string(value)
	case kind != '"' || json.Unmarshal(value, &text) != nil:
		in.fault(shortened(name), "has to be a text")
	}
	in.values[name] = []string{text}
}

// entryTopic reads the topic of an entry.
func (in *reading) entryTopic(ofPath string) string {
	in.known = append(in.known, "topic")
	topic := in.values.Get("topic")
	switch {
	case topic == "" && ofPath == "":
		in.fault("topic", "is missing")
	case topic == "":
		topic = ofPath
	case ofPath != "" && topic != ofPath:
		in.fault("topic", "is another one than the path's")
	}
	return topic
}

// Subscription is the first frame of a WebSocket, for the schema.
type Subscription struct {
	Subscribe []SubscriptionEntry `json:"subscribe" minItems:"1" maxItems:"20" doc:"The streams, each of one topic."`
}

// SubscriptionEntry is a stream of one topic; its members are the parameters of
// the same names of GET /topics/{topic}/events.
type SubscriptionEntry struct {
	Topic       string `json:"topic" doc:"The topic; may be left out where the path names it."`
	From        string `json:"from,omitempty"`
	LastEventID string `json:"last_event_id,omitempty"`
	Partition   *int32 `json:"partition,omitempty"`
	Key         string `json:"key,omitempty"`
	Filter      string `json:"filter,omitempty"`
	Values      string `json:"values,omitempty" enum:"auto,json,text,base64"`
	Slow        string `json:"slow,omitempty" enum:"gap,close"`
}
