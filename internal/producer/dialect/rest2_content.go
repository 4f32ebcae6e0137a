package dialect

import (
	"bytes"
	"encoding/base64"
	"unicode/utf16"
	"unicode/utf8"
)

// What a JSON string stands for is never longer than the string, so it is
// written over it: large values cost no memory beside the body that holds
// them. The parser has passed these bytes and does not look at them again.

// unescape returns what the inside of a valid JSON string stands for, in its
// place.
func unescape(s []byte) []byte {
	i := bytes.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	end := i
	for i < len(s) {
		switch {
		case s[i] != '\\':
			s[end] = s[i]
			end++
			i++
		case s[i+1] == 'u':
			r := hex4(s[i+2:])
			i += 6
			if utf16.IsSurrogate(r) { // A pair: lone ones are not valid.
				r = utf16.DecodeRune(r, hex4(s[i+2:]))
				i += 6
			}
			end += utf8.EncodeRune(s[end:], r)
		default:
			s[end] = unescaped(s[i+1])
			end++
			i += 2
		}
	}
	return s[:end]
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // A quote, a backslash or a slash.
}

// hex4 reads four hexadecimal digits.
func hex4(s []byte) rune {
	var r rune
	for _, c := range s[:4] {
		r <<= 4
		switch {
		case c <= '9':
			r |= rune(c - '0')
		case c <= 'F':
			r |= rune(c - 'A' + 10)
		default:
			r |= rune(c - 'a' + 10)
		}
	}
	return r
}

// unbase64 decodes the standard alphabet in its place. The padding may be
// missing, and the bits that are left over may be set: the decoders of the
// proxies that this dialect is of are as lenient, so clients may rely on it.
func unbase64(s []byte) ([]byte, bool) {
	encoding := base64.StdEncoding
	if len(s)%4 != 0 {
		encoding = base64.RawStdEncoding
	}
	// The library skips line ends, which are not of the alphabet.
	if bytes.IndexByte(s, '\n') >= 0 || bytes.IndexByte(s, '\r') >= 0 {
		return nil, false
	}
	n, err := encoding.Decode(s, s)
	return s[:n], err == nil
}
