package dialect

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"sluice/internal/producer"

	"github.com/go-json-experiment/json/jsontext"
)

// pointer is a JSON Pointer (RFC 6901) to the key of a line.
type pointer struct{ tokens []string }

// keyPath reads the parameter that says where in a line the key is.
func (p *params) keyPath() *pointer {
	values, ok := p.query["key_path"]
	if !ok {
		return nil
	}
	path, err := parsePointer(values[0])
	if err != nil {
		p.wrong("query.key_path", err.Error())
	}
	if p.key != nil {
		p.wrong("query.key_path", "there is a key for every line already")
	}
	return path
}

var errNotPointer = errors.New("is not a JSON Pointer (RFC 6901), such as /device/id")

func parsePointer(text string) (*pointer, error) {
	if text == "" {
		return &pointer{}, nil
	}
	rest, ok := strings.CutPrefix(text, "/")
	if !ok {
		return nil, errNotPointer
	}
	tokens := strings.Split(rest, "/")
	for i, token := range tokens {
		for at := strings.IndexByte(token, '~'); at >= 0; {
			if at+1 == len(token) || token[at+1] != '0' && token[at+1] != '1' {
				return nil, errNotPointer
			}
			next := strings.IndexByte(token[at+1:], '~')
			if next < 0 {
				break
			}
			at += 1 + next
		}
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
	}
	return &pointer{tokens}, nil
}

// key checks that the line is one JSON text and returns the key in it, behind
// the line in the batch's buffer, which has the room.
func (p *pointer) key(dec *jsontext.Decoder, b *producer.Batch, line []byte) ([]byte, *producer.Error) {
	dec.Reset(bytes.NewBuffer(line))
	f := finder{dec: dec, batch: b}
	if err := f.walk(p.tokens); err != nil {
		return nil, errMalformedLine
	}
	if _, err := dec.ReadToken(); err != io.EOF { //nolint:errorlint // The decoder documents io.EOF itself.
		return nil, errMalformedLine
	}
	if f.key == nil {
		return nil, errNoKey
	}
	return f.key, nil
}

// errNoKey is the failure of a line that has none.
var errNoKey = producer.Refusal(producer.Invalid, "the line has no string, number or boolean at key_path")

// finder reads a whole JSON text, and keeps one scalar of it.
type finder struct {
	dec   *jsontext.Decoder
	batch *producer.Batch
	key   []byte
}

// walk reads one value. Its error is one of syntax.
func (f *finder) walk(tokens []string) error {
	if len(tokens) == 0 {
		value, err := f.dec.ReadValue()
		if err == nil {
			f.keep(value)
		}
		return err
	}
	switch f.dec.PeekKind() {
	case '{':
		return f.members(tokens)
	case '[':
		return f.elements(tokens)
	default:
		return f.dec.SkipValue()
	}
}

func (f *finder) members(tokens []string) error {
	if _, err := f.dec.ReadToken(); err != nil {
		return err
	}
	for f.dec.PeekKind() == '"' {
		name, err := f.dec.ReadValue()
		if err != nil {
			return err
		}
		if sameName(name, tokens[0]) {
			err = f.walk(tokens[1:])
		} else {
			err = f.dec.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := f.dec.ReadToken()
	return err
}

func (f *finder) elements(tokens []string) error {
	if _, err := f.dec.ReadToken(); err != nil {
		return err
	}
	for i := 0; ; i++ {
		kind := f.dec.PeekKind()
		if kind == ']' || kind == 0 {
			_, err := f.dec.ReadToken()
			return err
		}
		var err error
		if tokens[0] == strconv.Itoa(i) {
			err = f.walk(tokens[1:])
		} else {
			err = f.dec.SkipValue()
		}
		if err != nil {
			return err
		}
	}
}

// keep copies the value, which is the decoder's, if it can be a key: a string's
// text, a number's or boolean's JSON.
func (f *finder) keep(value jsontext.Value) {
	start := len(f.batch.Buffer)
	switch value.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(f.batch.Buffer, value)
		if err != nil {
			return
		}
		f.batch.Buffer = text
	case '0', 't', 'f':
		f.batch.Buffer = append(f.batch.Buffer, value...)
	default:
		return
	}
	f.key = f.batch.Buffer[start:len(f.batch.Buffer):len(f.batch.Buffer)]
}

// sameName compares a member's name, as JSON, with a text.
func sameName(name jsontext.Value, text string) bool {
	if bytes.IndexByte(name, '\\') < 0 {
		return string(name[1:len(name)-1]) == text
	}
	unquoted, err := jsontext.AppendUnquote(nil, name)
	return err == nil && string(unquoted) == text
}
