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

var testTopics = topicsOf("test.")

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
	return request{kindTransfer, transfer{id, "0001", "0002", amount}, "0/1"}
}

func TestADebitIsOneTransaction(t *testing.T) {
	b := newBranch(testTopics, home("0001"))
	results := ask(t, b, debitOf("a", 2_500))
	e := value[entry](t, results, testTopics.entries)
	require.Equal(t, entry{entryDebit, transfer{"a", "0001", "0002", 2_500}, "0/1", []posting{
		{"0001", -2_500, 1, opening - 2_500}, {b.clearing.Name, 2_500, 1, 2_500},
	}}, e)
	credit := value[request](t, results, testTopics.requests)
	require.Equal(t, request{kindCredit, transfer{"a", "0001", "0002", 2_500}, "0/1"}, credit)
	require.Equal(t, "0002", string(results[len(results)-1].Key), "the credit goes to the one who is paid")
	balances := map[string]account{}
	for _, r := range results {
		if r.Topic == testTopics.balances {
			a, err := readAccount(&r)
			require.NoError(t, err)
			balances[a.Name] = *a
		}
	}
	require.Equal(t, map[string]account{
		"0001":          {"0001", opening - 2_500, 1, []string{"+a"}},
		b.clearing.Name: {b.clearing.Name, 2_500, 1, nil},
	}, balances)
}

func TestACreditIsTheOtherHalf(t *testing.T) {
	b := newBranch(testTopics, home("0002"))
	q := debitOf("a", 2_500)
	q.Kind = kindCredit
	results := ask(t, b, q)
	e := value[entry](t, results, testTopics.entries)
	require.Equal(t, entry{entryCredit, q.transfer, "0/1", []posting{
		{"0002", 2_500, 1, opening + 2_500}, {b.clearing.Name, -2_500, 1, -2_500},
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
		Code: codeFunds, Reason: "the account has 1000.00 and needs 1000.01", Origin: "0/1",
		ID: "a", Account: "0001", Amount: opening + 1, Balance: opening,
	}, no)
	require.Equal(t, account{"0001", opening, 0, []string{"-a"}}, value[account](t, results, testTopics.balances))
	require.Len(t, results, 2)
	require.Len(t, ask(t, b, debitOf("b", opening)), 4+1, "all it has can be sent")
}

func TestARequestIsHonouredOnce(t *testing.T) {
	b := newBranch(testTopics, home("0001"))
	ask(t, b, debitOf("a", 10))
	ask(t, b, debitOf("b", opening))
	for id, first := range map[string]string{"a": posted, "b": rejected} {
		q := debitOf(id, 10)
		q.Origin = "0/9"
		results := ask(t, b, q)
		require.Len(t, results, 1)
		no := value[rejection](t, results, testTopics.rejected)
		require.Equal(t, codeDuplicate, no.Code)
		require.Equal(t, first, no.First)
		require.Equal(t, "0/9", no.Origin)
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
	require.Equal(t, entryDebit, value[entry](t, ask(t, b, debitOf("0", 1)), testTopics.entries).Kind, "the oldest is forgotten")
}

// TestEachBalanceIsWrittenAgain lets no account's last record get old, however
// seldom it has business.
func TestEachBalanceIsWrittenAgain(t *testing.T) {
	b := newBranch(testTopics, home("0001"))
	var names []string
	for n := 0; len(names) < 10; n++ {
		if name := fmt.Sprintf("%04d", n); home(name) == b.partition {
			b.account(name)
			names = append(names, name)
		}
	}
	written := map[string]bool{}
	for i := range names {
		for _, r := range ask(t, b, debitOf(fmt.Sprint(i), 1)) {
			if r.Topic == testTopics.balances {
				written[string(r.Key)] = true
			}
		}
	}
	for _, name := range names {
		require.True(t, written[name], name)
	}
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
		{"an amount below zero", "permanent", "somebody else may write", request{kindTransfer, transfer{"a", "0001", "0002", -1}, "0/1"}},
		{"an account that is none", "permanent", "somebody else may write", request{kindTransfer, transfer{"a", "0001", "vault", 1}, "0/1"}},
		{"to itself", "permanent", "somebody else may write", request{kindTransfer, transfer{"a", "0001", "0001", 1}, "0/1"}},
		{"another kind", "permanent", `"gift" is no kind of request`, request{"gift", good.transfer, "0/1"}},
		{"an account of another branch", "permanent", "must have 6 partitions", request{kindTransfer, transfer{"a", elsewhere, "0001", 1}, "0/1"}},
		{"a credit for another branch", "permanent", "must have 6 partitions", request{kindCredit, transfer{"a", "0001", elsewhere, 1}, "0/1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBranch(testTopics, home("0001"))
			r := made(testTopics.requests, "0001", tt.value)
			got := consumertest.Handle(t.Context(), consumer.Transform(b.Handle), r)
			require.Equal(t, tt.class, got.Class, got)
			require.ErrorContains(t, got.Err, tt.text)
			require.Empty(t, b.accounts, "the state is as it was before")
			require.Equal(t, account{Name: clearingOf(b.partition)}, *b.clearing)
		})
	}
}

func TestABalanceThatIsNotOursIsNotRestored(t *testing.T) {
	own := account{"0001", 5, 1, nil}
	for _, tt := range []struct {
		name, text string
		r          record.Record
	}{
		{"a tombstone", "somebody has deleted the balance", record.Record{Key: []byte("0001")}},
		{"no JSON", "cannot be read", record.Record{Key: []byte("0001"), Value: []byte("hello")}},
		{"another key", "its key says", made("", "0007", own)},
		{"no account", "is no account", made("", "vault", account{Name: "vault"})},
		{"another branch's clearing account", "is no account", made("", clearingOf(home("0001")+1), account{Name: clearingOf(home("0001") + 1)})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.ErrorContains(t, newBranch(testTopics, home("0001")).Restore(&tt.r), tt.text)
		})
	}
	moved := made("", "0001", own)
	require.ErrorContains(t, newBranch(testTopics, home("0001")+1).Restore(&moved), "lives in partition")
	require.NoError(t, newBranch(testTopics, home("0001")).Restore(&moved))
}
