package filter_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/stream/filter"
)

// TestWhatIsTrueOfARecord holds what an expression sees against the record of
// main_test.go.
func TestWhatIsTrueOfARecord(t *testing.T) {
	for _, text := range []string{
		// The record itself.
		`partition == 3 && partition < 3.5 && offset == 4711`,
		`key == "customer-7" && key.startsWith("customer-")`,
		`timestamp == timestamp("2026-11-23T08:00:00.123Z")`,
		`timestamp > timestamp("2026-11-23T00:00:00Z") && timestamp.getHours() == 8`,
		`timestamp - duration("1h") < timestamp`,
		// Headers: the last of a name, and null.
		`headers.source == "web" && headers["source"] == "web"`,
		`"source" in headers && !("other" in headers) && !has(headers.other)`,
		`headers.empty == "" && headers["null"] == null && has(headers.empty)`,
		`headers.raw == "/wA="`,
		// Numbers: exact up to 64 bits, doubles beyond, compared across types.
		`value.id == 12345678901234567890u && value.id > 9 && type(value.id) == uint`,
		`value.counter == 9007199254740993 && value.counter != 9007199254740992`,
		`value.counter + 1 == 9007199254740994`,
		`value.total > 100 && value.total < 250 && value.total == 249.9`,
		`value.whole == 1 && type(value.whole) == double && value.whole in [1, 2]`,
		`value.huge > 12345678901234567890u && type(value.huge) == double`,
		// Fields, lists, what is there.
		`value.paid`,
		`value.note == null && has(value.note) && !has(value.other)`,
		`value.customer.country == "PL" && value["customer"]["country"] == "PL"`,
		`value.customer.email.lowerAscii() == "ala@example.com"`,
		`value.tags == ["new", "gift"] && "gift" in value.tags && value.tags[0] == "new"`,
		`value.customer == {"country": "PL", "email": "Ala@Example.com"}`,
		`value.items.exists(i, i.sku == "B-9") && value.items.all(i, i.qty > 0)`,
		`value.items.exists_one(i, i.qty == 2) && value.items.filter(i, i.qty > 1).size() == 1`,
		`value.items.filter(i, i.qty < 2)[0].sku == "B-9"`,
		`value.exists(name, name == "paid") && size(value.items) == 2`,
		// Text.
		`value.customer.email.matches("^[A-Z][a-z]+@") && matches(key, "[0-9]$")`,
		`key.split("-")[1] == "7" && key.substring(9) == "7" && " x ".trim() == "x" && key.charAt(0) == "c"`,
		`key + "!" == "customer-7!" && size(key) == 10 && key.upperAscii().contains("TOMER")`,
		`int(key.split("-")[1]) % 2 == 1`,
		// What is not needed does not fail.
		`true || 1 / 0 == 1`,
		`value.paid || value.missing == 1`,
		`!(has(value.other) && value.other > 3)`,
	} {
		require.True(t, match(t, text, order()), text)
		require.False(t, match(t, "!("+text+")", order()), text)
	}
}

func TestWhatAValueIs(t *testing.T) {
	for name, c := range map[string]struct {
		value []byte
		is    string
	}{
		"a tombstone":               {nil, `value == null`},
		"nothing":                   {[]byte{}, `value == ""`},
		"text":                      {[]byte("hello"), `value == "hello" && value.contains("ell")`},
		"text that begins as JSON":  {[]byte("true or not"), `value == "true or not"`},
		"not bytes of UTF-8":        {[]byte{0xfe, 0xff}, `value == "/v8="`},
		"JSON with a broken text":   {[]byte("{\"a\":\"\xff\"}"), `value == "eyJhIjoi/yJ9"`},
		"a number":                  {[]byte(" 42\n"), `value == 42`},
		"a negative number":         {[]byte("-1"), `value == -1`},
		"the smallest int":          {[]byte("-9223372036854775808"), `type(value) == int && value < 0`},
		"below the smallest int":    {[]byte("-9223372036854775809"), `type(value) == double && value < 0`},
		"the largest uint":          {[]byte("18446744073709551615"), `value == 18446744073709551615u`},
		"above the largest uint":    {[]byte("18446744073709551616"), `type(value) == double`},
		"beyond doubles":            {[]byte("-1e999"), `value < -1e308`},
		"a text in JSON":            {[]byte(`"a\nb"`), `value == "a\nb"`},
		"true":                      {[]byte("true"), `value`},
		"null in JSON":              {[]byte("null"), `value == null`},
		"an empty list":             {[]byte("[]"), `value == [] && size(value) == 0`},
		"an empty object":           {[]byte("{}"), `value == {}`},
		"two values":                {[]byte("{} {}"), `value == "{} {}"`},
		"cut off":                   {[]byte(`{"a":[1,`), `value == "{\"a\":[1,"`},
		"a name twice":              {[]byte(`{"a":1,"a":2}`), `value == "{\"a\":1,\"a\":2}"`},
		"half a surrogate pair":     {[]byte(`"\ud800"`), `value == "\"\\ud800\""`},
		"a comma too many":          {[]byte(`[1,]`), `value == "[1,]"`},
		"a byte order mark":         {[]byte("\ufeff{}"), `value == "\ufeff{}"`},
		"as deep as it may be":      {[]byte(strings.Repeat("[", 128) + strings.Repeat("]", 128)), `size(value) == 1`},
		"deep, and not JSON at all": {[]byte("x" + strings.Repeat("[", 10_000)), `size(value) == 10001`},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, match(t, c.is, &filter.Record{Value: c.value}))
		})
	}
}

