package dialect

import (
	"net/http"
	"slices"
	"strconv"

	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"
)

// record reads one record. What it does not say is null: the key and the
// value, too.
func (d *rest2Body) record() *rest2Error {
	switch ok, e := d.begin('{'); {
	case e != nil:
		return e
	case !ok:
		return rest2Wrong(http.StatusBadRequest, "records["+strconv.Itoa(d.batch.Len())+"] is not a JSON object")
	}
	if e := d.use(rest2RecordRoom); e != nil {
		return e
	}
	r := d.batch.Add()
	r.Partition = d.partition
	for d.dec.PeekKind() != '}' {
		if e := d.field(r); e != nil {
			return e
		}
	}
	if e := d.end(); e != nil {
		return e
	}
	d.keys = d.keys || r.Key != nil
	d.values = d.values || r.Value != nil
	return nil
}

// field reads one member of a record.
func (d *rest2Body) field(r *kgo.Record) *rest2Error {
	name, e := d.name()
	if e != nil {
		return e
	}
	switch string(name) {
	case "headers":
		return d.headers(r)
	case "key", "value", "partition", "timestamp":
	default:
		return rest2Unrecognized(name)
	}
	value, err := d.dec.ReadValue()
	if err != nil {
		return rest2Malformed(err)
	}
	switch string(name) {
	case "key":
		r.Key, e = d.content("key", value)
	case "value":
		r.Value, e = d.content("value", value)
	case "partition":
		e = d.setPartition(r, value)
	case "timestamp":
		e = d.setTimestamp(r, value)
	}
	return e
}

// content returns the bytes of a key or a value, as the format says. They are
// nil for JSON's null, and for nothing else: null and empty differ in Kafka.
func (d *rest2Body) content(name string, value jsontext.Value) ([]byte, *rest2Error) {
	value = slices.Clip(value)
	if value.Kind() == 'n' {
		return nil, nil
	}
	switch d.format {
	case rest2Binary:
		return d.base64(name, value)
	case rest2Text:
		if value.Kind() != '"' {
			return nil, d.malformed(name, "is not a string")
		}
		return unescape(value[1 : len(value)-1]), nil
	case rest2JSON, rest2Schema:
	}
	return value, nil
}

func (d *rest2Body) base64(name string, value jsontext.Value) ([]byte, *rest2Error) {
	if value.Kind() == '"' {
		if decoded, ok := unbase64(unescape(value[1 : len(value)-1])); ok {
			return decoded, nil
		}
	}
	return nil, d.malformed(name, "is not a base64 string")
}

func (d *rest2Body) setPartition(r *kgo.Record, value jsontext.Value) *rest2Error {
	if value.Kind() == 'n' {
		return nil
	}
	n, err := strconv.ParseInt(string(value), 10, 32)
	if err != nil || n < 0 {
		return d.wrong("partition", "must be a whole number from 0 to 2147483647")
	}
	r.Partition = int32(n)
	return nil
}

func (d *rest2Body) setTimestamp(r *kgo.Record, value jsontext.Value) *rest2Error {
	if value.Kind() == 'n' {
		return nil
	}
	ms, err := strconv.ParseInt(string(value), 10, 64)
	at, ok := timestamp(ms)
	if err != nil || !ok {
		return d.wrong("timestamp", "must be Unix milliseconds, from 1970 to 2262-04-11")
	}
	r.Timestamp = at
	return nil
}

// headers reads the record's headers, whose values are base64 in every format.
func (d *rest2Body) headers(r *kgo.Record) *rest2Error {
	if d.dec.PeekKind() == 'n' {
		return d.skip()
	}
	switch ok, e := d.begin('['); {
	case e != nil:
		return e
	case !ok:
		return d.wrong("headers", "must be an array")
	}
	for d.dec.PeekKind() != ']' {
		if e := d.header(r); e != nil {
			return e
		}
	}
	return d.end()
}

func (d *rest2Body) header(r *kgo.Record) *rest2Error {
	switch ok, e := d.begin('{'); {
	case e != nil:
		return e
	case !ok:
		return d.wrong("headers", "must be an array of objects with a key and a value")
	}
	var h kgo.RecordHeader
	named := false
	for d.dec.PeekKind() != '}' {
		name, e := d.name()
		if e != nil {
			return e
		}
		value, err := d.dec.ReadValue()
		if err != nil {
			return rest2Malformed(err)
		}
		switch string(name) {
		case "key":
			h.Key, e = d.headerKey(value)
			named = true
		case "value":
			if value.Kind() != 'n' {
				h.Value, e = d.base64("headers.value", slices.Clip(value))
			}
		default:
			e = rest2Unrecognized(name)
		}
		if e != nil {
			return e
		}
	}
	if e := d.end(); e != nil {
		return e
	}
	if !named {
		return d.wrong("headers", "has a header without a key")
	}
	if e := d.use(rest2HeaderRoom); e != nil {
		return e
	}
	r.Headers = append(r.Headers, h)
	return nil
}

func (d *rest2Body) headerKey(value jsontext.Value) (string, *rest2Error) {
	if value.Kind() != '"' {
		return "", d.wrong("headers", "has a header whose key is not a string")
	}
	if e := d.use(int64(len(value))); e != nil {
		return "", e
	}
	key := string(unescape(value[1 : len(value)-1]))
	if err := producer.CheckHeader(key); err != nil {
		return "", d.wrong("headers", err.Error())
	}
	return key, nil
}

// wrong says what is wrong with a field of the record.
func (d *rest2Body) wrong(field, message string) *rest2Error {
	return rest2Wrong(http.StatusUnprocessableEntity, d.at(field)+" "+message)
}

// malformed says that a field is not what the format has there at all.
func (d *rest2Body) malformed(field, message string) *rest2Error {
	return rest2Wrong(http.StatusBadRequest, d.at(field)+" "+message)
}
