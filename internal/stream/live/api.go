package live

import (
	"errors"
	"net/http"

	"sluice/internal/httpserver"
	"sluice/internal/kafka"
	"sluice/internal/stream"
	"sluice/internal/stream/filter"
)

// API are the endpoints of the fan-out plane.
type API struct {
	hub     *stream.Hub
	policy  Policy
	filters *filter.Set
	topics  topicMemory
	pages   chan struct{} // one for each page that is made now
	pieces  pieces
}

// NewAPI makes the endpoints' handlers. The filters are shared with whoever
// else compiles any.
func NewAPI(hub *stream.Hub, policy Policy, control *kafka.Control, filters *filter.Set) *API {
	return &API{
		hub: hub, policy: policy, filters: filters,
		topics: topicMemory{ask: topicAsker{control.Admin(), policy}.ask},
		pages:  make(chan struct{}, maxPages),
	}
}

func unknownTopic(topic string) *httpserver.Problem {
	return httpserver.NewProblem(http.StatusNotFound, "topic "+quote(topic)+" "+errNotStreamed.Error()+"; GET /topics lists those that are")
}

// refusal returns the answer to a stream that could not begin, and whether a
// later try may succeed.
func refusal(err error, topics []string) (p *httpserver.Problem, bye *stream.Bye) {
	switch {
	case errors.As(err, &bye):
		return later("the stream cannot begin now: " + bye.Reason), bye
	case errors.Is(err, stream.ErrUnknownTopic):
		if len(topics) == 1 {
			return unknownTopic(topics[0]), nil
		}
		return httpserver.NewProblem(http.StatusNotFound, "one of the topics "+errNotStreamed.Error()+"; GET /topics lists those that are"), nil
	case errors.Is(err, stream.ErrTooMany):
		return httpserver.NewProblem(http.StatusUnprocessableEntity, err.Error()), nil
	}
	return later(kafka.ErrAway.Error()), &stream.Bye{Reason: stream.ByeKafkaAway}
}

// later is the answer to what may succeed in a moment.
func later(detail string) *httpserver.Problem {
	p := httpserver.NewProblem(http.StatusServiceUnavailable, detail)
	p.RetryAfter = int(retry.Seconds())
	return p
}