func TestWhatAKeyIs(t *testing.T) {
	require.True(t, match(t, `key == null`, &filter.Record{}))
	require.True(t, match(t, `key == ""`, &filter.Record{Key: []byte{}}))
	require.True(t, match(t, `key == "42"`, &filter.Record{Key: []byte("42")}))
	require.True(t, match(t, `key == "/wA="`, &filter.Record{Key: []byte{0xff, 0}}))
}

// TestAnEvaluationErrorIsNoMatch is for what only the record can tell.
func TestAnEvaluationErrorIsNoMatch(t *testing.T) {
	for _, text := range []string{
		`1 / 0 == 1`, `value.whole / 0 == 1`, `value.total * 2 > 100`, `value.counter % 0 == 1`, `9223372036854775807 + offset > 0`,
		`value.missing == 1`, `value.customer.missing.deeper == 1`, `headers.missing == "x"`, `value.items[7].qty == 1`,
		`key.missing == 1`, `value.total.startsWith("2")`, `value.total > "100"`, `value.tags + value.tags == []`,
		`[1] + [2] == [1, 2]`, `int(key) == 1`, `timestamp(key) == timestamp`, `timestamp.getHours("No/Where") == 1`,
		`timestamp.getHours("../../etc/passwd") == 1`, `value.tags.matches("x")`, `value.total`, `value.note`, `dyn(1)`,
		`value.total.exists(x, true)`,
	} {
		f, err := filter.NewSet().Compile(text)
		require.NoError(t, err, text)
		ok, err := f.Match(t.Context(), order())
		require.Error(t, err, text)
		require.NotErrorIs(t, err, filter.ErrTooCostly, text)
		require.False(t, ok, text)
	}
}

// TestTimesOutsideOfTheCalendar are those that Kafka lets through.
func TestTimesOutsideOfTheCalendar(t *testing.T) {
	for _, at := range []time.Time{{}, time.UnixMilli(-1), time.UnixMilli(1 << 62), time.UnixMilli(-1 << 62)} {
		for _, text := range []string{`timestamp > timestamp("2026-01-01T00:00:00Z")`, `timestamp.getFullYear() > 1`, `timestamp + duration("24h") > timestamp`, `string(timestamp) != ""`} {
			f := compile(t, text)
			_, _ = f.Match(t.Context(), &filter.Record{Timestamp: at}) // It may fail, and it returns.
		}
	}
}

// TestOnlyWhatIsMentionedIsParsed counts allocations: parsing this value would
// make tens of thousands, and copying the key one of a megabyte.
func TestOnlyWhatIsMentionedIsParsed(t *testing.T) {
	value := []byte("[" + strings.Repeat(`{"a":"b"},`, 20_000) + "1]")
	for _, text := range []string{`partition == 3`, `headers == {}`, `partition == 1 && value[0].a == "b"`} {
		f := compile(t, text)
		allocs := testing.AllocsPerRun(10, func() {
			_, err := f.Match(t.Context(), &filter.Record{Partition: 3, Value: value})
			require.NoError(t, err)
		})
		require.Less(t, allocs, 50.0, text)
	}
}

// TestTheValueIsParsedOnce is the other half: filters share what was made.
func TestTheValueIsParsedOnce(t *testing.T) {
	r := valued("[" + strings.Repeat(`{"a":"b"},`, 20_000) + "1]")
	first, second := compile(t, `value[0].a == "b"`), compile(t, `value[1].a == "b"`)
	_, err := first.Match(t.Context(), r)
	require.NoError(t, err)
	allocs := testing.AllocsPerRun(10, func() { _, _ = second.Match(t.Context(), r) })
	require.Less(t, allocs, 50.0)
}

func TestManyFiltersOnOneRecordAtOnce(t *testing.T) {
	set := filter.NewSet()
	texts := []string{
		`value.total > 100`, `value.items.exists(i, i.sku == "B-9")`, `key.startsWith("customer")`, `headers.source == "web"`,
		`value.customer.email.matches("@Example")`, `value.items == value.items`, `value.items.filter(i, i.qty > 1).size() == 1`,
	}
	for range 20 {
		r := order()
		var all sync.WaitGroup
		for i := range 4 * len(texts) {
			all.Go(func() {
				f, err := set.Compile(texts[i%len(texts)])
				if err != nil {
					t.Error(err)
					return
				}
				if ok, err := f.Match(context.Background(), r); !ok || err != nil {
					t.Errorf("%s: %v %v", f.Text(), ok, err)
				}
			})
		}
		all.Wait()
	}
}
