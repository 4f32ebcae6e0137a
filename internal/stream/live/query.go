package live

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/httpserver"
	"sluice/internal/stream"
	"sluice/internal/stream/filter"
)

const (
	// maxText bounds a key in a query.
	maxText = 1024
	// maxErrors is how many wrong parameters an answer lists.
	maxErrors = 50
)

// query is what the parameters of a request say of a stream.
type query struct {
	topics    []string
	from      stream.From
	cursor    string
	selection stream.Selection
	values    stream.Values
	strict    bool
	closeSlow bool
}

// reading reads parameters, and collects what is wrong with them.
type reading struct {
	place   string // where they are, for messages
	values  url.Values
	known   []string
	wrong   []httpserver.FieldError
	filters *filter.Set
}

func newReading(r *http.Request, filters *filter.Set) *reading {
	in := &reading{place: "query", filters: filters, known: []string{ticketParam}}
	var err error
	if in.values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		in.fault("", "the query cannot be read: "+err.Error())
	}
	return in
}

func (in *reading) fault(name, message string) {
	location := in.place
	if name != "" {
		location += "." + name
	}
	in.wrong = append(in.wrong, httpserver.FieldError{Location: location, Message: message})
}

// one returns a parameter that may be given once.
func (in *reading) one(name string) (string, bool) {
	in.known = append(in.known, name)
	all := in.values[name]
	if len(all) > 1 {
		in.fault(name, "is given more than once")
	}
	if len(all) == 0 {
		return "", false
	}
	return all[0], true
}

// choice reads a parameter that is one of several words.
func (in *reading) choice(name string, words ...string) int {
	text, ok := in.one(name)
	if !ok {
		return 0
	}
	i := slices.Index(words, text)
	if i < 0 {
		in.fault(name, fmt.Sprintf("is not one of %s", strings.Join(words, ", ")))
	}
	return max(i, 0)
}

func (in *reading) selection() (s stream.Selection) {
	if text, ok := in.one("partition"); ok {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			in.fault("partition", "is not the number of a partition")
		}
		p := int32(n)
		s.Partition = &p
	}
	if text, ok := in.one("key"); ok {
		if len(text) > maxText {
			in.fault("key", fmt.Sprintf("is longer than %d bytes", maxText))
		}
		s.Key = []byte(text)
	}
	if text, ok := in.one("filter"); ok {
		f, err := in.filters.Compile(text)
		if err != nil {
			in.fault("filter", strings.TrimPrefix(err.Error(), "filter, "))
		} else {
			s.Filters = append(s.Filters, f)
		}
	}
	return s
}

func (in *reading) from(name string, now time.Time) stream.From {
	text, _ := in.one(name)
	// A "+" of a zone is a space where the client has not escaped it.
	text = strings.ReplaceAll(text, " ", "+")
	from, err := stream.ParseFrom(text, now)
	if err != nil {
		in.fault(name, err.Error())
	}
	return from
}

// form reads how values are to look.
func (in *reading) form() stream.Values {
	return []stream.Values{stream.Auto, stream.AsJSON, stream.AsText, stream.AsBase64}[in.choice("values", "auto", "json", "text", "base64")]
}

// end returns the problem with the parameters, those included that nobody
// knows.
func (in *reading) end() *httpserver.Problem {
	for name := range in.values {
		if !slices.Contains(in.known, name) {
			in.fault(shortened(name), "is not a parameter of this endpoint")
		}
	}
	return wrong(in.wrong)
}

// wrong is the answer to parameters that are wrong.
func wrong(errs []httpserver.FieldError) *httpserver.Problem {
	if len(errs) == 0 {
		return nil
	}
	slices.SortFunc(errs, func(a, b httpserver.FieldError) int { return strings.Compare(a.Location, b.Location) })
	errs = errs[:min(len(errs), maxErrors)]
	first := errs[0]
	p := httpserver.NewProblem(http.StatusUnprocessableEntity, strings.TrimPrefix(first.Location, "query.")+": "+first.Message)
	p.Errors = errs
	return p
}

// stream reads the parameters of a stream but for its topics.
func (in *reading) stream() query {
	q := query{selection: in.selection(), from: in.from("from", time.Now()), values: in.form()}
	q.closeSlow = in.choice("slow", "gap", "close") == 1
	q.cursor, _ = in.one("last_event_id")
	return q
}

// topics reads which topics are meant. One of the path is the only one.
func (in *reading) topics(ofPath string) []string {
	if ofPath != "" {
		return []string{ofPath}
	}
	in.known = append(in.known, "topic")
	topics := slices.Clone(in.values["topic"])
	slices.Sort(topics)
	if len(topics) == 0 {
		in.fault("topic", "is missing: name one or several topics")
	}
	return slices.Compact(topics)
}

// streamQuery reads the parameters of a stream.
func (a *API) streamQuery(r *http.Request) (query, *httpserver.Problem) {
	in := newReading(r, a.filters)
	q := in.stream()
	q.topics = in.topics(r.PathValue("topic"))
	q.strict = in.choice("strict", "0", "1") == 1
	if header := r.Header.Get("Last-Event-Id"); header != "" {
		q.cursor = header
	}
	return q, in.end()
}

// ticketParam is the parameter that a ticket comes in.
const ticketParam = "ticket"

var errNotStreamed = errors.New("is not streamed here, or does not exist")
