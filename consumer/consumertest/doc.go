// Package consumertest tests handlers in memory: it calls them as a group does
// and says what a group would do next, by the group's own code. There is no
// Kafka, nothing waits, and nothing is tried again:
//
//	got := consumertest.Handle(t.Context(), handler, record.Record{Value: []byte("42")})
//	require.Equal(t, consumertest.Handled, got.Outcome, got)
//
// What depends on more than one call (order, retries up to the last attempt,
// commits) is the group's promise and not the handler's. A test of a whole
// program, with a broker in memory, is the example of package sluice.
package consumertest
