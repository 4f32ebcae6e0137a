package dialect

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"unsafe"

	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// rest2RecordRoom is what a record costs beside its bytes: while the batch
	// grows, its old place is held beside the new one.
	rest2RecordRoom = 2 * producer.RecordRoom
	rest2HeaderRoom = 2 * int64(unsafe.Sizeof(kgo.RecordHeader{}))
	// rest2RoomStep is the least that is charged at once.
	rest2RoomStep = 2 * rest2RecordRoom
	// rest2Share is the part of the in-flight budget that one request may take
	// for records and headers beside their bytes. One with more might never be
	// let in, so it is told that it is too large instead of to come back.
	rest2Share = 4
)

// rest2Body fills a batch from the JSON in its buffer, in one pass and with
// keys and values that are parts of the buffer. The first thing that is wrong
// ends it.
type rest2Body struct {
	batch     *producer.Batch
	dec       *jsontext.Decoder
	format    rest2Format
	partition int32 // of a record that names none
	room      int64 // charged and not used
	used      int64
	most      int64 // that may be used

	keys, values           bool // some record has one
	keySchema, valueSchema bool // the request has one
}

func newREST2Body(b *producer.Batch, format rest2Format, partition int32, inFlight int64) *rest2Body {
	return &rest2Body{
		batch: b, format: format, partition: partition,
		dec:  jsontext.NewDecoder(bytes.NewBuffer(b.Buffer)), // It parses the buffer itself, without a copy.
		most: inFlight / rest2Share,
	}
}

// decode reads the request. Duplicate names, invalid UTF-8 and lone surrogates
// are malformed: what Kafka got would not be what was sent.
func (d *rest2Body) decode() *rest2Error {
	if len(bytes.TrimSpace(d.batch.Buffer)) == 0 {
		return rest2Wrong(http.StatusUnprocessableEntity, "the body is empty")
	}
	null := d.dec.PeekKind() == 'n'
	switch ok, e := d.begin('{'); {
	case e != nil:
		return e
	case null:
		return rest2Wrong(http.StatusUnprocessableEntity, "the body is null")
	case !ok:
		return rest2Wrong(http.StatusBadRequest, "the body must be a JSON object")
	}
	for d.dec.PeekKind() != '}' {
		if e := d.member(); e != nil {
			return e
		}
	}
	if e := d.end(); e != nil {
		return e
	}
	if _, err := d.dec.ReadToken(); err != io.EOF { //nolint:errorlint // The decoder documents io.EOF itself.
		return rest2Wrong(http.StatusBadRequest, "the body is not valid JSON: there is more after the object")
	}
	if d.batch.Len() == 0 {
		return rest2Wrong(http.StatusUnprocessableEntity, "records must not be empty")
	}
	d.batch.Shrink(d.room)
	d.room = 0
	return d.schemas()
}

// schemas refuses a request whose format needs a schema registry, in the words
// that its client expects where it has sent no schema.
func (d *rest2Body) schemas() *rest2Error {
	e := &rest2Error{status: http.StatusUnprocessableEntity}
	switch {
	case d.format != rest2Schema:
		return nil
	case d.keys && !d.keySchema:
		e.code, e.message = rest2NoKeySchema, "the request has keys and no key_schema or key_schema_id"
	case d.values && !d.valueSchema:
		e.code, e.message = rest2NoValueSchema, "the request has values and no value_schema or value_schema_id"
	case d.keySchema:
		e.code, e.message = rest2NoKeySchema, "key_schema cannot be used"
	default:
		e.code, e.message = rest2NoValueSchema, "value_schema cannot be used"
	}
	e.message += ": no schema registry is configured"
	return e
}

// member reads one member of the request.
func (d *rest2Body) member() *rest2Error {
	name, e := d.name()
	if e != nil {
		return e
	}
	switch string(name) {
	case "records":
		return d.records()
	case "key_schema", "key_schema_id":
		return d.schema(name, &d.keySchema)
	case "value_schema", "value_schema_id":
		return d.schema(name, &d.valueSchema)
	}
	return rest2Unrecognized(name)
}

func (d *rest2Body) schema(name []byte, given *bool) *rest2Error {
	value, err := d.dec.ReadValue()
	switch {
	case err != nil:
		return rest2Malformed(err)
	case value.Kind() == 'n':
	case d.format == rest2Schema:
		*given = true
	default:
		return rest2Wrong(http.StatusUnprocessableEntity, string(name)+" must be null: the content type's records have no schema")
	}
	return nil
}

func (d *rest2Body) records() *rest2Error {
	if d.dec.PeekKind() == 'n' {
		return d.skip() // As good as none.
	}
	switch ok, e := d.begin('['); {
	case e != nil:
		return e
	case !ok:
		return rest2Wrong(http.StatusBadRequest, "records must be an array")
	}
	for d.dec.PeekKind() != ']' {
		if e := d.record(); e != nil {
			return e
		}
	}
	return d.end()
}

// begin reads the token that begins an object or an array. It reports false
// when something else is there.
func (d *rest2Body) begin(kind jsontext.Kind) (bool, *rest2Error) {
	if d.dec.PeekKind() == kind {
		_, err := d.dec.ReadToken()
		if err != nil {
			return false, rest2Malformed(err)
		}
		return true, nil
	}
	// Malformed comes before wrong.
	return false, d.skip()
}

// end reads the token that ends an object or an array.
func (d *rest2Body) end() *rest2Error {
	if _, err := d.dec.ReadToken(); err != nil {
		return rest2Malformed(err)
	}
	return nil
}

func (d *rest2Body) skip() *rest2Error {
	if err := d.dec.SkipValue(); err != nil {
		return rest2Malformed(err)
	}
	return nil
}

// name reads the name of an object's member.
func (d *rest2Body) name() ([]byte, *rest2Error) {
	quoted, err := d.dec.ReadValue()
	if err != nil {
		return nil, rest2Malformed(err)
	}
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') < 0 {
		return name, nil
	}
	// Not in its place: the decoder looks at names again.
	const longest = 1 << 10
	if len(name) > longest {
		return nil, rest2Unrecognized(name)
	}
	return unescape(bytes.Clone(name)), nil
}

// use takes memory, charging more of it before there is not enough.
func (d *rest2Body) use(n int64) *rest2Error {
	if d.used+n > d.most {
		return rest2Wrong(http.StatusRequestEntityTooLarge, "there are more records or headers than one request may have")
	}
	if d.room < n {
		more := max(n, rest2RoomStep, d.used/2)
		if err := d.batch.Grow(more); err != nil {
			return rest2Refused(err)
		}
		d.room += more
	}
	d.room -= n
	d.used += n
	return nil
}

// at says where something is, for a message.
func (d *rest2Body) at(field string) string {
	return "records[" + strconv.Itoa(d.batch.Len()-1) + "]." + field
}
