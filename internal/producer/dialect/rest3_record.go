package dialect

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"time"

	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"
)

// rest3Decoder makes records of JSON objects. It reads text that has been found
// to be valid JSON, so that only the meaning can be wrong. What the text stands
// for is never longer, so it is written over it.
type rest3Decoder struct {
	writer *producer.Writer
	entry  bool // records are a batch's entries, which have ids
	json   *jsontext.Decoder
	source bytes.Buffer

	// Of the record that is being decoded.
	batch  *producer.Batch
	record *kgo.Record
	note   rest3Note
	owed   int // bytes of headers that have not been charged
}

func newRest3Decoder(w *producer.Writer) *rest3Decoder {
	return &rest3Decoder{writer: w, json: jsontext.NewDecoder(new(bytes.Buffer))}
}

// add fills a record that was just added to the batch. The text has to live as
// long as the batch, and is written over. A record that is wrong has failed, for
// itself.
func (d *rest3Decoder) add(b *producer.Batch, r *kgo.Record, text []byte) rest3Note {
	d.open(text)
	d.batch, d.record, d.note, d.owed = b, r, rest3Note{}, 0
	if f := d.members(d.member); f != nil {
		// Kafka is not asked for the partition of a record that it does not get.
		*r = kgo.Record{Partition: producer.AnyPartition}
		d.note = rest3Note{fault: int32(f.code)} //nolint:gosec // G115: five digits.
		b.Fail(b.Len()-1, d.writer.Refused(producer.Refusal(producer.Invalid, f.message)))
	}
	return d.note
}

// open begins to read a text.
func (d *rest3Decoder) open(text []byte) {
	d.source = *bytes.NewBuffer(text)
	d.json.Reset(&d.source)
}

// members calls set for each member of the object that comes next; set reads
// the value.
func (d *rest3Decoder) members(set func(name string) *rest3Fault) *rest3Fault {
	_, _ = d.json.ReadToken() // The text is valid, here and below.
	for d.json.PeekKind() == '"' {
		if f := set(d.name()); f != nil {
			return f
		}
	}
	_, _ = d.json.ReadToken()
	return nil
}

// name reads the name of a member.
func (d *rest3Decoder) name() string {
	token, _ := d.json.ReadToken()
	return token.String()
}

// value reads a value: a part of the text.
func (d *rest3Decoder) value() jsontext.Value {
	value, _ := d.json.ReadValue()
	return value
}

// member takes a member of the record. One that is null counts as absent.
func (d *rest3Decoder) member(name string) (f *rest3Fault) {
	r := d.record
	switch name {
	case "partition_id":
		return d.partition(d.value())
	case "timestamp":
		return d.timestamp(d.value())
	case "headers":
		return d.headers()
	case "key":
		r.Key, d.note.key, f = d.data(name)
		return f
	case "value":
		r.Value, d.note.value, f = d.data(name)
		return f
	case "id":
		if d.entry {
			d.value() // It was read before.
			return nil
		}
	}
	return unrecognized(name)
}

func unrecognized(name string) *rest3Fault {
	const most = 100
	return badRecord("Unrecognized field: " + name[:min(len(name), most)])
}

func (d *rest3Decoder) partition(value jsontext.Value) *rest3Fault {
	if value.Kind() == 'n' {
		return nil
	}
	n, err := strconv.ParseInt(string(value), 10, 32)
	switch {
	case err != nil:
		return badRecord("partition_id must be a whole number of 32 bits")
	case n < 0:
		return &rest3Fault{rest3NoPartition, "there is no partition " + string(value)}
	}
	d.record.Partition = int32(n)
	return nil
}

func (d *rest3Decoder) timestamp(value jsontext.Value) *rest3Fault {
	switch value.Kind() {
	case 'n':
		return nil
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			break
		}
		if t, err := time.Parse(time.RFC3339, string(text)); err == nil {
			if at, ok := timestamp(t.UnixMilli()); ok {
				d.record.Timestamp = at
				return nil
			}
		}
	default:
	}
	return badRecord("timestamp must be RFC 3339, from 1970 to 2262-04-11")
}

// data reads a key or a value.
func (d *rest3Decoder) data(of string) ([]byte, rest3Data, *rest3Fault) {
	none := rest3Data{}
	switch d.json.PeekKind() {
	case 'n':
		d.value()
		return nil, none, nil
	case '{':
	default:
		return nil, none, badRecord(of + " must be an object with type and data")
	}
	var data jsontext.Value
	format, schema := rest3None, false
	f := d.members(func(name string) *rest3Fault {
		value := d.value()
		switch name {
		case "type":
			return setFormat(&format, of, value)
		case "data":
			data = value
			return nil
		case "subject", "subject_name_strategy", "schema_id", "schema_version", "schema":
			schema = schema || value.Kind() != 'n'
			return nil
		}
		return unrecognized(name)
	})
	switch {
	case f != nil:
		return nil, none, f
	case data == nil:
		return nil, none, badRecord(of + " has no data")
	case schema || format == rest3Schema:
		return nil, none, &rest3Fault{http.StatusUnprocessableEntity, of + " asks for a schema, and no schema registry is configured"}
	case format == rest3None:
		// To the REST Proxy this asks for the latest schema of the topic.
		return nil, none, &rest3Fault{http.StatusUnprocessableEntity, of + " has no type (BINARY, JSON or STRING), which asks for a schema, and no schema registry is configured"}
	}
	decoded, f := decodeRest3(of, format, data)
	return decoded, rest3Data{format, int32(len(decoded))}, f //nolint:gosec // G115: bounded by the limit of a record's text.
}

func setFormat(format *rest3Format, of string, value jsontext.Value) *rest3Fault {
	if value.Kind() == 'n' {
		return nil
	}
	var known bool
	if name, err := jsontext.AppendUnquote(nil, value); err == nil {
		*format, known = rest3Formats[string(name)]
	}
	if !known {
		return badRecord("the type of " + of + " must be BINARY, JSON or STRING")
	}
	return nil
}

// decodeRest3 returns the bytes that a key or value has in Kafka: nil for null, and
// never nil for anything else.
func decodeRest3(of string, format rest3Format, data jsontext.Value) ([]byte, *rest3Fault) {
	switch {
	case data.Kind() == 'n':
		return nil, nil
	case format == rest3JSON:
		return slices.Clip(data), nil
	case format == rest3Binary:
		return decodeRest3Base64("data of "+of, data)
	case data.Kind() != '"':
		return nil, badRecord("data of " + of + " must be a string")
	}
	return unescape(data[1 : len(data)-1 : len(data)-1]), nil
}

// decodeRest3Base64 returns the bytes of a string of base64.
func decodeRest3Base64(of string, value jsontext.Value) ([]byte, *rest3Fault) {
	if value.Kind() == '"' {
		// Some JSON libraries escape the slash.
		if decoded, ok := unbase64(unescape(value[1 : len(value)-1 : len(value)-1])); ok {
			return decoded, nil
		}
	}
	return nil, badRecord(of + " is not a base64 string")
}
