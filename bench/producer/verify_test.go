package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/bench/internal/cluster"
	"sluice/bench/producer/load"
)

// TestVerifyFindsEveryDifference writes records to a broker and claims
// something else of them.
func TestVerifyFindsEveryDifference(t *testing.T) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	defer broker.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...))
	require.NoError(t, err)
	defer client.Close()
	c, err := cluster.Open(t.Context(), broker.ListenAddrs(), nil)
	require.NoError(t, err)
	defer c.Close(t.Output())

	type id struct {
		sender int
		seq    int64
	}
	cases := map[string]struct {
		written []id
		acked   ledger
		errs    []string
	}{
		"none":              {acked: ledger{}},
		"all":               {written: []id{{0, 0}, {1, 0}, {0, 1}}, acked: ledger{0: 2, 1: 1}},
		"one is missing":    {written: []id{{0, 0}}, acked: ledger{0: 2}, errs: []string{"1 new records, and 2 were acknowledged"}},
		"one is too many":   {written: []id{{0, 0}, {0, 1}}, acked: ledger{0: 1}, errs: []string{"2 new records, and 1 were acknowledged"}},
		"one for another":   {written: []id{{0, 0}, {0, 2}}, acked: ledger{0: 2}, errs: []string{"record 2 of sender 0 is in Kafka, and was not acknowledged", "record 1 of sender 0 was acknowledged, and is not in Kafka"}},
		"one twice":         {written: []id{{0, 0}, {0, 0}}, acked: ledger{0: 2}, errs: []string{"record 0 of sender 0 is in Kafka twice"}},
		"an unknown sender": {written: []id{{5, 0}}, acked: ledger{0: 1}, errs: []string{"record 0 of sender 5 is in Kafka"}},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			topic, err := c.CreateTopic(t.Context(), name)
			require.NoError(t, err)
			produce := func(one id) {
				value := []byte(strings.Repeat("-", 3+load.IDSize))
				load.PutID(value[3:], one.sender, one.seq)
				require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value}).FirstErr())
			}
			produce(id{9, 9}) // Before the run, and not of it.
			before, err := c.Ends(t.Context(), topic)
			require.NoError(t, err)
			for _, one := range tt.written {
				produce(one)
			}
			err = verify(t.Context(), c, topic, before, tt.acked, 3, true)
			if tt.errs == nil {
				require.NoError(t, err)
			}
			for _, text := range tt.errs {
				require.ErrorContains(t, err, text)
			}
		})
	}
}
