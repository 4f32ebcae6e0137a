package consumer

import (
	"fmt"
	"time"
)

// timeOf returns when a record was written according to it. The Kafka client
// computes that in nanoseconds, which overflow for times before 1677 and after
// 2262: the year 9999 comes as 1816. But nothing is lost, since what has
// overflowed is a multiple of a million: a million is 2⁶ times 15625, which has
// an inverse modulo 2⁶⁴, so all but the upper six bits of the milliseconds come
// back.
func timeOf(t time.Time) time.Time {
	const inverse = 0x790fb65668c26139 // of 15625
	return time.UnixMilli((t.UnixNano() >> 6 * inverse) << 6 >> 6)
}

// The times that the Kafka client can write.
var (
	firstTime = time.Unix(0, -1<<63)
	lastTime  = time.Unix(0, 1<<63-1)
)

// writable tells of a time that the client would write as another one.
func writable(t time.Time) error {
	if t.IsZero() || !t.Before(firstTime) && !t.After(lastTime) {
		return nil
	}
	return fmt.Errorf("the time %s cannot be written, only one of the years 1678 to 2261; zero is now", t.UTC().Format(time.RFC3339))
}
