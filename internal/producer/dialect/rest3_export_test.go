package dialect

import (
	"bytes"

	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"
)

// DecodeREST3 is what a text becomes as a record of the REST Proxy's version
// 3, for the fuzz test: the record, or the code by which it is refused.
func DecodeREST3(w *producer.Writer, text []byte) (r kgo.Record, code int) {
	text = bytes.Clone(text) // It is written over.
	dec := jsontext.NewDecoder(bytes.NewBuffer(text))
	value, err := dec.ReadValue()
	if err != nil || value.Kind() != '{' {
		return r, 400
	}
	b, refusal := w.Admit(nil, int64(len(text)))
	if refusal != nil {
		panic(refusal)
	}
	defer b.Release()
	note := newRest3Decoder(w).add(b, b.Add(), value)
	return *b.Record(0), int(note.fault)
}

// EndOfObject is where the object at the start of a text ends, looked for in
// parts of a size; -1 where it has no end.
func EndOfObject(text []byte, part int) int {
	var o objectEnd
	for at := 0; at < len(text); {
		n, ended := o.scan(text[at:min(at+part, len(text))])
		at += n
		if ended {
			return at
		}
	}
	return -1
}
