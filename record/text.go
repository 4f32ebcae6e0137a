package record

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendText appends value to dst as text that is safe to print on a line of
// its own, and returns the extended buffer. The result is valid UTF-8 and has
// no control character, whatever the bytes:
//
//   - a backslash becomes `\\`;
//   - each byte of a control character (C0, DEL, C1), of a line or paragraph
//     separator (U+2028, U+2029) and of a bidirectional control becomes `\xNN`
//     in lower-case hex, and so does each byte that is not part of valid UTF-8;
//   - everything else stays as it is.
//
// ParseText is its inverse.
func AppendText(dst, value []byte) []byte {
	for len(value) > 0 {
		n := plain(value)
		dst = append(dst, value[:n]...)
		if value = value[n:]; len(value) == 0 {
			return dst
		}
		if value[0] == '\\' {
			dst, value = append(dst, '\\', '\\'), value[1:]
			continue
		}
		_, size := utf8.DecodeRune(value)
		for _, b := range value[:size] {
			dst = append(dst, '\\', 'x', hexDigits[b>>4], hexDigits[b&15])
		}
		value = value[size:]
	}
	return dst
}

// ParseText returns the bytes of which AppendText made text. A backslash that
// begins neither `\\` nor `\xNN` is an error that says where it stands; bytes
// that AppendText would have escaped are taken as they are.
func ParseText(text []byte) ([]byte, error) {
	value := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		n := bytes.IndexByte(text[i:], '\\')
		if n < 0 {
			return append(value, text[i:]...), nil
		}
		value = append(value, text[i:i+n]...)
		i += n
		rest := text[i:]
		switch {
		case len(rest) >= 2 && rest[1] == '\\':
			value = append(value, '\\')
			i += 2
		case len(rest) >= 4 && rest[1] == 'x':
			var b [1]byte
			if _, err := hex.Decode(b[:], rest[2:4]); err != nil {
				return nil, fmt.Errorf("escape at byte %d: %w", i, err)
			}
			value = append(value, b[0])
			i += 4
		default:
			return nil, fmt.Errorf(`escape at byte %d: neither \\ nor \xNN`, i)
		}
	}
	return value, nil
}

// plain returns the length of the longest prefix of value that AppendText
// leaves as it is.
func plain(value []byte) int {
	i := 0
	for i < len(value) {
		b := value[i]
		if b < utf8.RuneSelf {
			if b < 0x20 || b == 0x7f || b == '\\' {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(value[i:])
		if (r == utf8.RuneError && size == 1) || hidden(r) {
			return i
		}
		i += size
	}
	return i
}

// hidden reports whether a rune beyond ASCII would act on a terminal or on the
// order of the text instead of showing: C1 controls, the line and paragraph
// separators, and the controls of the Unicode bidirectional algorithm (which
// make a text read otherwise than it is, CVE-2021-42574).
func hidden(r rune) bool {
	switch {
	case r < 0xa0,
		r == 0x061c,
		r == 0x200e, r == 0x200f,
		r == 0x2028, r == 0x2029,
		0x202a <= r && r <= 0x202e,
		0x2066 <= r && r <= 0x2069:
		return true
	}
	return false
}
