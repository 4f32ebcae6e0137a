package live

import (
	"encoding/json"
	"errors"
	"net/http"

	"sluice/internal/httpserver"
	"sluice/internal/kafka"
)

// TopicList are the topics that may be read.
type TopicList struct {
	Topics []ReadableTopic `json:"topics" doc:"The topics, by name."`
}

// ReadableTopic is a topic that may be read.
type ReadableTopic struct {
	Name       string              `json:"name"`
	TopicID    string              `json:"topic_id" doc:"Kafka's id: a topic that is made anew has another one."`
	Partitions []ReadablePartition `json:"partitions"`
}

// ReadablePartition says which offsets a partition has. They are null while
// nobody leads it.
type ReadablePartition struct {
	Partition     int32  `json:"partition"`
	Start         *int64 `json:"start" doc:"The first offset that is still there."`
	End           *int64 `json:"end" doc:"The last stable offset: readers of committed records come up to here."`
	HighWatermark *int64 `json:"high_watermark" doc:"The next offset to be written, behind open transactions, too."`
}

// listTopics answers with the topics that may be read.
func (a *API) listTopics(w http.ResponseWriter, r *http.Request) {
	p := newReading(r, a.filters).end()
	var who reader
	if p == nil {
		who, p = a.who(r)
	}
	if p != nil {
		p.Write(w)
		return
	}
	all, err := a.topics.list(r.Context())
	if err != nil {
		if r.Context().Err() == nil {
			refuseTopics(err).Write(w)
		}
		return
	}
	answer := TopicList{Topics: []ReadableTopic{}}
	for _, t := range all {
		if who.sees(t.Name) {
			answer.Topics = append(answer.Topics, t)
		}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		// Names and numbers always marshal.
		httpserver.NewProblem(http.StatusInternalServerError, "the topics cannot be written").Write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	writeAll(w, body, []byte("\n"))
}

func refuseTopics(err error) *httpserver.Problem {
	if errors.Is(err, kafka.ErrAway) {
		return later(kafka.ErrAway.Error())
	}
	return httpserver.NewProblem(http.StatusBadGateway, "Kafka refuses to list its topics: "+err.Error())
}
