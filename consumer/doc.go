// Package consumer is the processing plane: a Kafka consumer group that hands
// every record of its topics to a Handler, at least once and in the order of
// its partition, and commits an offset only when the records before it have
// been handled. Nothing is ever skipped: what fails is tried again, and an
// offset that is no longer in the log is an event, not a silent jump.
//
// # How a record flows
//
// One loop polls the Kafka client and never waits for anything else; it puts
// records into one bounded queue per partition and pauses a partition whose
// queue is full. One goroutine per partition takes them, calls the handler and
// moves the partition's position; every second the positions that moved are
// committed. When a partition is taken away, the record in work gets ten
// seconds to finish, its position is committed, and only then another member
// gets it. When Kafka is away, work goes on with what is queued, and for as
// long as the session lasts nothing of it has to be done again.
//
// The package knows Kafka and the handler. It must not know HTTP, the program
// around it, or what a handler does.
package consumer
