package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"sluice/consumer"
	"sluice/consumer/consumertest"
	"sluice/record"
)

type order struct {
	ID     string `json:"id"`
	Amount int    `json:"amount"`
}

// A handler is a function of a context and a record. A record whose call has
// returned nil is handled.
func ExampleHandlerFunc() {
	bill := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
		fmt.Printf("%s/%d, offset %d: %s\n", r.Topic, r.Partition, r.Offset, r.Value)
		return nil
	})

	result := consumertest.Handle(context.Background(), bill, record.Record{Topic: "orders", Offset: 7, Value: []byte("a bike")})
	fmt.Println(result)
	// Output:
	// orders/0, offset 7: a bike
	// handled
}

// What is wrong with the record itself is wrong with it the next time, too.
func ExamplePermanent() {
	bill := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
		amount, err := strconv.Atoi(string(r.Value))
		if err != nil {
			return consumer.Undecodable(err)
		}
		if amount <= 0 {
			return consumer.Permanent(fmt.Errorf("an amount of %d is not billed", amount))
		}
		return nil
	})

	fmt.Println(consumertest.Handle(context.Background(), bill, record.Record{Value: []byte("-3")}))
	// Output: given up (permanent): an amount of -3 is not billed
}

// A record that cannot be read is a dead letter of the class decode, so that it
// is found among those that were given up for another reason.
func ExampleUndecodable() {
	bill := consumer.HandlerFunc(func(_ context.Context, r *record.Record) error {
		var o order
		if err := json.Unmarshal(r.Value, &o); err != nil {
			return consumer.Undecodable(fmt.Errorf("not an order: %w", err))
		}
		return nil
	})

	fmt.Println(consumertest.Handle(context.Background(), bill, record.Record{Value: []byte("hello")}))
	// Output: given up (decode): not an order: invalid character 'h' looking for beginning of value
}

// Somebody says when to come again. Each time counts as an attempt.
func ExampleRetryAfter() {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer shop.Close()

	ship := consumer.HandlerFunc(func(ctx context.Context, r *record.Record) error {
		status, header, err := post(ctx, shop.URL, r)
		if err != nil {
			return err // It is tried again, after the pause of the settings.
		}
		if status == http.StatusTooManyRequests {
			seconds, _ := strconv.Atoi(header.Get("Retry-After")) // 0 where it is something else.
			return consumer.RetryAfter(errors.New("too many requests"), time.Duration(seconds)*time.Second)
		}
		return nil
	})

	fmt.Println(consumertest.Handle(context.Background(), ship, record.Record{Value: []byte("a bike")}))
	// Output: retried (after 30s at least): too many requests
}

// An endpoint that is down is not the record's fault. Nothing is given up for
// it, and no other record is sent there to fail.
func ExampleHold() {
	shop := httptest.NewServer(http.NotFoundHandler())
	shop.Close() // Nobody listens there any more.

	ship := consumer.HandlerFunc(func(ctx context.Context, r *record.Record) error {
		if _, _, err := post(ctx, shop.URL, r); err != nil {
			return consumer.Hold(fmt.Errorf("the shop is down: %w", err), 10*time.Second)
		}
		return nil
	})

	result := consumertest.Handle(context.Background(), ship, record.Record{Value: []byte("a bike")})
	fmt.Println(result.Outcome, "for", result.After)
	// Output: held for 10s
}

// post sends the value. An error is one of the connection.
func post(ctx context.Context, url string, r *record.Record) (status int, header http.Header, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(r.Value))
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	return resp.StatusCode, resp.Header, resp.Body.Close()
}

// Records of one topic become records of others. They and the position of the
// record that they are made of are one transaction.
func ExampleTransform() {
	split := consumer.Transform(func(_ context.Context, r *record.Record) ([]record.Record, error) {
		var orders []order
		if err := json.Unmarshal(r.Value, &orders); err != nil {
			return nil, consumer.Undecodable(err)
		}
		made := make([]record.Record, len(orders))
		for i, o := range orders {
			made[i] = record.Record{Topic: "bills", Key: []byte(o.ID), Value: fmt.Append(nil, o.Amount)}
		}
		return made, nil
	})

	result := consumertest.Handle(context.Background(), split, record.Record{Value: []byte(`[{"id":"a","amount":3},{"id":"b","amount":5}]`)})
	for _, r := range result.Made {
		fmt.Printf("%s: %s %s\n", r.Topic, r.Key, r.Value)
	}
	// Output:
	// bills: a 3
	// bills: b 5
}

// Handlers that remember give what they remember to the table, and have it back
// wherever the partition is next. This one counts the orders of each customer.
func ExampleStateful() {
	count := consumer.Stateful{
		Table: "customers",
		Open:  func(int32) consumer.State { return &customers{orders: map[string]int{}} },
	}
	state := consumer.Transform(count.Open(0).Handle) // What a group calls, for a test.
	for range 2 {
		result := consumertest.Handle(context.Background(), state, record.Record{Key: []byte("ada")})
		fmt.Printf("%s: %s\n", result.Made[0].Key, result.Made[0].Value)
	}
	// Output:
	// ada: 1
	// ada: 2
}

// customers is how many orders each customer of a partition has sent.
type customers struct{ orders map[string]int }

// Restore takes in what Handle has returned in an earlier life.
func (c *customers) Restore(r *record.Record) (err error) {
	c.orders[string(r.Key)], err = strconv.Atoi(string(r.Value))
	return err
}

// Handle counts, and has the count kept.
func (c *customers) Handle(_ context.Context, r *record.Record) ([]record.Record, error) {
	c.orders[string(r.Key)]++
	n := strconv.Itoa(c.orders[string(r.Key)])
	return []record.Record{{Topic: "customers", Key: r.Key, Value: []byte(n)}}, nil
}
