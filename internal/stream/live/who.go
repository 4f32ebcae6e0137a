package live

import (
	"net/http"
	"strconv"
	"strings"

	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/internal/stream"
	"sluice/internal/stream/filter"
)

// reader is who asks for records, and what of them he may see.
type reader struct {
	policy   Policy
	identity *access.Identity
	remote   string // the address
	// filters are those of the credential. They must be true of every record
	// that is shown, whatever the client asks for besides.
	filters []*filter.Filter
}

// who decides who asks. A credential with a filter that cannot be compiled
// opens nothing.
func (a *API) who(r *http.Request) (reader, *httpserver.Problem) {
	who := reader{policy: a.policy, identity: access.IdentityFrom(r.Context()), remote: r.RemoteAddr}
	for _, text := range who.identity.Filters() {
		f, err := a.filters.Compile(text)
		if err != nil {
			return reader{}, httpserver.NewProblem(http.StatusForbidden, "the filter of this credential cannot be compiled, so that it shows nothing: "+err.Error())
		}
		who.filters = append(who.filters, f)
	}
	return who, nil
}

// sees reports whether a topic is one of those that he may read here.
func (w reader) sees(topic string) bool {
	return w.policy.Allows(topic) && w.identity.May(access.Read, topic)
}

// mayRead returns why he may not read the topics, or nil.
func (w reader) mayRead(topics ...string) *httpserver.Problem {
	for _, topic := range topics {
		switch {
		case !isName(topic), !w.policy.Allows(topic):
			return unknownTopic(topic)
		case !w.identity.May(access.Read, topic):
			return httpserver.NewProblem(http.StatusForbidden, "this credential may not read topic "+quote(topic))
		}
	}
	return nil
}

// narrow adds his filters to those of the request.
func (w reader) narrow(s stream.Selection) stream.Selection {
	s.Filters = append(s.Filters, w.filters...)
	return s
}

// request is the stream that he asks for.
func (w reader) request(q query, format stream.Format) stream.Request {
	return stream.Request{
		Topics: q.topics, From: q.from, Cursor: q.cursor, Selection: w.narrow(q.selection), CloseSlow: q.closeSlow,
		Form:      stream.Form{Format: format, Values: q.values},
		Principal: w.identity.Principal(), Valid: w.identity.Valid, Remote: w.remote,
	}
}

// maxName is how long the names of Kafka's topics are at most.
const maxName = 249

// isName reports whether Kafka could have a topic of the name. A path may hold
// anything, and what cannot be there need not be looked for.
func isName(topic string) bool {
	return topic != "" && topic != "." && topic != ".." && len(topic) <= maxName && strings.Trim(topic, nameCharacters) == ""
}

const nameCharacters = "._-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// quote bounds what an answer repeats of a request.
func quote(name string) string { return strconv.Quote(shortened(name)) }

func shortened(name string) string {
	if len(name) > maxName {
		return name[:maxName] + "…"
	}
	return name
}
