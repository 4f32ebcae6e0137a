package filter_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"sluice/internal/stream/filter"
)

// TestAWrongExpressionIsPointedAt compares places and the words that matter.
func TestAWrongExpressionIsPointedAt(t *testing.T) {
	for _, c := range []struct {
		name, text   string
		line, column int
		message      string
	}{
		{"nothing", "", 1, 1, "is empty"},
		{"spaces", " \n\t", 1, 1, "is empty"},
		{"not UTF-8", "key == \"\xff\"", 1, 1, "not UTF-8"},
		{"too long", strings.Repeat("true &&\n", 127) + "true  && true", 128, 9, "1029 bytes, and 1024 are allowed"},
		{"cut off", "value.total >", 1, 14, "(the end)"},
		{"a stray character", "key == #", 1, 8, "#"},
		{"NUL", "key == \x00", 1, 8, "token"},
		{"an open text", `key == "abc`, 1, 8, "token"},
		{"a variable that is not there", "key == \"ż\" &&\n  valeu.x > 1", 2, 3, "did you mean 'value'"},
		{"a column behind letters of two bytes", `key == "żółć" && foo`, 1, 18, "the variables are key, headers, value"},
		{"a function that is not there", "true && foo(1)", 1, 9, "there is no function foo"},
		{"a method that is not there", "key.indexOf('a') > 1", 1, 5, "there is no function indexOf"},
		{"a function of other libraries", "math.greatest(1, 2) == 2", 1, 6, "there is no function greatest"},
		{"join", "['a'].join() == 'a'", 1, 7, "no function join"},
		{"replace", "key.replace('', key) == ''", 1, 5, "no function replace"},
		{"format", "'%s'.format(['a']) == 'a'", 1, 6, "no function format"},
		{"a list that is built", "value.map(x, [x, x]) == []", 1, 7, "no function map"},
		{"a list of variables", "[1, key] == []", 1, 5, "holds literals only"},
		{"a list in a list", "[[1, [key]]] == []", 1, 7, "holds literals only"},
		{"a map of variables", "{'a': value} == {}", 1, 7, "holds literals only"},
		{"a message", "google.protobuf.Struct{} == value", 1, 23, "messages cannot be made"},
		{"a pattern that is not RE2", `key.matches("(")`, 1, 13, "missing closing )"},
		{"a pattern with a look-ahead", `key.matches("(?=a)")`, 1, 13, "not in RE2 syntax"},
		{"a pattern from the record", `key.matches(value.pattern)`, 1, 18, "must be a literal"},
		{"a pattern that is too large", `matches(key, "(.{1,500}a){1,2}")`, 1, 14, "are allowed"},
		{"a pattern of another type", `key.matches(1)`, 1, 13, "must be a literal text"},
		{"no pattern", `key.matches()`, 1, 12, "takes one pattern"},
		{"a number", "1", 1, 1, "true or false, and this is of type int"},
		{"a text", "size(key) > 3 ? 'a' : 'b'", 1, 1, "of type string"},
		{"a large int", "value.id == 12345678901234567890", 1, 13, "with a u behind"},
		{"types that never compare", "partition == 'a'", 1, 11, "no matching overload"},
		{"exists without a name", "value.exists(true)", 1, 13, "exists takes a name and a condition"},
		{"has of no field", "has(key)", 1, 5, "has()"},
		{"many parentheses", strings.Repeat("(", 400) + "true" + strings.Repeat(")", 400), 1, 1, "recursion"},
		{"many brackets", strings.Repeat("[", 500), 1, 1, "recursion"},
		{"a long path", strings.Repeat("a.", 500) + "b", 1, 1, "recursion"},
		{"what a macro collects in", "value.all(x, __result__)", 1, 14, "undeclared"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := filter.NewSet().Compile(c.text)
			require.Nil(t, f)
			var wrong *filter.SyntaxError
			require.ErrorAs(t, err, &wrong)
			require.Contains(t, wrong.Message, c.message)
			require.Equal(t, [2]int{c.line, c.column}, [2]int{wrong.Line, wrong.Column}, wrong.Message)
			require.NotContains(t, wrong.Message, "expecting {")
			require.NotContains(t, wrong.Message, "container ''")
			require.Less(t, len(wrong.Message), 700)
			require.True(t, utf8.ValidString(wrong.Message))
			require.Contains(t, err.Error(), wrong.Message)
		})
	}
}

func TestAnExpressionOfOneKiBIsTaken(t *testing.T) {
	text := `key == "` + strings.Repeat("ż", 507) + `"  `
	require.Len(t, text, 1024+1)
	text = text[:1024]
	f := compile(t, text)
	require.Equal(t, text, f.Text())
	require.True(t, match(t, text, &filter.Record{Key: []byte(strings.Repeat("ż", 507))}))
}
