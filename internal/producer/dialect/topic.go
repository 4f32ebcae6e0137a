package dialect

import (
	"net/http"

	"sluice/internal/httpserver"
	"sluice/internal/producer"
)

// format is a wire format of POST /topics/{topic}.
type format interface {
	// claims reports whether the request is in this format; media is its
	// content type without parameters, "" where there is none or it is
	// malformed.
	claims(r *http.Request, media string) bool
	// serve writes the records of the request and answers.
	serve(c *call, topic string)
	// refuse answers a request of which nothing was handed over.
	refuse(c *call, p *httpserver.Problem)
	// describe adds the format to the endpoint's documentation.
	describe(doc *httpserver.Doc)
}

// formats are all of them; the first that claims a request has it.
func formats() []format {
	return []format{rest2{}, structuredEvent{}, binaryEvent{}, lines{}, raw{}}
}

// Topic is the endpoint that takes records of any kind: POST /topics/{topic}.
type Topic struct {
	writer  *producer.Writer
	formats []format
}

// NewTopic makes the endpoint's handler.
func NewTopic(w *producer.Writer) *Topic { return &Topic{writer: w, formats: formats()} }

// Register adds the endpoint to service A.
func (t *Topic) Register(s *httpserver.Server) {
	doc := httpserver.Doc{
		ID: "writeToTopic", Summary: "Write one record, or many, of any kind", Tag: "produce",
		Description: "The content type says what the body is. A 200 means that Kafka has every record of the request with acks=all, but where the answer tells the outcome of each: with `results=each`, and in the REST Proxy's dialect. " + rest2Description,
		Answers:     map[int]httpserver.Answer{},
		Bodies:      map[string]any{},
		Path:        []httpserver.Param{topicParam},
		Refuse:      t.refuse,
	}
	for _, f := range t.formats {
		f.describe(&doc)
	}
	ok := doc.Answers[http.StatusOK]
	ok.Description = "Kafka has every record, or, with `results=each` and in the REST Proxy's dialect, the outcome of each."
	doc.Answers[http.StatusOK] = ok
	s.Handle(http.MethodPost, "/topics/{topic}", t, doc)
}

var topicParam = httpserver.Param{Name: "topic", Description: "The topic's name.", Pattern: `^[A-Za-z0-9._-]{1,249}$`}

// ServeHTTP hands the request to the format that it is in.
func (t *Topic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := t.format(r)
	c, p := newCall(t.writer, w, r)
	topic := r.PathValue("topic")
	if p == nil && !producer.ValidTopic(topic) {
		p = badTopic()
	}
	if p != nil {
		f.refuse(c, p)
		return
	}
	f.serve(c, topic)
}

// refuse answers a request that the server refuses before it gets here.
func (t *Topic) refuse(w http.ResponseWriter, r *http.Request, p *httpserver.Problem) {
	t.format(r).refuse(&call{writer: t.writer, answer: w, request: r}, p)
}

func (t *Topic) format(r *http.Request) format {
	media, err := mediaType(r)
	if err != nil {
		media = ""
	}
	for _, f := range t.formats {
		if f.claims(r, media) {
			return f
		}
	}
	return raw{} // It claims everything.
}

func badTopic() *httpserver.Problem {
	return refusal(http.StatusUnprocessableEntity, "the path does not name a topic",
		httpserver.FieldError{Location: "path.topic", Message: "is not a topic name: 1 to 249 of A-Z a-z 0-9 . _ -"})
}
