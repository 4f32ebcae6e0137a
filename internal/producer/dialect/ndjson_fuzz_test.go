package dialect_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"

	"github.com/stretchr/testify/require"
)

// Lines come out as they went in, each alone, whatever the reader's buffer and
// the limit; their keys are what the standard library finds at the pointer.
func FuzzLines(f *testing.F) {
	for _, seed := range []struct{ body, pointer string }{
		{"1\n2\r\n\n\"x\"", ""},
		{`{"a":{"b":"k"}}` + "\n" + `{"a":{"b":1.50}}`, "/a/b"},
		{`[0,[true]]`, "/1/0"},
		{`{"a/b":{"m~n":null}}`, "/a~1b/m~0n"},
		{`{"\u0061":"\ud83d\ude00"}`, "/a"},
		{`{"":{"":false}}`, "//"},
		{`{"a":1,"a":2}`, "/a"},
		{`{"a":"\ud800"}`, "/a"},
		{"\"\xff\"", ""},
		{strings.Repeat(" ", 100) + "\n" + strings.Repeat("x", 100), ""},
		{`{"a":[{"a":1}],"b":1e400}`, "/b"},
		{`"` + strings.Repeat("y", 60) + `"` + "\r\n1", ""},
		{"\xc2\xa0\n\u2028\n", ""},
		{`[`, "/0"},
		{`{"a":`, "/a"},
		{"1 2\n", ""},
		{`{"0":1}`, "/0"},
		{"[1]", "/00"},
		{"[1]", "/-"},
	} {
		f.Add([]byte(seed.body), seed.pointer, byte(40), byte(16), seed.pointer != "")
	}
	w := producertest.New(f, nil)
	f.Fuzz(func(t *testing.T, body []byte, pointer string, limit, buffer byte, keys bool) {
		path := &pointer
		if !keys {
			path = nil
		}
		found, ok := dialect.DecodeLines(w.Writer, body, path, int(limit), max(16, int(buffer)))
		tokens, valid := dialect.ParsePointer(pointer)
		require.Equal(t, valid || !keys, ok)
		if !ok {
			return
		}
		results := map[int]dialect.FuzzedLine{}
		last := 0
		for _, line := range found {
			require.Greater(t, line.Line, last, "in order, and once")
			last = line.Line
			results[line.Line] = line
		}
		for i, line := range bytes.Split(body, []byte("\n")) {
			line = bytes.TrimSuffix(line, []byte("\r"))
			result, told := results[i+1]
			delete(results, i+1)
			switch {
			case len(bytes.TrimSpace(line)) == 0:
				require.True(t, !told || result.Failed, "blank")
			case len(line) > int(limit):
				require.True(t, told && result.Failed, "too long")
			default:
				require.True(t, told)
				requireLine(t, line, result, path, tokens)
			}
		}
		require.Empty(t, results)
	})
}

func requireLine(t *testing.T, line []byte, result dialect.FuzzedLine, path *string, tokens []string) {
	t.Helper()
	var expected []byte
	found := true
	if path != nil {
		expected, found = valueAt(line, tokens)
	}
	if result.Failed {
		// What only the standard library takes has names twice, or stands for what it is not.
		odd := bytes.ContainsAny(line, `{\`) || !utf8.Valid(line)
		require.True(t, odd || !found || !json.Valid(line), "%q is JSON", line)
		return
	}
	require.True(t, json.Valid(line) && utf8.Valid(line), "%q", line)
	require.Equal(t, string(line), string(result.Value))
	require.True(t, found, "there is no key in %q", line)
	require.Equal(t, string(expected), string(result.Key))
	require.Equal(t, path == nil, result.Key == nil, "empty is not null")
}

// valueAt is the scalar at a pointer, as the standard library reads it.
func valueAt(text json.RawMessage, tokens []string) ([]byte, bool) {
	for _, token := range tokens {
		var object map[string]json.RawMessage
		var array []json.RawMessage
		next, ok := json.RawMessage(nil), false
		if json.Unmarshal(text, &object) == nil {
			next, ok = object[token]
		} else if json.Unmarshal(text, &array) == nil {
			n, err := strconv.Atoi(token)
			if ok = err == nil && strconv.Itoa(n) == token && n >= 0 && n < len(array); ok {
				next = array[n]
			}
		}
		if !ok {
			return nil, false
		}
		text = next
	}
	text = bytes.Trim(text, " \t\r\n")
	switch {
	case len(text) == 0 || text[0] == '{' || text[0] == '[' || string(text) == "null":
		return nil, false
	case text[0] != '"':
		return text, true
	}
	var s string
	err := json.Unmarshal(text, &s)
	return []byte(s), err == nil
}

// A pointer that is taken is the same when it is written again, and leads to
// what it names (RFC 6901).
func FuzzPointer(f *testing.F) {
	for _, seed := range []string{"", "/", "//", "/a/b", "/a~1b/m~0n", "/~01", "/~", "/~2", "a", "/ä/0", "/a~0~1~"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens, ok := dialect.ParsePointer(text)
		legal := text == "" || text[0] == '/'
		for rest := text; legal; {
			i := strings.IndexByte(rest, '~')
			if i < 0 {
				break
			}
			legal = strings.HasPrefix(rest[i+1:], "0") || strings.HasPrefix(rest[i+1:], "1")
			rest = rest[i+1:]
		}
		require.Equal(t, legal, ok)
		if !ok {
			return
		}
		again := ""
		for _, token := range tokens {
			again += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
		}
		require.Equal(t, text, again)
	})
}
