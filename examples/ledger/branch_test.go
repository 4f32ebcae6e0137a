package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/consumer/consumertest"
	"sluice/record"
)

var (
	testTopics = topicsOf("test.")
	origin     = place{0, 1}
)

// ask has a branch handle a request.
func ask(t *testing.T, b *branch, q request) []record.Record {
	t.Helper()
	r := made(testTopics.requests, q.From, q)
	results, err := b.Handle(t.Context(), &r)
	require.NoError(t, err)
	return results
}

// value reads the first result for a topic.
func value[T any](t *testing.T, results []record.Record, topic string) (v T) {
	t.Helper()
	for _, r := range results {
		if r.Topic == topic {
			require.NoError(t, json.Unmarshal(r.Value, &v))
			return v
		}
	}
	require.Fail(t, "no result for "+topic)
	return v
}

func debitOf(id string, amount int64) request {
	return request{kindDebit, transfer{id, "0001", "0002", amount}, origin}
}

func TestADebitIsOneTransaction(t *testing.T) {
	b := newBranch(testTopics, home("0001"))
	results := ask(t, b, debitOf("a", 2_500))
	e := value[entry](t, results, testTopics.entries)
	require.Equal(t, entry{request{kindDebit, transfer{"a", "0001", "0002", 2_500}, origin}, []posting{
		{"0001", -2_500, 1, opening - 2_500}, {clearingOf(b.partition), 2_500, 1, 2_500},
	}}, e)
	credit := value[request](t, results, testTopics.requests)
	require.Equal(t, request{kindCredit, transfer{"a", "0001", "0002", 2_500}, origin}, credit)
	require.Equal(t, "0002", string(results[len(results)-1].Key), "the credit goes to the one who is paid")
	balances := map[string]account{}
	for _, r := range results {
		if r.Topic == testTopics.balances {
			require.NoError(t, newBranch(testTopics, b.partition).Restore(&r))
			var a account
			require.NoError(t, json.Unmarshal(r.Value, &a))
			balances[a.Name] = a
		}
	}
	require.Equal(t, map[string]account{
		"0001":                  {"0001", opening - 2_500, 1, []string{"+a"}},
		clearingOf(b.partition): {clearingOf(b.partition), 2_500, 1, nil},
	}, balances)
}

func TestACreditIsTheOtherHalf(t *testing.T) {
	b := newBranch(testTopics, home("0002"))
	q := debitOf("a", 2_500)
	q.Kind = kindCredit
	results := ask(t, b, q)
	e := value[entry](t, results, testTopics.entries)
	require.Equal(t, entry{q, []posting{
		{"0002", 2_500, 1, opening + 2_500}, {clearingOf(b.partition), -2_500, 1, -2_500},
	}}, e)
	for _, r := range results {
		require.NotEqual(t, testTopics.requests, r.Topic)
	}
}

func TestMissingFundsMoveNothing(t *testing.T) {
	b := newBranch(testTopics, home("0001"))
	results := ask(t, b, debitOf("a", opening+1))
	no := value[rejection](t, results, testTopics.rejected)
	require.Equal(t, rejection{
		Code: codeFunds, Reason: "the account has 1000.00 and needs 1000.01", Origin: origin,
		ID: "a", Account: "0001", Amount: opening + 1, Balance: opening,
	}, no)
	require.Equal(t, account{"0001", opening, 0, []string{"-a"}}, value[account](t, results, testTopics.balances))
	require.Len(t, results, 2)
	require.Len(t, ask(t, b, debitOf("b", opening)), 4, "all it has can be sent")
}

func TestARequestIsHonouredOnce(t *testing.T) {
	b := newBranch(testTopics, home("0001"))
	ask(t, b, debitOf("a", 10))
	ask(t, b, debitOf("b", opening))
	for id, first := range map[string]string{"a": posted, "b": rejected} {
		q := debitOf(id, 10)
		q.Origin = place{0, 9}
		results := ask(t, b, q)
		require.Len(t, results, 1)
		no := value[rejection](t, results, testTopics.rejected)
		require.Equal(t, codeDuplicate, no.Code)
		require.Equal(t, first, no.First)
		require.Equal(t, q.Origin, no.Origin)
	}
	require.EqualValues(t, opening-10, b.accounts["0001"].Balance)
}

func TestAnAccountRemembersSoManyRequests(t *testing.T) {
	b := newBranch(testTopics, home("0001"))
	for i := range remembered + 1 {
		ask(t, b, debitOf(fmt.Sprint(i), 1))
	}
	require.Len(t, b.accounts["0001"].Requests, remembered)
	require.Equal(t, codeDuplicate, value[rejection](t, ask(t, b, debitOf("1", 1)), testTopics.rejected).Code)
	require.Equal(t, kindDebit, value[entry](t, ask(t, b, debitOf("0", 1)), testTopics.entries).Kind, "the oldest is forgotten")
}

func TestWhatTheIntakeWouldNotWriteIsADeadLetter(t *testing.T) {
	good := debitOf("a", 10)
	elsewhere := "0000"
	for n := 0; home(elsewhere) == home("0001"); n++ {
		elsewhere = fmt.Sprintf("%04d", n)
	}
	for _, tt := range []struct {
		name, class, text string
		value             any
	}{
		{"no request at all", "decode", "it is no request", []string{"x"}},
		{"an amount below zero", "permanent", "somebody else may write", request{kindDebit, transfer{"a", "0001", "0002", -1}, origin}},
		{"an account that is none", "permanent", "somebody else may write", request{kindDebit, transfer{"a", "0001", "vault", 1}, origin}},
		{"to itself", "permanent", "somebody else may write", request{kindDebit, transfer{"a", "0001", "0001", 1}, origin}},
		{"another kind", "permanent", "somebody else may write", request{"gift", good.transfer, origin}},
		{"an account of another branch", "permanent", "must have 6 partitions", request{kindDebit, transfer{"a", elsewhere, "0001", 1}, origin}},
		{"a credit for another branch", "permanent", "must have 6 partitions", request{kindCredit, transfer{"a", "0001", elsewhere, 1}, origin}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBranch(testTopics, home("0001"))
			r := made(testTopics.requests, "0001", tt.value)
			got := consumertest.Handle(t.Context(), consumer.Transform(b.Handle), r)
			require.Equal(t, tt.class, got.Class, got)
			require.ErrorContains(t, got.Err, tt.text)
			require.Equal(t, newBranch(testTopics, b.partition), b, "the state is as it was before")
		})
	}
}

func TestABalanceThatIsNotOursIsNotRestored(t *testing.T) {
	own := account{"0001", 5, 1, nil}
	for _, tt := range []struct {
		name, text string
		r          record.Record
	}{
		{"a tombstone", "cannot be read", record.Record{Key: []byte("0001")}},
		{"no JSON", "cannot be read", record.Record{Key: []byte("0001"), Value: []byte("hello")}},
		{"another key", "both have to be one account", made("", "0007", own)},
		{"no account", "both have to be one account", made("", "vault", account{Name: "vault"})},
		{"another branch's clearing account", "both have to be one account", made("", clearingOf(home("0001")+1), account{Name: clearingOf(home("0001") + 1)})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.ErrorContains(t, newBranch(testTopics, home("0001")).Restore(&tt.r), tt.text)
		})
	}
	moved := made("", "0001", own)
	require.ErrorContains(t, newBranch(testTopics, home("0001")+1).Restore(&moved), "both have to be one account")
	require.NoError(t, newBranch(testTopics, home("0001")).Restore(&moved))
}
