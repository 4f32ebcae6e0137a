package filter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/go-json-experiment/json/jsontext"
)

// The limits of a value that is JSON. A text of 900 KB can be 300,000 empty
// objects, which take a hundred times the memory of the text, or be nested so
// deep that whatever walks it needs a stack of megabytes.
const (
	maxDepth = 128
	maxNodes = 100_000
)

var (
	errDeep  = fmt.Errorf("%w: the value is nested deeper than %d levels", ErrTooCostly, maxDepth)
	errKind  = errors.New("a bracket where a value should be") // The decoder says so itself.
	errNodes = fmt.Errorf("%w: the value has more than %d parts", ErrTooCostly, maxNodes)
)

// parseValue returns a record's value as expressions see it: null for a
// tombstone, the JSON that it is, or else its text. JSON means what the streams
// embed as such: names are not repeated, and no escape is half a surrogate
// pair; what breaks that is text. JSON beyond the limits is an error, which the
// evaluation ends with.
func parseValue(value []byte) ref.Val {
	if !mayBeJSON(value) {
		return textOrNull(value)
	}
	p := parser{dec: jsontext.NewDecoder(bytes.NewBuffer(value))}
	v, err := p.next(0)
	if err == nil {
		_, err = p.dec.ReadToken()
	}
	switch {
	case errors.Is(err, io.EOF) && v != nil:
		return v
	case errors.Is(err, ErrTooCostly):
		return types.WrapErr(err)
	}
	return textOrNull(value)
}

// mayBeJSON tells most texts from JSON by their first character.
func mayBeJSON(value []byte) bool {
	value = bytes.TrimLeft(value, " \t\r\n")
	return len(value) > 0 && strings.IndexByte(`{["-0123456789tfn`, value[0]) >= 0
}

// parser makes CEL values of JSON.
type parser struct {
	dec   *jsontext.Decoder
	nodes int
}

// next returns the next value, which lies in depth lists and maps.
func (p *parser) next(depth int) (ref.Val, error) {
	tok, err := p.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	if p.nodes++; p.nodes > maxNodes {
		return nil, errNodes
	}
	switch tok.Kind() {
	case '{', '[':
		if depth == maxDepth {
			return nil, errDeep
		}
		if tok.Kind() == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case '"':
		return types.String(tok.String()), nil
	case '0':
		return number(tok.String()), nil
	case 't', 'f':
		return types.Bool(tok.Bool()), nil
	case 'n':
		return types.NullValue, nil
	default:
	}
	return nil, errKind
}

func (p *parser) object(depth int) (ref.Val, error) {
	m := map[string]any{}
	for p.dec.PeekKind() != '}' {
		name, err := p.dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String() // The token is void after the next read.
		if m[key], err = p.next(depth); err != nil {
			return nil, err
		}
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return nil, err
	}
	return types.NewStringInterfaceMap(types.DefaultTypeAdapter, m), nil
}

func (p *parser) array(depth int) (ref.Val, error) {
	var list []ref.Val
	for p.dec.PeekKind() != ']' {
		v, err := p.next(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return nil, err
	}
	return types.NewRefValList(types.DefaultTypeAdapter, list), nil
}

// number returns a whole number exactly, as int or else as uint, where it fits
// into 64 bits, and any other as the nearest double; one that is beyond the
// largest double is infinite. A number with a point or an exponent is a double
// even if it is whole.
func number(s string) ref.Val {
	if !strings.ContainsAny(s, ".eE") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return types.Int(n)
		}
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return types.Uint(n)
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		f = math.NaN() // It cannot be: the decoder has checked the grammar.
	}
	return types.Double(f)
}
