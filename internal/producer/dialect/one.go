package dialect

import (
	"context"

	"sluice/internal/access"
	"sluice/internal/httpserver"
	"sluice/internal/producer"
	"sluice/record"

	"github.com/twmb/franz-go/pkg/kgo"
)

// One writes a record of a request that came to another service of this
// program, with the context's principal, its right and its limits. The problem
// is what this service would have answered.
func One(ctx context.Context, w *producer.Writer, r record.Record) (producer.Place, *httpserver.Problem) {
	principal := access.From(ctx)
	var account producer.Account
	if principal != nil {
		account = principal
	}
	size := int64(len(r.Key) + len(r.Value))
	for _, h := range r.Headers {
		size += int64(len(h.Key) + len(h.Value))
	}
	b, err := w.Admit(account, size+producer.RecordRoom)
	if err != nil {
		return producer.Place{}, problem(err)
	}
	defer b.Release()
	b.Topic = r.Topic
	to := b.Add()
	to.Key, to.Value, to.Timestamp = r.Key, r.Value, r.Timestamp
	for _, h := range r.Headers {
		to.Headers = append(to.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	c := &call{writer: w, principal: principal, timeout: min(w.Config().Timeout, longTimeout)}
	if err := c.may(b.Topic); err != nil {
		return producer.Place{}, problem(err)
	}
	if wait := principal.Spend(1, size); wait > 0 {
		err := producer.Refusal(producer.Limited, "the rate limit of this principal is used up")
		err.RetryAfter = wait
		return producer.Place{}, problem(w.Refused(err))
	}
	if err := w.Write(ctx, b, c.timeout); err != nil {
		return producer.Place{}, problem(err)
	}
	place, err := b.Result(0)
	if err != nil {
		return producer.Place{}, problem(err)
	}
	return place, nil
}
