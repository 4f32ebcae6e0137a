// Package deadletter is how a dead letter looks in Kafka: the topics that it is
// in, and the headers that say where it came from and why. Whoever writes,
// reads or redrives one goes through here. It imports only the record.
//
// A dead letter has the key, the value and the headers of the record that was
// given up, unchanged, and behind the headers one block of ours. Only that last
// block counts: a record may come with headers of the same names.
package deadletter

// Topic is where the dead letters of a topic go that a group has given up.
func Topic(topic, group string) string { return topic + "." + group + ".dlq" }

// Retry is where dead letters go to be handled again. Only the group reads it.
func Retry(topic, group string) string { return topic + "." + group + ".retry" }

// Redrives is where receipts are: one for each dead letter that was redriven.
func Redrives(topic, group string) string { return topic + "." + group + ".redrives" }
