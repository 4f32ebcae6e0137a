package consumertest_test

import (
	"context"
	"errors"
	"fmt"

	"sluice/consumer"
	"sluice/consumer/consumertest"
	"sluice/record"
)

// In a test, it is a line:
//
//	require.Equal(t, consumertest.Handled, consumertest.Handle(t.Context(), bill, order).Outcome)
func ExampleHandle() {
	bill := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
		if len(r.Value) == 0 {
			return consumer.Permanent(errors.New("an order without a content"))
		}
		return nil
	})
	ctx := context.Background()
	fmt.Println(consumertest.Handle(ctx, bill, record.Record{Value: []byte("a bike")}))
	fmt.Println(consumertest.Handle(ctx, bill, record.Record{}))
	// Output:
	// handled
	// given up (permanent): an order without a content
}

// A handler must be able to take a record twice: what identifies it is its
// topic, partition and offset.
func ExampleHandleAll() {
	total, seen := 0, map[string]bool{}
	count := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
		id := fmt.Sprintf("%s/%d/%d", r.TopicID, r.Partition, r.Offset)
		if !seen[id] {
			seen[id] = true
			total++
		}
		return nil
	})
	a, b := record.Record{Offset: 1}, record.Record{Offset: 2}
	for _, result := range consumertest.HandleAll(context.Background(), count, a, b, a) {
		fmt.Println(result)
	}
	fmt.Println("total:", total)
	// Output:
	// handled
	// handled
	// handled
	// total: 2
}
