package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/consumer/consumertest"
	"sluice/record"
)

var testTopics = topicsOf("t.")

// log is a record of the topic raw: a line of the second at+sec.
func log(service string, sec int, level, msg string) record.Record {
	when := at.Add(time.Duration(sec) * time.Second)
	value, _ := json.Marshal(map[string]any{"ts": when.Format(time.RFC3339Nano), "level": level, "msg": msg, "ms": 5})
	return record.Record{Topic: testTopics.raw, Key: []byte(service), Value: value, Timestamp: when}
}

// handle has a state handle records, and returns all that it made of them.
func handle(t *testing.T, c *counter, records ...record.Record) (made []record.Record) {
	t.Helper()
	for _, r := range records {
		results, err := c.Handle(t.Context(), &r)
		require.NoError(t, err)
		made = append(made, results...)
	}
	return made
}

// closed are the closed seconds among results, by their key; nil are forgotten.
func closed(t *testing.T, made []record.Record) map[string]*second {
	t.Helper()
	all := map[string]*second{}
	for _, r := range made {
		if r.Topic != testTopics.counts || strings.Contains(string(r.Key), "|open") {
			continue
		}
		all[string(r.Key)] = nil
		if r.Value != nil {
			s := &second{}
			require.NoError(t, json.Unmarshal(r.Value, s))
			all[string(r.Key)] = s
		}
	}
	return all
}

func TestSecondsAreCountedAndClosed(t *testing.T) {
	c := newCounter(testTopics)
	made := handle(t, c,
		log("a", 0, "info", "GET /1"), log("a", 0, "error", "GET /2"), log("a", 2, "warn", "x"),
		log("a", 0, "info", "GET /3"), // Not in order, and in time.
		record.Record{Key: []byte("a"), Value: []byte("\tat Pool.java"), Timestamp: at.Add(time.Hour)}, // It has the time of the line before.
		log("b", 0, "info", "another service"),
	)
	require.Empty(t, closed(t, made), "nothing is too late yet")
	made = handle(t, c, log("a", 3, "info", "y"))
	key := secondKey("a", at.Unix())
	require.Equal(t, map[string]*second{key: {
		counts: counts{At: at.Unix(), Lines: 3, Levels: [levels]int{0, 2, 0, 1}}, Millis: map[int]int{bucketOf(5): 3},
		Templates: map[string]int{"GET /<n>": 3}, P50: percentile(map[int]int{10: 1}, .5), P99: percentile(map[int]int{10: 1}, .5),
	}}, closed(t, made))
	made = handle(t, c, log("a", 0, "error", "too late"), log("a", 10, "info", "z"))
	all := closed(t, made)
	require.Len(t, all, 2)
	require.Equal(t, 2, all[secondKey("a", at.Unix()+2)].Lines)
	require.Equal(t, 1, all[secondKey("a", at.Unix()+2)].Unparsed)
	require.Equal(t, 1, all[secondKey("a", at.Unix()+3)].Late)
	require.Equal(t, 1, all[secondKey("a", at.Unix()+3)].Lines)
}

func TestARepeatedLineIsCountedOnce(t *testing.T) {
	c := newCounter(testTopics)
	number := func(r record.Record, seq string) record.Record {
		r.Headers = []record.Header{{Key: headerSource, Value: []byte("s")}, {Key: headerSeq, Value: []byte(seq)}}
		return r
	}
	one, two, three := number(log("a", 0, "info", "x"), "1"), number(log("a", 1, "info", "x"), "2"), number(log("a", 1, "info", "x"), "3")
	made := handle(t, c, one, two, one, three, two, three, log("a", 9, "info", "end"))
	all := closed(t, made)
	require.Equal(t, 1, all[secondKey("a", at.Unix())].Lines)
	require.Equal(t, 2, all[secondKey("a", at.Unix()+1)].Lines)
	require.Equal(t, 3, all[secondKey("a", at.Unix()+1)].Repeats)
}

func TestOldSecondsAreForgotten(t *testing.T) {
	c := newCounter(testTopics)
	handle(t, c, log("a", 0, "info", "x"), log("a", 1, "info", "x"))
	made := handle(t, c, log("a", keep+1, "info", "x"))
	all := closed(t, made)
	require.Nil(t, all[secondKey("a", at.Unix())])
	require.Contains(t, all, secondKey("a", at.Unix()))
	require.NotNil(t, all[secondKey("a", at.Unix()+1)])
	for sec := range 3 * keep {
		handle(t, c, log("a", keep+2+sec, "info", words(sec%400)))
	}
	require.LessOrEqual(t, len(c.services["a"].seconds), keep+1)
}

func TestTemplatesAreBounded(t *testing.T) {
	c := newCounter(testTopics)
	for n := range 2 * maxTemplates {
		handle(t, c, log("a", 0, "info", words(n)))
	}
	made := handle(t, c, log("a", 20, "info", "end"))
	templates := closed(t, made)[secondKey("a", at.Unix())].Templates
	require.Len(t, templates, maxTemplates+1)
	require.Equal(t, maxTemplates, templates[otherLines])
}

