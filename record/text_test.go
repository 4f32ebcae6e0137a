package record_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sluice/record"
)

var texts = []struct{ name, value, text string }{
	{"nothing", "", ""},
	{"plain", "Test message from Makefile", "Test message from Makefile"},
	{"letters of the world", "zażółć 日本 🦆 é", "zażółć 日本 🦆 é"},
	{"a backslash", `C:\new`, `C:\\new`},
	{"what looks like an escape", `\x0a`, `\\x0a`},
	{"line ends", "a\r\nb", `a\x0d\x0ab`},
	{"a tab and a NUL", "a\tb\x00", `a\x09b\x00`},
	{"an escape sequence of a terminal", "\x1b[31mred", `\x1b[31mred`},
	{"DEL", "a\x7fb", `a\x7fb`},
	{"C1", "a\u0085b\u009b", `a\xc2\x85b\xc2\x9b`},
	{"a no-break space is not C1", "a\u00a0b", "a\u00a0b"},
	{"line and paragraph separators", "a\u2028b\u2029c", `a\xe2\x80\xa8b\xe2\x80\xa9c`},
	{"bidirectional controls", "\u202eevil\u2066\u2069\u061c\u200e\u200f", `\xe2\x80\xaeevil\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f`},
	{"neighbours of bidirectional controls", "\u200d\u2010\u202f\u2065\u206a", "\u200d\u2010\u202f\u2065\u206a"},
	{"bytes that are not UTF-8", "a\xff\xfeb", `a\xff\xfeb`},
	{"a rune cut short", "a\xe2\x82", `a\xe2\x82`},
	{"a rune cut short by another", "\xe2\x82é", `\xe2\x82é`},
	{"an overlong slash", "\xc0\xaf", `\xc0\xaf`},
	{"half a surrogate pair", "\xed\xa0\x80", `\xed\xa0\x80`},
	{"beyond Unicode", "\xf4\x90\x80\x80", `\xf4\x90\x80\x80`},
	{"the replacement character itself", "a\ufffdb", "a\ufffdb"},
	{"a byte order mark", "\ufeffa", "\ufeffa"},
}

func TestText(t *testing.T) {
	for _, tt := range texts {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(record.AppendText([]byte("> "), []byte(tt.value))); got != "> "+tt.text {
				t.Errorf("text %s, want %s", got, "> "+tt.text)
			}
			back, err := record.ParseText([]byte(tt.text))
			if err != nil || string(back) != tt.value {
				t.Errorf("parsed %q, %v; want %q", back, err, tt.value)
			}
		})
	}
}

func TestParseTextRefusesWhatIsNoEscape(t *testing.T) {
	for text, at := range map[string]string{
		`\`:        "byte 0",
		`a\`:       "byte 1",
		`ab\n`:     "byte 2",
		`\x0`:      "byte 0",
		`\x0g`:     "byte 0",
		`\\\u0041`: "byte 2",
	} {
		if value, err := record.ParseText([]byte(text)); err == nil || !strings.Contains(err.Error(), at) {
			t.Errorf("%s: %q, %v; want an error at %s", text, value, err, at)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, tt := range texts {
		f.Add([]byte(tt.value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		text := record.AppendText(nil, value)
		if !utf8.Valid(text) {
			t.Fatalf("not UTF-8: %q", text)
		}
		for _, r := range string(text) {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
				t.Fatalf("%U is left in %q", r, text)
			}
		}
		back, err := record.ParseText(text)
		if err != nil || string(back) != string(value) {
			t.Fatalf("%q became %q: %v", value, back, err)
		}
	})
}

// ParseText never panics, and reads what it accepts in one way only.
func FuzzParseText(f *testing.F) {
	for _, tt := range texts {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		value, err := record.ParseText(text)
		if err != nil {
			return
		}
		back, err := record.ParseText(record.AppendText(nil, value))
		if err != nil || string(back) != string(value) {
			t.Fatalf("%q became %q: %v", value, back, err)
		}
	})
}

func BenchmarkAppendText(b *testing.B) {
	for name, value := range map[string]string{
		"ascii":    strings.Repeat("message 0123456789 ", 6),
		"unicode":  strings.Repeat("zażółć gęślą ", 6),
		"controls": strings.Repeat("a\tb\n", 25),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			dst := make([]byte, 0, 4096)
			for b.Loop() {
				dst = record.AppendText(dst[:0], []byte(value))
			}
		})
	}
}
