package dialect

import (
	"bytes"
	"net/http"

	"sluice/internal/producer"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Decode is what a body of POST /produce becomes, for the fuzz test.
func Decode(w *producer.Writer, body []byte) (topic string, r kgo.Record, status int) {
	b, err := w.Admit(nil, int64(len(body)))
	if err != nil {
		panic(err)
	}
	defer b.Release()
	b.Buffer = append(b.Buffer, body...)
	if _, p := decode(b); p != nil {
		return "", kgo.Record{}, p.Status
	}
	r = *b.Record(0)
	r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	for i := range r.Headers {
		r.Headers[i].Value = bytes.Clone(r.Headers[i].Value)
	}
	return b.Topic, r, http.StatusOK
}
