package dialect

import (
	"net/http"

	"sluice/internal/httpserver"
	"sluice/internal/producer"

	"github.com/twmb/franz-go/pkg/kgo"
)

// raw takes any body as one record's value, byte for byte: a webhook, an image,
// a line of text.
type raw struct{}

func (raw) claims(*http.Request, string) bool { return true }

func (raw) refuse(c *call, p *httpserver.Problem) { c.refuse(p) }

func (f raw) serve(c *call, topic string) {
	p := newParams(c, append([]string{"tombstone"}, recordParams...)...)
	tombstone := p.tombstone()
	if problem := p.problem(); problem != nil {
		f.refuse(c, problem)
		return
	}
	b, refused := c.admit()
	if refused != nil {
		f.refuse(c, refused)
		return
	}
	defer b.Release()
	b.Topic = topic
	r := b.Add()
	p.apply(r)
	r.Value = b.Buffer
	switch contentType := c.request.Header.Get("Content-Type"); {
	case tombstone && len(b.Buffer) > 0:
		refusal(http.StatusUnprocessableEntity, "a tombstone has no body",
			httpserver.FieldError{Location: "body", Message: "must be empty with tombstone=true"}).Write(c.answer)
		return
	case tombstone:
		r.Value = nil
	case contentType != "":
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "content-type", Value: []byte(contentType)})
	}
	c.answerPlace(b)
}

// answerPlace writes the batch's one record and answers where it is.
func (c *call) answerPlace(b *producer.Batch) {
	place, err := c.writeOne(b)
	if err != nil {
		problem(err).Write(c.answer)
		return
	}
	body := append(make([]byte, 0, 160), '{')
	body = appendPlace(body, b.Topic, place)
	c.json(append(body, '}'))
}

// tombstone reads the parameter that asks for a null value.
func (p *params) tombstone() bool {
	values, ok := p.query["tombstone"]
	switch {
	case !ok:
		return false
	case values[0] != "true" && values[0] != "false":
		p.wrong("query.tombstone", "must be true or false")
	case values[0] == "true" && p.key == nil:
		p.wrong("query.tombstone", "a tombstone needs a key")
	}
	return values[0] == "true"
}

// placeAnswer is the answer, for the schema.
type placeAnswer struct {
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Offset    int64   `json:"offset"`
	Timestamp *string `json:"timestamp" format:"date-time" doc:"The record's timestamp; null where the topic's brokers stamp records themselves."`
}

func (raw) describe(doc *httpserver.Doc) {
	documentRecordParams(doc)
	doc.Query = append(doc.Query, httpserver.Param{Name: "tombstone", Type: "boolean", Description: "Write a null value: needs a key, and no body."})
	doc.Bodies["*/*"] = nil
	documentAnswers(doc, placeAnswer{})
}
