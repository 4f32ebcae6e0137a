package tickets

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/access"
	"sluice/internal/httpserver"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxTopics and maxFilter bound what a ticket is asked for. A ticket has
	// room for less than a hundred long names; that is said when it is made.
	maxTopics = 100
	maxFilter = 1 << 10
	maxTopic  = 249
)

// ticketBody is the body of a request for a ticket, for the schema.
type ticketBody struct {
	Topics []string `json:"topics" minItems:"1" maxItems:"100" doc:"Names of the topics that may be read with it."`
	Filter string   `json:"filter,omitempty" maxLength:"1024" doc:"A filter (CEL) that every record must match that is shown with it, beside the client's own."`
	Origin string   `json:"origin,omitempty" doc:"Origin of the page that will use it, scheme://host:port, for a program that asks on behalf of one. A page's own origin is taken from its request."`
}

// read reads what a ticket is asked for. Every field that is wrong is in the
// problem.
func (a *API) read(w http.ResponseWriter, r *http.Request) (access.TicketRequest, *httpserver.Problem) {
	var q access.TicketRequest
	if p := noQuery(r); p != nil {
		return q, p
	}
	body, p := readBody(w, r)
	if p != nil {
		return q, p
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Header.Get("Content-Type") != "" && (err != nil || kind != "application/json") {
		return q, httpserver.NewProblem(http.StatusUnsupportedMediaType, "the body has to be application/json")
	}
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return q, httpserver.NewProblem(http.StatusBadRequest, "the body is not a JSON object in valid UTF-8 with each name once")
	}
	var wrong []httpserver.FieldError
	bad := func(field, message string) {
		if message != "" {
			wrong = append(wrong, httpserver.FieldError{Location: field, Message: message})
		}
	}
	for name, value := range fields {
		switch name {
		case "topics":
			bad("body.topics", readTopics(value, &q.Topics))
		case "filter":
			bad("body.filter", a.readFilter(value, &q.Filter))
		case "origin":
			bad("body.origin", readOrigin(value, &q.Origin))
		default:
			bad("body."+name, "unknown field")
		}
	}
	if _, said := fields["topics"]; !said {
		bad("body.topics", "is needed: the names of the topics that may be read with the ticket")
	}
	bad(originOf(r, &q))
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b httpserver.FieldError) int { return strings.Compare(a.Location, b.Location) })
		p := httpserver.NewProblem(http.StatusUnprocessableEntity, wrong[0].Location+": "+wrong[0].Message)
		p.Errors = wrong
		return q, p
	}
	return q, a.allowed(r, q.Topics)
}

// allowed refuses topics that may not be read. Whether there are such topics is
// not asked: authorization comes before existence.
func (a *API) allowed(r *http.Request, topics []string) *httpserver.Problem {
	identity := access.IdentityFrom(r.Context())
	var no []string
	for _, topic := range topics {
		if !identity.May(access.Read, topic) {
			no = append(no, strconv.Quote(topic))
		}
	}
	if len(no) == 0 {
		return nil
	}
	return httpserver.NewProblem(http.StatusForbidden, "this principal may not read "+strings.Join(no, ", "))
}

func readTopics(v jsontext.Value, into *[]string) string {
	if !decode(v, into) || len(*into) == 0 || len(*into) > maxTopics {
		return fmt.Sprintf("has to be a list of 1 to %d topic names", maxTopics)
	}
	seen := map[string]bool{}
	for _, name := range *into {
		if name == "" || name == "." || name == ".." || len(name) > maxTopic || strings.Trim(name, topicCharacters) != "" {
			return fmt.Sprintf("%q is not a topic's name: letters, digits, dots, dashes and underscores, at most %d", shortened(name), maxTopic)
		}
		if seen[name] {
			return fmt.Sprintf("%q is there twice", name)
		}
		seen[name] = true
	}
	return ""
}

const topicCharacters = ".-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// shortened bounds what an answer repeats of a request.
func shortened(text string) string {
	if len(text) > maxTopic {
		return text[:maxTopic] + "…"
	}
	return text
}

func (a *API) readFilter(v jsontext.Value, into *string) string {
	if !decode(v, into) || *into == "" {
		return "has to be a text that is not empty; leave it out for none"
	}
	if len(*into) > maxFilter {
		return "is longer than 1 KiB"
	}
	if err := a.deps.Filter(*into); err != nil {
		return err.Error()
	}
	return ""
}

func readOrigin(v jsontext.Value, into *string) string {
	if !decode(v, into) || len(*into) > maxFilter || http.NewCrossOriginProtection().AddTrustedOrigin(*into) != nil {
		return "has to be an origin, scheme://host or scheme://host:port"
	}
	return ""
}

// originOf takes the origin of the page that asks, and returns what is wrong
// with it.
func originOf(r *http.Request, q *access.TicketRequest) (location, message string) {
	said := r.Header["Origin"]
	switch {
	case len(said) == 0:
		return "", ""
	case len(said) > 1 || len(said[0]) > maxFilter || http.NewCrossOriginProtection().AddTrustedOrigin(said[0]) != nil:
		return "header.Origin", "is not one that a ticket can be for: a page without an origin of its own shares it with others"
	case q.Origin != "" && !strings.EqualFold(q.Origin, said[0]):
		return "body.origin", "is another than the page's own"
	}
	q.Origin = said[0]
	return "", ""
}

// decode reads a value, which may not be null: that would be as if it were not
// there.
func decode(v jsontext.Value, into any) bool {
	return v.Kind() != 'n' && json.Unmarshal(v, into) == nil
}
