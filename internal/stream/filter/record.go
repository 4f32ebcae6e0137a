package filter

import (
	"encoding/base64"
	"sync"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"sluice/record"
)

// The variables of an expression.
const (
	varKey       = "key"
	varHeaders   = "headers"
	varValue     = "value"
	varTimestamp = "timestamp"
	varPartition = "partition"
	varOffset    = "offset"
)

var variableNames = []string{varKey, varHeaders, varValue, varTimestamp, varPartition, varOffset}

// Record is what expressions see of one record. A nil Key or Value is Kafka's
// null. The bytes must not change while it is used.
//
// Any number of filters may be evaluated on it, also at the same time. What
// they need is made of the bytes once, by the first that needs it, and kept
// until the Record is dropped: a parsed value may take many times the memory
// of its text, so a Record should not live longer than the work on it. A
// Record must not be copied after its first use.
type Record struct {
	Partition int32
	Offset    int64
	Timestamp time.Time
	Key       []byte
	Value     []byte
	Headers   []record.Header

	key, headers, value lazy
}

// lazy is a variable that is made when it is first asked for.
type lazy struct {
	once sync.Once
	val  ref.Val
}

func (l *lazy) get(make func() ref.Val) ref.Val {
	l.once.Do(func() { l.val = make() })
	return l.val
}

// variables is a Record as the evaluator asks for it: by name, and only for
// what the expression mentions.
type variables struct{ r *Record }

// ResolveName implements cel.Activation.
func (v variables) ResolveName(name string) (any, bool) {
	r := v.r
	switch name {
	case varKey:
		return r.key.get(func() ref.Val { return textOrNull(r.Key) }), true
	case varHeaders:
		return r.headers.get(func() ref.Val { return headerMap(r.Headers) }), true
	case varValue:
		return r.value.get(func() ref.Val { return parseValue(r.Value) }), true
	case varTimestamp:
		return types.Timestamp{Time: r.Timestamp}, true
	case varPartition:
		return types.Int(r.Partition), true
	case varOffset:
		return types.Int(r.Offset), true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (variables) Parent() cel.Activation { return nil }

// headerMap keeps the last of the headers that have the same name.
func headerMap(headers []record.Header) ref.Val {
	m := make(map[string]any, len(headers))
	for _, h := range headers {
		m[text([]byte(h.Key))] = textOrNull(h.Value)
	}
	return types.NewStringInterfaceMap(types.DefaultTypeAdapter, m)
}

func textOrNull(b []byte) ref.Val {
	if b == nil {
		return types.NullValue
	}
	return types.String(text(b))
}

// text returns bytes that are UTF-8 as they are and others in standard base64,
// as the streams show them.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return base64.StdEncoding.EncodeToString(b)
}
