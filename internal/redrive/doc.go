// Package redrive lists the dead letters of a group and gives them to the group
// again: it writes them to the topic that only the group reads, with a receipt
// for each, both in one transaction of Kafka. The backlog is what has no
// receipt, so that a redrive that was interrupted, or that took only some, is
// simply run again: it neither loses a letter nor writes one twice.
//
// It knows the form of dead letters and Kafka, and nothing of handlers and of
// the groups that read. What it serves over HTTP is in the files api*.go.
package redrive
