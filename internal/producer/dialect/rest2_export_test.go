package dialect

import (
	"bytes"
	"net/http"

	"sluice/internal/producer"

	"github.com/twmb/franz-go/pkg/kgo"
)

// DecodeREST2 is what the body of a request with the content type becomes.
func DecodeREST2(w *producer.Writer, media string, body []byte) (records []kgo.Record, status, code int) {
	b, refusal := w.Admit(nil, int64(len(body)))
	if refusal != nil {
		panic(refusal)
	}
	defer b.Release()
	b.Buffer = append(b.Buffer[:0], body...)
	if e := newREST2Body(b, rest2Formats[media], producer.AnyPartition, int64(w.Config().Limits.InFlight)).decode(); e != nil {
		return nil, e.status, e.code
	}
	for i := range b.Len() {
		r := *b.Record(i)
		r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
		records = append(records, r)
	}
	return records, http.StatusOK, 0
}

// Unescape is what the inside of a JSON string stands for.
func Unescape(s []byte) []byte { return unescape(bytes.Clone(s)) }

// Unbase64 decodes in place.
func Unbase64(s []byte) ([]byte, bool) { return unbase64(bytes.Clone(s)) }

// Negotiate chooses among the content types of answers.
func Negotiate(accept ...string) (string, bool) { return negotiate(accept, rest2Media) }

// REST2Decoder decodes a body of 100 records, for the benchmark.
func REST2Decoder(w *producer.Writer, media string, body []byte) func() {
	return func() {
		b, refusal := w.Admit(nil, int64(len(body)))
		if refusal != nil {
			panic(refusal)
		}
		b.Buffer = append(b.Buffer[:0], body...)
		if e := newREST2Body(b, rest2Formats[media], producer.AnyPartition, int64(w.Config().Limits.InFlight)).decode(); e != nil || b.Len() != 100 {
			panic("not 100 records")
		}
		b.Release()
	}
}
