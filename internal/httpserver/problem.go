package httpserver

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// Problem is an error as RFC 9457 writes it (application/problem+json), with
// three members of ours: Error repeats Detail for clients of the original
// service, Written says what is known of a record, Errors lists the fields
// that are wrong.
type Problem struct { //nolint:errname // RFC 9457 calls it that.
	Type    string       `json:"type" doc:"A URI reference that identifies the kind of problem; about:blank means that title says it all."`
	Title   string       `json:"title" doc:"The status in words."`
	Status  int          `json:"status" doc:"The HTTP status."`
	Detail  string       `json:"detail" doc:"What is wrong with this request."`
	Error_  string       `json:"error" doc:"The detail again, for clients of the original service."`
	Written string       `json:"written,omitempty" enum:"no,unknown" doc:"Whether the record is in Kafka: no (never, safe to send again) or unknown (it may be there, or come later)."`
	Errors  []FieldError `json:"errors,omitempty" doc:"Every field, parameter or header that is wrong."`

	// RetryAfter, in seconds, becomes the header of that name where positive.
	RetryAfter int `json:"-"`
}

// FieldError is one wrong field of a request.
type FieldError struct {
	Location string `json:"location" doc:"Where: body.partition, query.timeout, header.Kafka-Key."`
	Message  string `json:"message" doc:"What is wrong."`
}

// NewProblem makes a Problem of a status and a detail.
func NewProblem(status int, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Error_: detail}
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status, for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457, for huma.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// Write answers the request with the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil {
		// Strings and numbers always marshal.
		body = []byte(`{}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // A client that has gone is told nothing.
}

// useProblems makes huma answer with our errors. It is a variable of that
// package, so it is set once.
var useProblems = sync.OnceFunc(func() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		p := NewProblem(status, message)
		for _, err := range errs {
			field := FieldError{Message: err.Error()}
			if detail, ok := err.(huma.ErrorDetailer); ok {
				field.Location, field.Message = detail.ErrorDetail().Location, detail.ErrorDetail().Message
			}
			p.Errors = append(p.Errors, field)
		}
		return p
	}
})
