package main

import (
	"sluice"

	"github.com/twmb/franz-go/pkg/kgo"
)

// branches is how many partitions the topics have: each is a branch of the
// bank, where an account's money, its requests and its entries are together.
const branches = 6

// topics are the names of the bank's topics.
type topics struct {
	// transfers are what clients ask for, the only topic that they write to.
	transfers string
	// requests are orders to accounts, by account: transfers that are well
	// formed, and credits for money that has left another branch.
	requests string
	// balances is the state of the accounts, compacted.
	balances string
	// entries is the ledger, and rejected what became of the other requests,
	// both by account.
	entries, rejected string
}

func topicsOf(prefix string) topics {
	return topics{
		transfers: prefix + "transfers", requests: prefix + "requests",
		balances: prefix + "balances", entries: prefix + "entries", rejected: prefix + "rejected",
	}
}

// list is what the program makes where it is missing.
func (t topics) list() []sluice.Topic {
	return []sluice.Topic{
		{Name: t.transfers, Partitions: branches},
		{Name: t.requests, Partitions: branches},
		{Name: t.balances, Partitions: branches, Compact: true},
		{Name: t.entries, Partitions: branches},
		{Name: t.rejected, Partitions: branches},
	}
}

// byKey is how Kafka's clients choose a partition. Of a key it is a function,
// and may be called by many goroutines.
var byKey = kgo.StickyKeyPartitioner(nil).ForTopic("")

// home is the branch of an account: the partition to which Kafka's clients send
// what has its name as the key, where there are as many as there were at first.
func home(account string) int32 {
	return int32(byKey.Partition(&kgo.Record{Key: []byte(account)}, branches)) //nolint:gosec // G115: it is below branches.
}
