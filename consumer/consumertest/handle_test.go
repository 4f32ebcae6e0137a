package consumertest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/consumer"
	"sluice/consumer/consumertest"
	"sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("down")

// says is a handler that returns the error.
func says(err error) consumer.Handler {
	return consumer.HandlerFunc(func(context.Context, *record.Record) error { return err })
}

func TestWhatBecomesOfARecord(t *testing.T) {
	for name, c := range map[string]struct {
		handler consumer.Handler
		want    consumertest.Result
		text    string
	}{
		"no error":    {says(nil), consumertest.Result{Outcome: consumertest.Handled}, "handled"},
		"any error":   {says(errDown), consumertest.Result{Outcome: consumertest.Retried, Err: errDown}, "retried: down"},
		"permanent":   {says(consumer.Permanent(errDown)), consumertest.Result{Outcome: consumertest.GivenUp, Class: "permanent"}, "given up (permanent): down"},
		"undecodable": {says(consumer.Undecodable(errDown)), consumertest.Result{Outcome: consumertest.GivenUp, Class: "decode"}, "given up (decode): down"},
		"retry after": {
			says(consumer.RetryAfter(errDown, time.Minute)),
			consumertest.Result{Outcome: consumertest.Retried, After: time.Minute},
			"retried (after 1m0s at least): down",
		},
		"hold": {
			says(consumer.Hold(errDown, time.Minute)),
			consumertest.Result{Outcome: consumertest.Held, After: time.Minute},
			"held (for 1m0s): down",
		},
		"permanent, wrapped": {
			says(fmt.Errorf("bill: %w", consumer.Permanent(errDown))),
			consumertest.Result{Outcome: consumertest.GivenUp, Class: "permanent"},
			"given up (permanent): bill: down",
		},
		"a result for a topic that cannot be": {
			consumer.Transform(func(context.Context, *record.Record) ([]record.Record, error) { return []record.Record{{}}, nil }),
			consumertest.Result{Outcome: consumertest.GivenUp, Class: "permanent"},
			`given up (permanent): the handler returned a record for topic "", which is not a topic's name`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := consumertest.Handle(t.Context(), c.handler, record.Record{Value: []byte("x")})
			require.Equal(t, c.text, got.String())
			if c.want.Err != nil {
				require.Same(t, c.want.Err, got.Err, "what the handler has returned, as it is")
			}
			got.Err = c.want.Err
			require.Equal(t, c.want, got)
		})
	}
}

func TestAPanicIsAResult(t *testing.T) {
	h := consumer.HandlerFunc(func(context.Context, *record.Record) error { panic("no such customer") })
	got := consumertest.Handle(t.Context(), h, record.Record{})
	require.Equal(t, consumertest.GivenUp, got.Outcome)
	require.Equal(t, "panic", got.Class)
	require.ErrorContains(t, got.Err, "no such customer")
	require.Contains(t, got.Stack, "TestAPanicIsAResult")
	require.Contains(t, got.String(), got.Stack)
}

func TestARecordIsCompleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []record.Record
		h := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
			seen = append(seen, *r)
			return errDown
		})
		early := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		results := consumertest.HandleAll(t.Context(), h,
			record.Record{},
			record.Record{Key: []byte{}, Topic: "orders", Partition: 3, Offset: 10, Timestamp: early, TopicID: record.TopicID{7}},
			record.Record{Topic: "orders"},
		)
		require.Len(t, results, 3, "a failure does not end it")
		require.Equal(t, consumertest.Topic, seen[0].Topic)
		require.Zero(t, seen[0].Offset)
		require.WithinDuration(t, time.Now(), seen[0].Timestamp, 0)
		require.NotZero(t, seen[0].TopicID)
		require.Nil(t, seen[0].Value, "a tombstone stays one")
		require.Equal(t, record.Record{Key: []byte{}, Topic: "orders", Partition: 3, Offset: 10, Timestamp: early, TopicID: record.TopicID{7}}, seen[1])
		require.Equal(t, int64(11), seen[2].Offset)
		require.NotEqual(t, seen[0].TopicID, seen[2].TopicID, "topics have ids of their own")
	})
}

func TestTheSameRecordAgain(t *testing.T) {
	var seen []record.Record
	h := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error { seen = append(seen, *r); return nil })
	r := record.Record{Value: []byte("x"), Timestamp: time.Unix(1, 0)}
	for range 2 {
		require.Equal(t, consumertest.Handled, consumertest.Handle(t.Context(), h, r).Outcome)
	}
	require.Equal(t, seen[0], seen[1])
}

func TestAHandlerThatChangesItsRecord(t *testing.T) {
	for name, change := range map[string]func(*record.Record){
		"value":            func(r *record.Record) { r.Value[0] = 'y' },
		"value, cut off":   func(r *record.Record) { r.Value = r.Value[:0] },
		"key":              func(r *record.Record) { r.Key[0]++ },
		"key, set to null": func(r *record.Record) { r.Key = nil },
		"header":           func(r *record.Record) { r.Headers[0].Value[0]++ },
		"headers":          func(r *record.Record) { r.Headers = append(r.Headers, record.Header{}) },
		"topic":            func(r *record.Record) { r.Topic = "other" },
		"offset":           func(r *record.Record) { r.Offset++ },
	} {
		t.Run(name, func(t *testing.T) {
			given := record.Record{Key: []byte("k"), Value: []byte("x"), Headers: []record.Header{{Key: "h", Value: []byte("v")}}}
			h := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error { change(r); return errDown })
			got := consumertest.Handle(t.Context(), h, given)
			require.Equal(t, consumertest.Broken, got.Outcome, got)
			require.ErrorContains(t, got.Err, "copy what you change")
			require.ErrorIs(t, got.Err, errDown)
			require.Equal(t, "k", string(given.Key), "the caller's record stays as it is")
			require.Equal(t, "x", string(given.Value))
			require.Equal(t, "v", string(given.Headers[0].Value))
		})
	}
}

func TestATransformsRecords(t *testing.T) {
	double := consumer.Transform(func(_ context.Context, r *record.Record) ([]record.Record, error) {
		return []record.Record{
			{Topic: "one", Key: r.Key, Value: r.Value, Partition: 9, Headers: r.Headers},
			{Topic: "two", Timestamp: time.Unix(5, 0)},
		}, nil
	})
	got := consumertest.Handle(t.Context(), double, record.Record{Key: []byte("k"), Value: []byte("v"), Headers: []record.Header{{Key: "h"}}})
	require.Equal(t, "handled (records made: 2)", got.String())
	require.Equal(t, []record.Record{
		{Topic: "one", Key: []byte("k"), Value: []byte("v"), Headers: []record.Header{{Key: "h"}}}, // Its partition does not count.
		{Topic: "two", Timestamp: time.Unix(5, 0)},
	}, got.Made)

	got = consumertest.Handle(t.Context(), consumer.HandlerFunc(double.Handle), record.Record{})
	require.Equal(t, "permanent", got.Class)
}

func TestTheContextIsTheCallers(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := consumer.HandlerFunc(func(ctx context.Context, _ *record.Record) error { return ctx.Err() })
	require.ErrorIs(t, consumertest.Handle(ctx, h, record.Record{}).Err, context.Canceled)
}
