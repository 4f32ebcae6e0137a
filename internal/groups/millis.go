package groups

import "time"

// inverse × 15625 = 1, in 64 bits.
const inverse = 0x790f_b656_68c2_6139

// millis returns a record's timestamp in milliseconds, as it is in Kafka. The
// client multiplies it by a million to get nanoseconds, which for a time after
// the year 2262 does not fit and gives one in the past. A million is 2^6 ×
// 15625, and multiplying by an odd number can be undone however often it has
// wrapped; only the uppermost 6 bits are lost, which no real time has.
func millis(t time.Time) int64 {
	shifted := t.UnixNano() >> 6
	return shifted * inverse << 6 >> 6
}
