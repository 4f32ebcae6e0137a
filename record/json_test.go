package record_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sluice/record"
)

func TestJSON(t *testing.T) {
	tests := []struct {
		name     string
		value    []byte
		json     string
		isBase64 bool
	}{
		{"a tombstone", nil, `null`, false},
		{"an empty value", []byte{}, `""`, false},
		{"text", []byte("zażółć 🦆"), `"zażółć 🦆"`, false},
		{"a quote and a backslash", []byte(`"\`), `"\"\\"`, false},
		{"controls", []byte("\n\x1b\x7f\u0085"), `"\u000a\u001b\u007f\u0085"`, false},
		{"separators and bidirectional controls", []byte("\u2028\u202e"), `"\u2028\u202e"`, false},
		{"JSON is a string too", []byte(`{"a":1}`), `"{\"a\":1}"`, false},
		{"bytes that are not UTF-8", []byte("\xff\xfe"), `"//4="`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, isBase64 := record.AppendJSON(nil, tt.value)
			if string(got) != tt.json || isBase64 != tt.isBase64 {
				t.Errorf("%s, base64 %v; want %s, %v", got, isBase64, tt.json, tt.isBase64)
			}
		})
	}
}

func FuzzJSON(f *testing.F) {
	for _, tt := range texts {
		f.Add([]byte(tt.value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		text, isBase64 := record.AppendJSON(nil, value)
		if isBase64 == utf8.Valid(value) {
			t.Fatalf("base64 %v for %q", isBase64, value)
		}
		if strings.ContainsFunc(string(text), func(r rune) bool {
			return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
		}) {
			t.Fatalf("something is left in %q", text)
		}
		var back string
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if isBase64 {
			raw, err := base64.StdEncoding.DecodeString(back)
			if err != nil {
				t.Fatal(err)
			}
			back = string(raw)
		}
		if back != string(value) {
			t.Fatalf("%q became %q", value, back)
		}
	})
}
