package filter_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/stream/filter"
)

// list is JSON of n equal elements.
func list(element string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
}

// TestWhatCostsTooMuchIsGivenUp has a way to spend much for each kind of work
// that an expression can do. Without the limits most of them run for minutes.
func TestWhatCostsTooMuchIsGivenUp(t *testing.T) {
	text := strings.Repeat("a", 900_000)
	mixed := fmt.Sprintf(`{"big":%q,"big2":%q,"m":{},"l":%s}`, text[:440_000], text[:439_999], list("1", 20_000))
	for _, c := range []struct{ name, value, text string }{
		{"loops in loops", list("1", 1000), `value.all(a, value.all(b, value.all(c, a + b + c == 3)))`},
		{"a loop that only compares", list("1", 90_000), `value.all(a, !value.exists(b, b == 2))`},
		{"lists compared", list(`{"a":1}`, 30_000), `value.all(x, value == value)`},
		{"lists compared that are deep", "[" + list(list("[1]", 100), 200) + "]", `value[0].all(x, value != [[2]] && value == value)`},
		{"a list searched", list("1", 30_000), `value.all(x, !(2 in value))`},
		{"a list searched for a list", list("[1]", 30_000), `value.all(x, !([2] in value))`},
		{"texts added", mixed, `value.l.all(x, value.big + value.big2 != "")`},
		{"texts compared", mixed, `value.l.all(x, value.big > value.big2)`},
		{"characters counted", mixed, `value.l.all(x, size(value.big) > 1)`},
		{"texts split", text, `value.split("").all(x, value.split("").size() > 1)`},
		{"texts searched", mixed, `value.l.all(x, !value.big2.contains("b"))`},
		{"patterns", mixed, `value.l.all(x, value.big.matches("^a+$"))`},
		{"one large pattern on one large text", text, `value.matches("(x+x+)+y")`},
		{"the same with a text of a known type", text, `string(value).matches("(x+x+)+y")`},
		{"a list that is split and filtered", text, `value.split("").filter(x, x == "a").filter(x, x == "a") == []`},
		{"time zones", mixed, `value.l.all(x, timestamp.getHours("Europe/Warsaw") < 24)`},
		{"errors that quote what they found", mixed, `value.l.all(x, timestamp(value.big) == timestamp || x == 1)`},
		{"JSON of many parts", list("[]", 250_000), `value == null`},
		{"JSON that is deep", strings.Repeat("[", 129) + strings.Repeat("]", 129), `value == null`},
		{"JSON that is deep and cut off", strings.Repeat(`{"a":`, 150_000), `value == null`},
	} {
		t.Run(c.name, func(t *testing.T) {
			ok, err := compile(t, c.text).Match(t.Context(), valued(c.value))
			require.ErrorIs(t, err, filter.ErrTooCostly)
			require.False(t, ok)
		})
	}
}

// TestLargeRecordsAreWithinTheLimits says what a filter may well do.
func TestLargeRecordsAreWithinTheLimits(t *testing.T) {
	text := strings.Repeat("a", 900_000)
	for _, c := range []struct{ name, value, text string }{
		{"a loop over many elements", list(`{"id":1}`, 20_000), `value.all(x, x.id == 1 && x.id != 2)`},
		{"a loop in a loop", list(list("1", 100), 300), `value.exists(x, x.exists(y, y == 2)) == false`},
		{"large texts", text, `value.contains("aaa") && !value.endsWith("b") && value.lowerAscii() == value && size(value) == 900000`},
		{"a small pattern on a large text", text[:100_000], `value.matches("^a+$")`},
		{"lists compared once", list(`{"a":1}`, 20_000), `value == value`},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.True(t, match(t, c.text, valued(c.value)))
		})
	}
}

// TestAHugeValueCostsNothingToOthers is an error of the record that is not
// looked at.
func TestAHugeValueCostsNothingToOthers(t *testing.T) {
	r := valued(strings.Repeat("[", 100_000))
	require.True(t, match(t, `partition == 0 || value == 1`, r))
	require.True(t, match(t, `value == 1 || partition == 0`, r))
}

// TestALoopEndsWithItsContext is for a client that goes away.
func TestALoopEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ok, err := compile(t, `value.all(x, x == 1)`).Match(ctx, valued(list("1", 1000)))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, filter.ErrTooCostly)
	require.False(t, ok)
}

// TestALoopEndsWithItsTime is for work that is not charged for.
func TestALoopEndsWithItsTime(t *testing.T) {
	f := compile(t, `value.all(x, x == 1)`)
	ok, err := filter.WithMaxTime(f, 0).Match(t.Context(), valued(list("1", 1000)))
	require.ErrorIs(t, err, filter.ErrTooCostly)
	require.False(t, ok)
}
