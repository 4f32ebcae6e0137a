package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"sluice/consumer/consumertest"
	"sluice/record"
)

func TestWhatIsNoTransfer(t *testing.T) {
	for _, tt := range []struct{ name, value, text string }{
		{"nothing", ``, "not a JSON object"},
		{"a text", `please send 10 to 0002`, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
		{"a list", `["a","0001","0002",5]`, "not a JSON object"},
		{"half of it", `{"id":"a","from":"0001"`, "not a JSON object"},
		{"more behind it", `{"id":"a","from":"0001","to":"0002","amount":5} {}`, "not a JSON object"},
		{"not UTF-8", "{\"id\":\"a\",\"from\":\"0001\",\"to\":\"0002\",\"amount\":5,\"x\":\"\xff\"}", "not a JSON object in UTF-8"},
		{"nested", `{"id":{"a":1},"from":"0001","to":"0002","amount":5}`, "id has to be"},
		{"a name twice", `{"id":"a","from":"0001","to":"0002","amount":5,"amount":-5}`, "amount has to be"},
		{"a name in capitals", `{"ID":"a","from":"0001","to":"0002","amount":5}`, `"ID" is not a field`},
		{"a field too many", `{"id":"a","from":"0001","to":"0002","amount":5,"kind":"credit"}`, `"kind" is not a field of a transfer`},
		{"all of it missing", `{}`, "id has to be"},
		{"a number for the id", `{"id":7,"from":"0001","to":"0002","amount":5}`, "id has to be"},
		{"a long id", `{"id":"` + strings.Repeat("a", 65) + `","from":"0001","to":"0002","amount":5}`, "id has to be"},
		{"an id with a line end", `{"id":"a\n","from":"0001","to":"0002","amount":5}`, "id has to be"},
		{"an unknown account", `{"id":"a","from":"10000","to":"0002","amount":5}`, "from has to be an account"},
		{"a clearing account", `{"id":"a","from":"clearing-0","to":"0002","amount":5}`, "from has to be an account"},
		{"an account as a number", `{"id":"a","from":"0001","to":2,"amount":5}`, "to has to be an account"},
		{"the same account", `{"id":"a","from":"0001","to":"0001","amount":5}`, "the same account"},
		{"no amount", `{"id":"a","from":"0001","to":"0002"}`, "amount has to be"},
		{"an amount as a text", `{"id":"a","from":"0001","to":"0002","amount":"5"}`, "without quotes"},
		{"nothing to send", `{"id":"a","from":"0001","to":"0002","amount":0}`, "amount has to be"},
		{"less than nothing", `{"id":"a","from":"0001","to":"0002","amount":-5}`, "amount has to be"},
		{"half a cent", `{"id":"a","from":"0001","to":"0002","amount":0.5}`, "amount has to be"},
		{"too much", `{"id":"a","from":"0001","to":"0002","amount":100000001}`, "amount has to be"},
		{"more than a number holds", `{"id":"a","from":"0001","to":"0002","amount":99999999999999999999999}`, "amount has to be"},
		{"a null", `{"id":"a","from":"0001","to":"0002","amount":null}`, "amount has to be"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseTransfer([]byte(tt.value))
			require.ErrorContains(t, err, tt.text)
			got := consumertest.Handle(t.Context(), intake(testTopics), record.Record{Partition: 3, Offset: 17, Value: []byte(tt.value)})
			require.Equal(t, consumertest.Handled, got.Outcome, got)
			require.Len(t, got.Made, 1)
			no := value[rejection](t, got.Made, testTopics.rejected)
			require.Equal(t, codeInvalid, no.Code)
			require.Equal(t, place{3, 17}, no.Origin)
			require.Equal(t, err.Error(), no.Reason)
			require.Less(t, len(no.Reason), 500)
		})
	}
	_, err := parseTransfer([]byte(`{"` + strings.Repeat("x", 500_000) + `":1}`))
	require.Less(t, len(err.Error()), 500, "what is sent is not sent back")
	require.Equal(t, 5, strings.Count(err.Error(), ";")+1, "all that is wrong: %v", err)
}

func TestTheIntakeForwards(t *testing.T) {
	r := record.Record{Partition: 3, Offset: 17, Value: []byte(` {"amount":5,"id":"a","from":"0001","to":"0002"}` + "\n")}
	got := consumertest.Handle(t.Context(), intake(testTopics), r)
	require.Len(t, got.Made, 1)
	require.Equal(t, "0001", string(got.Made[0].Key))
	require.Equal(t, request{kindDebit, transfer{"a", "0001", "0002", 5}, place{3, 17}}, value[request](t, got.Made, testTopics.requests))
}

func TestClientsSendSomeOfEverything(t *testing.T) {
	c := newClient("test", nil)
	kinds, seen := map[string]int{}, map[string]bool{}
	for range 6_000 {
		l := c.next()
		asked, err := parseTransfer([]byte(l.text))
		if !json.Valid([]byte(l.text)) {
			kinds["no JSON"]++
		}
		switch {
		case seen[l.text]:
			kinds["repeat"]++
		case err != nil:
			kinds["mistake"]++
		case asked.Amount > opening:
			kinds["overdraft"]++
		}
		seen[l.text] = true
	}
	require.InDelta(t, 300, kinds["repeat"], 100)
	require.InDelta(t, 180, kinds["overdraft"], 70)
	require.InDelta(t, 60, kinds["mistake"], 40)
	require.Positive(t, kinds["no JSON"])
}

// FuzzTransfer holds the intake and the auditor against each other: two readers
// that were written apart agree on what a transfer is.
func FuzzTransfer(f *testing.F) {
	for _, text := range []string{
		`{"id":"a","from":"0001","to":"0002","amount":5}`, `{"id":"a","from":"0001","to":"0002","amount":5e0}`,
		`{"id":"a","from":"0001","to":"0002","amount":null}`, `{"\u0069d":"a","from":"0001","to":"0002","amount":5}`,
		`{"id":"a","id":"a","from":"0001","to":"0002","amount":5}`, `[]`, `{`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		asked, err := parseTransfer(text)
		if !utf8.Valid(text) {
			return // Service B does not show it as JSON.
		}
		shown := json.RawMessage(text)
		if !json.Valid(text) {
			shown, _ = json.Marshal(string(text))
		}
		read, valid := understand(shown)
		if (err == nil) != valid || valid && read != asked {
			t.Fatalf("%q: the intake says %v, %v, and the auditor %v, %v", text, asked, err, read, valid)
		}
	})
}
