package dialect

import (
	"net/http"

	"sluice/internal/httpserver"
	"sluice/internal/producer"
)

// retryAfter is the pause, in seconds, that a refused client is asked for.
const retryAfter = 1

// problem is the one place that maps the writer's reasons to the status codes
// of our own endpoints.
func problem(err *producer.Error) *httpserver.Problem {
	p := httpserver.NewProblem(status(err), err.Detail)
	p.Written = string(err.Outcome)
	if p.Status == http.StatusServiceUnavailable {
		p.RetryAfter = retryAfter
	}
	return p
}

func status(err *producer.Error) int {
	if err.Outcome == producer.Unknown {
		return http.StatusGatewayTimeout
	}
	switch err.Reason {
	case producer.Invalid:
		return http.StatusUnprocessableEntity
	case producer.TooLarge:
		return http.StatusRequestEntityTooLarge
	case producer.NoTopic, producer.NoPartition:
		return http.StatusNotFound
	case producer.Forbidden:
		return http.StatusForbidden
	case producer.Refused:
		return http.StatusBadGateway
	case producer.NotStarted, producer.Draining, producer.Busy, producer.Away, producer.Late, producer.Failed:
	}
	return http.StatusServiceUnavailable
}

// refusal makes the answer to a request of which nothing was handed over.
func refusal(status int, detail string, fields ...httpserver.FieldError) *httpserver.Problem {
	p := httpserver.NewProblem(status, detail)
	p.Written = string(producer.NotWritten)
	p.Errors = fields
	return p
}
