// Package filter decides which records a stream shows: expressions in CEL, the
// Common Expression Language, that are true or false of one record. The
// expressions and the records both come from outside, so each evaluation is
// bounded in steps, each pattern in size and each client in time.
//
// It knows neither Kafka nor HTTP nor clients: a stream asks it whether a
// record matches, and spends the time that took from the client's Budget.
//
// What keeps one evaluation bounded: an expression can pick and compare, but
// it cannot build lists or maps, so that nothing it works on is larger than
// the record; every function that it may call takes time linear in its
// arguments and is charged for their size (cost.go); a loop is left when the
// charges exceed the limit (filter.go); and a pattern is weighed against the
// text before it runs (pattern.go).
package filter
