package reader

import (
	"bytes"
	"errors"
	"strconv"
)

// Stamp is what the benchmark writes into a record.
type Stamp struct {
	// Number counts the records, from 0 on.
	Number int64
	// At is when the record was handed to the producer, in nanoseconds since
	// 1970; 0 for one whose latency is not measured.
	At int64
}

// Least is the size of the smallest value.
const Least = 64

// AppendValue appends a value of so many bytes, which is JSON.
func AppendValue(dst []byte, s Stamp, size int) []byte {
	begin := len(dst)
	dst = append(dst, `{"n":`...)
	dst = strconv.AppendInt(dst, s.Number, 10)
	dst = append(dst, `,"at":`...)
	dst = strconv.AppendInt(dst, s.At, 10)
	dst = append(dst, `,"text":"`...)
	for len(dst)-begin < size-2 {
		dst = append(dst, "abcdefghijklmnopqrstuvwxyz"[len(dst)%26])
	}
	return append(dst, `"}`...)
}

var errForeign = errors.New("a record is not one of the benchmark's")

// readStamp finds the stamp, and the partition, in the data of an event.
func readStamp(data []byte) (s Stamp, partition int64, err error) {
	_, rest, ok := bytes.Cut(data, []byte(`"partition":`))
	if !ok {
		return s, 0, errForeign
	}
	if partition, rest, ok = number(rest); !ok {
		return s, 0, errForeign
	}
	if _, rest, ok = bytes.Cut(rest, []byte(`"value":{"n":`)); !ok {
		return s, 0, errForeign
	}
	if s.Number, rest, ok = number(rest); !ok {
		return s, 0, errForeign
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(`,"at":`)); !ok {
		return s, 0, errForeign
	}
	if s.At, _, ok = number(rest); !ok {
		return s, 0, errForeign
	}
	return s, partition, nil
}

// number reads a number that is not negative.
func number(text []byte) (n int64, rest []byte, ok bool) {
	i := 0
	for ; i < len(text) && i < 19 && '0' <= text[i] && text[i] <= '9'; i++ {
		n = n*10 + int64(text[i]-'0')
	}
	return n, text[i:], i > 0 && n >= 0
}
