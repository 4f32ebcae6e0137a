package httpserver

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Problem is an error as RFC 9457 writes it (application/problem+json), with
// three members of ours: Error repeats Detail for clients of the original
// service, Written says what is known of a record, Errors lists the fields
// that are wrong.
type Problem struct {
	Type    string       `json:"type" doc:"A URI reference that identifies the kind of problem; about:blank means that title says it all."`
	Title   string       `json:"title" doc:"The status in words."`
	Status  int          `json:"status" doc:"The HTTP status."`
	Detail  string       `json:"detail" doc:"What is wrong with this request."`
	Error   string       `json:"error" doc:"The detail again, for clients of the original service."`
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
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Error: detail}
}

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
