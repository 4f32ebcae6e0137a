// Package stream is the fan-out plane: it reads topics without a group and
// gives every record to everyone who watches, in the order of its partition,
// from a cursor that any replica can resume. It knows nothing of HTTP; see
// the package live for that.
//
// A Hub has one tail for each topic that is watched. The tail reads the
// partitions from Kafka into the topic's ring, a bounded run of batches. A
// Feed is one client: a position in the ring, or, where that is older than the
// ring, in blocks that are read from Kafka again and shared by all who need
// them. There is no queue for a client, so a slow one costs nothing and blocks
// nobody.
package stream
