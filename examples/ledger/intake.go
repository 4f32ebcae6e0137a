package main

import (
	"context"

	"sluice/consumer"
	"sluice/record"
)

// intake stands between the clients and the accounts: it reads what was sent to
// the topic transfers, and forwards it or rejects it. Only the program writes to
// requests, so what says there that it is a credit is one.
func intake(t topics) consumer.Transform {
	return func(_ context.Context, r *record.Record) ([]record.Record, error) {
		origin := place{r.Partition, r.Offset}
		asked, err := parseTransfer(r.Value)
		if err != nil {
			no := rejection{Code: codeInvalid, Reason: err.Error(), Origin: origin, ID: asked.ID, Account: asked.From, Amount: asked.Amount}
			return []record.Record{made(t.rejected, asked.From, no)}, nil //nolint:nilerr // The rejection says it, and the partition goes on.
		}
		return []record.Record{made(t.requests, asked.From, request{kindDebit, asked, origin})}, nil
	}
}
