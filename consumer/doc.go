// Package consumer is the processing plane: a Kafka consumer group that hands
// every record of its topics to a Handler, at least once and in the order of
// its partition, and commits an offset only when the records before it have
// been handled. Nothing is ever skipped: what fails is tried again, and an
// offset that is no longer in the log is an event, not a silent jump.
//
// # How a record flows
//
// One loop polls the Kafka client and never waits for anything else; it puts
// records into one bounded window per partition, and pauses a partition whose
// window is full. Each record has a lane, in which it waits for those before it:
// one per partition, per key or per record. A pool of workers, as many as the
// handler may be called at the same time, takes the lanes that are ready in
// turn. One that waits for another attempt, or for a dead letter to be
// acknowledged, has no worker. The position moves over what has ended without a
// gap, and every second the positions that moved are committed; with a
// Transform or a Stateful, in one transaction with what it has made.
//
// When a partition is taken away, the records in work get ten seconds to finish,
// the position is committed, and only then another member gets it. When Kafka is
// away, work goes on with what is queued, and for as long as the session lasts
// nothing of it has to be done again.
//
// The package knows Kafka and the handler. It must not know HTTP, the program
// around it, or what a handler does.
package consumer