// words are a text for each number, without a number in it.
func words(n int) string {
	return strings.NewReplacer("0", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6", "g", "7", "h", "8", "i", "9", "j").Replace(fmt.Sprint(n))
}

func TestServicesAreBounded(t *testing.T) {
	c := newCounter(testTopics)
	for n := range 2 * maxServices {
		r := log(fmt.Sprint("s", n), 0, "info", "x")
		r.Partition = 4
		handle(t, c, r)
	}
	require.Len(t, c.services, maxServices+1)
	others := c.services["(others of partition 4)"]
	require.Equal(t, maxServices, others.seconds[at.Unix()].Lines)
	require.Equal(t, "(none)", names{}.of("", 0))
}

func TestAlertsHaveHysteresis(t *testing.T) {
	c := newCounter(testTopics)
	var made []record.Record
	for sec := range 80 {
		for n := range 10 {
			level := "info"
			if sec >= 10 && sec < 30 && n < 4 || sec >= 30 && sec < 50 && n < 1 || sec == 60 && n < 1 {
				level = "error" // Four of ten, then one of ten, which neither begins nor ends an alert.
			}
			made = append(made, handle(t, c, log("a", sec, level, "x"))...)
		}
	}
	var alerts []alert
	for _, r := range made {
		if r.Topic == testTopics.alerts {
			require.Equal(t, "a", string(r.Key))
			var a alert
			require.NoError(t, json.Unmarshal(r.Value, &a))
			alerts = append(alerts, a)
		}
	}
	begin := at.Unix()
	require.Equal(t, []alert{
		{Service: "a", State: "begin", At: begin + 15, Lines: 100, Errors: 24},
		{Service: "a", State: "end", At: begin + 64, Lines: 100, Errors: 1},
	}, alerts)
}

func TestAnAlertEndsWithSilence(t *testing.T) {
	c := newCounter(testTopics)
	for range minLines {
		handle(t, c, log("a", 0, "error", "x"))
	}
	made := handle(t, c, log("a", 100_000, "info", "x"))
	var states []string
	for _, r := range made {
		if r.Topic == testTopics.alerts {
			states = append(states, string(r.Value))
		}
	}
	require.Len(t, states, 2)
	require.Contains(t, states[1], fmt.Sprintf(`"state":"end","at":%d`, at.Unix()+window+calm-1))
}

func TestAnyRecordIsHandled(t *testing.T) {
	c := newCounter(testTopics)
	handler := consumerFunc(c)
	for _, value := range []string{"", "{", `{"ts":{}}`, "\x00\xff", `"`, `[1]`, "<999>1", strings.Repeat("9", 1<<20), `{"ts":"0001-01-01T00:00:00Z"}`, `{"ts":"9999-12-31T23:59:59Z"}`} {
		for _, when := range []time.Time{at, time.UnixMilli(-1), time.UnixMilli(0), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)} {
			got := consumertest.Handle(t.Context(), handler, record.Record{Key: []byte("k|\xff"), Value: []byte(value), Timestamp: when})
			require.Equal(t, consumertest.Handled, got.Outcome, "%q at %s: %v", value, when, got)
		}
	}
}

// TestAStateThatIsRestoredGoesOn has one state handle all lines and another one
// be killed again and again: what both make of them is the same.
func TestAStateThatIsRestoredGoesOn(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	whole, broken := newCounter(testTopics), newCounter(testTopics)
	var table []record.Record
	for n, r := range rawOf(newTraffic(7, 60, at, "run"), 30*time.Second) {
		if rng.IntN(250) == 0 {
			broken = newCounter(testTopics)
			for _, kept := range compacted(rng, table) {
				require.NoError(t, broken.Restore(&kept))
			}
		}
		want, got := handle(t, whole, r), handle(t, broken, r)
		require.Equal(t, texts(want), texts(got), "line %d", n)
		for _, one := range got {
			if one.Topic == testTopics.counts {
				table = append(table, one)
			}
		}
	}
}

// compacted drops records of which a later one has the key, as Kafka does: some
// of them.
func compacted(rng *rand.Rand, table []record.Record) (kept []record.Record) {
	last := map[string]int{}
	for i, r := range table {
		last[string(r.Key)] = i
	}
	for i, r := range table {
		if last[string(r.Key)] == i || rng.IntN(4) == 0 {
			kept = append(kept, r)
		}
	}
	return kept
}

func texts(all []record.Record) (texts []string) {
	for _, r := range all {
		texts = append(texts, fmt.Sprintf("%s %s %s", r.Topic, r.Key, r.Value))
	}
	return texts
}

func TestAForeignTableIsAnError(t *testing.T) {
	for key, value := range map[string]string{"checkout": "{}", "checkout|x": "{}", "checkout|17": "no", "checkout|open1": "[]"} {
		require.Error(t, newCounter(testTopics).Restore(&record.Record{Key: []byte(key), Value: []byte(value)}), key)
	}
}
