package sluice_test

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice"
	"sluice/consumer"
	"sluice/record"
)

// A whole program; its main function has this body.
func ExampleMain() {
	sluice.Main(sluice.Handler{
		Config:  consumer.Config{Name: "billing", Topics: []string{"orders"}, Group: "billing"},
		Handler: consumer.HandlerFunc(bill),
	})
}

func bill(_ context.Context, r *record.Record) error {
	var order struct{ ID, Customer string }
	if err := json.Unmarshal(r.Value, &order); err != nil {
		return consumer.Undecodable(err)
	}
	fmt.Printf("order %s: a bill for %s\n", order.ID, order.Customer)
	return nil
}
