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

// REST2Answers makes the answer to a batch of 100 records that were written,
// for the benchmark.
func REST2Answers(w *producer.Writer) func() int {
	b, refusal := w.Admit(nil, 1)
	if refusal != nil {
		panic(refusal)
	}
	for i := range 100 {
		b.Add()
		b.Record(i).Offset, b.Record(i).Partition = int64(1_000_000+i), 3
	}
	var buffer []byte
	return func() int {
		buffer = buffer[:0]
		for i := range 100 {
			buffer = appendREST2(buffer, b, i)
		}
		return len(buffer)
	}
}

// REST2Record is what the dialect says of a record that failed.
func REST2Record(err *producer.Error) (code int, text string) { return rest2Record(err) }

// REST2Whole is what the dialect answers to a request whose records failed in
// these ways; nil is one that was written. The status is 0 where it is said of
// each record.
func REST2Whole(w *producer.Writer, results ...*producer.Error) (status, code int) {
	b, refusal := w.Admit(nil, 1)
	if refusal != nil {
		panic(refusal)
	}
	defer b.Release()
	for i, err := range results {
		b.Add()
		if err != nil {
			b.Fail(i, err)
		}
	}
	if e := rest2Whole(b); e != nil {
		return e.status, e.code
	}
	return 0, 0
}
