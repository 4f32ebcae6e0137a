package record

import (
	"encoding/base64"
	"unicode/utf8"
)

// AppendJSON appends a key or a value as JSON to dst and returns the extended
// buffer: null for nil, a string where the bytes are valid UTF-8, else a
// string of standard base64, which is then reported so that the caller can say
// "encoding":"base64" beside it.
//
// The string carries the bytes exactly. What AppendText hides is written as
// \uNNNN, so that the JSON is safe to print too.
func AppendJSON(dst, value []byte) (_ []byte, isBase64 bool) {
	if value == nil {
		return append(dst, "null"...), false
	}
	if !utf8.Valid(value) {
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, value)
		return append(dst, '"'), true
	}
	dst = append(dst, '"')
	for len(value) > 0 {
		n := plainJSON(value)
		dst = append(dst, value[:n]...)
		if value = value[n:]; len(value) == 0 {
			break
		}
		r, size := utf8.DecodeRune(value)
		value = value[size:]
		if r == '"' || r == '\\' {
			dst = append(dst, '\\', byte(r))
			continue
		}
		// All that is hidden lies in the basic plane: four digits do.
		dst = append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
	}
	return append(dst, '"'), false
}

// plainJSON returns the length of the longest prefix of valid UTF-8 that stays
// as it is in a JSON string.
func plainJSON(value []byte) int {
	i := 0
	for i < len(value) {
		b := value[i]
		if b < utf8.RuneSelf {
			if b < 0x20 || b == 0x7f || b == '\\' || b == '"' {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(value[i:])
		if hidden(r) {
			return i
		}
		i += size
	}
	return i
}
