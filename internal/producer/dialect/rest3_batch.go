package dialect

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Batch takes a few records, each with an id of the client's, and answers 207
// with what became of each. Only what leaves no entry to answer, or makes the
// ids useless, refuses the whole request.
func (d *REST3) Batch(w http.ResponseWriter, r *http.Request) {
	c, topic, ok := d.begin(w, r)
	if !ok {
		return
	}
	b, p := c.admit()
	if p != nil {
		refuseRest3(c, p)
		return
	}
	defer b.Release()
	entries, f := d.read(b.Buffer)
	if f != nil {
		status := f.code
		if status == rest3BadBatch {
			status = http.StatusUnprocessableEntity
		}
		writeRest3Fault(w, status, f, 0)
		return
	}
	b.Topic = topic
	written := &piece[rest3Note]{batch: b}
	records := newRest3Decoder(c.writer)
	records.entry = true
	for _, e := range entries {
		written.notes = append(written.notes, records.add(b, b.Add(), e.text))
	}
	written.refusal = c.write(b)
	writeRest3(w, http.StatusMultiStatus, newRest3Answerer(r.PathValue("cluster"), topic).appendBatch(nil, entries, written))
}

// rest3Entry is one record of a batch.
type rest3Entry struct {
	id   string
	text []byte
}

// read takes a batch apart.
func (d *REST3) read(body []byte) ([]rest3Entry, *rest3Fault) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, badBatch("the body is empty")
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	text, err := dec.ReadValue()
	if err == nil {
		if _, err = dec.ReadToken(); err == nil {
			err = errMore
		}
	}
	switch {
	case !errors.Is(err, io.EOF):
		return nil, badJSON(err)
	case text.Kind() == 'n':
		return nil, badBatch("the body is null")
	case text.Kind() != '{':
		return nil, badRecord("the body must be an object with entries")
	}
	batch := rest3Batch{most: d.entries, json: newRest3Decoder(d.writer), ids: map[string]bool{}}
	batch.json.open(text)
	if f := batch.json.members(batch.member); f != nil {
		return nil, f
	}
	if len(batch.entries) == 0 {
		return nil, badBatch("the batch has no entries")
	}
	return batch.entries, nil
}

var errMore = errors.New("there is more after the object")

func badBatch(message string) *rest3Fault { return &rest3Fault{rest3BadBatch, message} }

// rest3Batch is a batch that is being read.
type rest3Batch struct {
	most    int
	json    *rest3Decoder
	entries []rest3Entry
	ids     map[string]bool
}

// member takes a member of the body.
func (b *rest3Batch) member(name string) *rest3Fault {
	if name != "entries" {
		return unrecognized(name)
	}
	switch b.json.json.PeekKind() {
	case 'n':
		b.json.value()
		return nil
	case '[':
	default:
		return badRecord("entries must be an array of objects")
	}
	_, _ = b.json.json.ReadToken() // The text is valid.
	for b.json.json.PeekKind() != ']' {
		if len(b.entries) == b.most {
			return badBatch("the batch has more than " + strconv.Itoa(b.most) + " entries")
		}
		if f := b.entry(b.json.value()); f != nil {
			return f
		}
	}
	_, _ = b.json.json.ReadToken()
	return nil
}

// entry takes an entry, of which only the id is looked at.
func (b *rest3Batch) entry(text jsontext.Value) *rest3Fault {
	if text.Kind() != '{' {
		return badRecord("an entry must be an object")
	}
	e := rest3Entry{text: text}
	reader := newRest3Decoder(b.json.writer)
	reader.open(text)
	_ = reader.members(func(name string) *rest3Fault {
		value := reader.value()
		if name == "id" && value.Kind() == '"' {
			id, _ := jsontext.AppendUnquote(nil, value) // The text is valid.
			e.id = string(id)
		}
		return nil
	})
	switch {
	case !validEntryID(e.id):
		return badBatch("each entry must have an id: a string of 1 to 80 of A-Z a-z 0-9 _ -")
	case b.ids[e.id]:
		return badBatch("the ids of the entries are not distinct: " + e.id)
	}
	b.ids[e.id] = true
	b.entries = append(b.entries, e)
	return nil
}

// validEntryID reports whether an entry can be told by the id.
func validEntryID(id string) bool {
	if id == "" || len(id) > 80 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// appendBatch writes the answer to a batch: both lists in the request's order.
func (a rest3Answerer) appendBatch(dst []byte, entries []rest3Entry, written *piece[rest3Note]) []byte {
	start := func(id string) {
		if dst[len(dst)-1] == '}' {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":"`...)
		dst = append(dst, id...) // A valid one needs no escape.
		dst = append(dst, `",`...)
	}
	dst = append(dst, `{"successes":[`...)
	for i, e := range entries {
		if place, err := written.result(i); err == nil {
			start(e.id)
			dst = append(a.appendWritten(dst, &written.notes[i], place), '}')
		}
	}
	dst = append(dst, `],"failures":[`...)
	for i, e := range entries {
		if _, err := written.result(i); err != nil {
			start(e.id)
			dst = append(written.notes[i].faultOf(err).appendMembers(dst), '}')
		}
	}
	return append(dst, `]}`...)
}
