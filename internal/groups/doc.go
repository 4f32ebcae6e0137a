// Package groups is what Kafka knows of consumer groups: their members, what
// is assigned to whom, and how far behind they are, in records and in seconds;
// a watchdog for the groups of this program; and moving the offsets of a group
// that is stopped. All of it is asked of Kafka, so every replica gives the same
// answer, whichever partitions it has itself. The one exception is what the
// HTTP endpoints show under this_replica.
//
// It takes part in no group, and handles no record.
package groups
