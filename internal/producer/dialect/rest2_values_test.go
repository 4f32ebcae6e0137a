package dialect_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Values that the peers are known to change arrive as the bytes that were sent.
func TestREST2JSONArrivesByteForByte(t *testing.T) {
	p := newProxy(t, nil)
	for name, value := range map[string]string{
		"zero":                `0`,
		"minus zero":          `-0`,
		"false":               `false`,
		"true":                `true`,
		"empty string":        `""`,
		"empty object":        `{}`,
		"empty array":         `[]`,
		"2^63":                `9223372036854775808`,
		"a big integer":       `123456789012345678901234567890`,
		"1.0":                 `1.0`,
		"1e400":               `1e400`,
		"exponent":            `1E+2`,
		"order of keys":       `{"z":1,"a":2,"m":{"z":1,"a":2}}`,
		"unicode escapes":     `"\u00e4\u0000\ud83d\ude00\/"`,
		"raw unicode":         `"ä😀"`,
		"escaped name":        `{"\u0061":1}`,
		"inner white space":   "{ \"a\" :\n\t[ 1 , 2 ] }",
		"the word null":       `"null"`,
		"null inside":         `{"a":null}`,
		"what HTML would eat": `"<&>"`,
		"base64":              `"eA=="`,
		"100 KB":              `"` + strings.Repeat("x", 100_000) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			a := p.produce("events", restJSON, `{"records":[ { "key" : `+value+` , "value" : `+value+` } ] }`)
			r := p.written(a, 0)
			require.Equal(t, value, string(r.Key))
			require.Equal(t, value, string(r.Value))
		})
	}
	a := p.produce("events", restJSON, `{"records":[{"key":null,"value":null}]}`)
	r := p.written(a, 0)
	require.Nil(t, r.Key, "JSON's null is the null key")
	require.Nil(t, r.Value, "JSON's null is a tombstone")
}

func TestREST2TextArrivesAsItsText(t *testing.T) {
	p := newProxy(t, nil)
	for value, want := range map[string]string{
		`""`:      "",
		`"plain"`: "plain",
		`"0"`:     "0",
		`"null"`:  "null",
		`"a\"b\\c\/d\b\f\n\r\t\u0041\u00e4\u20ac\ud83d\ude00\u0000e"`: "a\"b\\c/d\b\f\n\r\tAä€😀\x00e",
		`"\\u0041"`:    `\u0041`,
		`"grüße 😀 \n"`: "grüße 😀 \n",
	} {
		a := p.produce("events", restText, `{"records":[{"key":`+value+`,"value":`+value+`},{"value":"after"}]}`)
		r := p.written(a, 0)
		require.Equal(t, want, string(r.Key))
		require.Equal(t, want, string(r.Value))
		require.NotNil(t, r.Value)
		require.Equal(t, "after", string(p.written(a, 1).Value), "what is decoded in its place spoils nothing")
	}
}

func TestREST2BinaryArrivesDecoded(t *testing.T) {
	p := newProxy(t, nil)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":                {``, ""},
		"padded":               {`eHk=`, "xy"},
		"not padded":           {`eHk`, "xy"},
		"padded twice":         {`eA==`, "x"},
		"bits left over":       {`eB==`, "x"},
		"every byte":           {base64.StdEncoding.EncodeToString(every), string(every)},
		"a slash with escapes": {`\/\u002f8\u003D`, "\xff\xff"},
		"a long one":           {base64.StdEncoding.EncodeToString([]byte(strings.Repeat("abcde", 20_000))), strings.Repeat("abcde", 20_000)},
	} {
		t.Run(name, func(t *testing.T) {
			a := p.produce("events", restBinary, `{"records":[{"key":"`+c.text+`","value":"`+c.text+`"},{"value":"eA=="}]}`)
			r := p.written(a, 0)
			require.Equal(t, c.want, string(r.Key))
			require.Equal(t, c.want, string(r.Value))
			require.NotNil(t, r.Value)
			require.Equal(t, "x", string(p.written(a, 1).Value))
		})
	}
}
