package dialect

import (
	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// headerRoom is what a record header takes beside the bytes of its name
	// and value, while the list of them grows.
	headerRoom = 128
	// headersFree is how many bytes of headers a record's own room covers.
	headersFree = 4 << 10
)

// headers takes a record's headers: a list of objects.
func (d *rest3Decoder) headers() *rest3Fault {
	switch d.json.PeekKind() {
	case 'n':
		d.value()
		return nil
	case '[':
	default:
		return badRecord("headers must be an array of objects")
	}
	_, _ = d.json.ReadToken()
	for d.json.PeekKind() != ']' {
		if d.json.PeekKind() != '{' {
			return badRecord("headers must be an array of objects")
		}
		if f := d.header(); f != nil {
			return f
		}
	}
	_, _ = d.json.ReadToken()
	return nil
}

// header takes one: a name, and a value in base64 that may be null.
func (d *rest3Decoder) header() *rest3Fault {
	var name, value jsontext.Value
	f := d.members(func(member string) *rest3Fault {
		switch member {
		case "name":
			name = d.value()
		case "value":
			value = d.value()
		default:
			return unrecognized(member)
		}
		return nil
	})
	switch {
	case f != nil:
		return f
	case name.Kind() != '"':
		return badRecord("a header must have a name that is a string")
	}
	if f := d.chargeHeader(len(name)); f != nil {
		return f
	}
	text, _ := jsontext.AppendUnquote(nil, name) // The text is valid.
	h := kgo.RecordHeader{Key: string(text)}
	if err := producer.CheckHeader(h.Key); err != nil {
		return badRecord(err.Error())
	}
	if value != nil && value.Kind() != 'n' {
		if h.Value, f = decodeRest3Base64("value of a header", value); f != nil {
			return f
		}
	}
	d.record.Headers = append(d.record.Headers, h)
	return nil
}

// chargeHeader takes room for a header, for several of them at once: there are
// few in most records, and a list of empty ones takes more memory than its
// text.
func (d *rest3Decoder) chargeHeader(name int) *rest3Fault {
	d.owed += headerRoom + name
	if d.owed < headersFree {
		return nil
	}
	if err := d.batch.Grow(int64(d.owed)); err != nil {
		return rest3Outcome(err)
	}
	d.owed = 0
	return nil
}
