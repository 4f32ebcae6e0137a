package kafka

import "time"

// Millis returns a record's timestamp in milliseconds, as it is in Kafka. The
// client computes it in nanoseconds, which overflow for times before 1677 and
// after 2262: the year 9999 comes as 1816. But nothing is lost, since what has
// overflowed is a multiple of a million: a million is 2⁶ times 15625, which has
// an inverse modulo 2⁶⁴, so all but the upper six bits of the milliseconds come
// back, and no real time has those.
func Millis(t time.Time) int64 {
	const inverse = 0x790f_b656_68c2_6139 // of 15625
	return t.UnixNano() >> 6 * inverse << 6 >> 6
}

// Time returns a record's timestamp as it is in Kafka; see Millis.
func Time(t time.Time) time.Time { return time.UnixMilli(Millis(t)) }
