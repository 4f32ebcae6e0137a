package dialect

import (
	"math"
	"net/http"
	"time"

	"sluice/internal/httpserver"
	"sluice/internal/producer"
)

// problem is the one place that maps the writer's reasons to the status codes
// of our own endpoints.
func problem(err *producer.Error) *httpserver.Problem {
	p := httpserver.NewProblem(status(err), err.Detail)
	p.Written = string(err.Outcome)
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		p.RetryAfter = retryAfter(err.RetryAfter)
	}
	return p
}

// retryAfter is the pause in whole seconds that a refused client is asked for.
func retryAfter(d time.Duration) int {
	return max(1, int(math.Ceil(d.Seconds())))
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
	case producer.Limited:
		return http.StatusTooManyRequests
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

// documentAnswers describes the answers of our own endpoints: the one of
// success, and the problems. What other formats of the endpoint answer stays.
func documentAnswers(doc *httpserver.Doc, success any) {
	ok := doc.Answers[http.StatusOK]
	ok.Description, ok.Body = "Kafka has the record.", success
	doc.Answers[http.StatusOK] = ok
	for code, description := range map[int]string{
		http.StatusBadRequest:            "The body is malformed, not UTF-8 where it has to be, or was cut off, or the request has an idempotency key.",
		http.StatusUnauthorized:          "There is no credential, or a wrong one.",
		http.StatusForbidden:             "This principal may not write to the topic, Kafka does not let us, or a page of another origin asked.",
		http.StatusNotFound:              "The topic or the partition does not exist.",
		http.StatusRequestEntityTooLarge: "The body or the record is over its limit.",
		http.StatusUnsupportedMediaType:  "The content type or encoding is not taken.",
		http.StatusUnprocessableEntity:   "A field, parameter or header is missing, unknown or wrong; every one is listed.",
		http.StatusTooManyRequests:       "The principal's rate limit or its share of the in-flight budget is used up; safe to send again after Retry-After.",
		http.StatusBadGateway:            "Kafka refused the record for good.",
		http.StatusServiceUnavailable:    "Nothing was handed to Kafka; safe to send again after Retry-After.",
		http.StatusGatewayTimeout:        "Kafka did not answer in time; the record may have been written, or may be later.",
	} {
		answer := doc.Answers[code]
		answer.Description, answer.Problem = description, true
		switch code {
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			answer.Headers = map[string]string{"Retry-After": "Seconds to wait."}
		case http.StatusUnauthorized:
			answer.Headers = map[string]string{"WWW-Authenticate": "What to authenticate with."}
		}
		doc.Answers[code] = answer
	}
}
