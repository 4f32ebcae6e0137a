package load

import "fmt"

// IDSize is the width of a record's id: four digits for who sent it, fourteen
// for which of that sender's records it is. It is a multiple of three, so that
// an id can be put into a text that is already base64.
const IDSize = 18

const senderDigits = 4

// PutID writes an id into the first IDSize bytes of dst.
func PutID(dst []byte, sender int, seq int64) {
	for i := IDSize - 1; i >= senderDigits; i-- {
		dst[i] = byte('0' + seq%10)
		seq /= 10
	}
	for i := senderDigits - 1; i >= 0; i-- {
		dst[i] = byte('0' + sender%10)
		sender /= 10
	}
}

// ParseID reads what PutID wrote.
func ParseID(src []byte) (sender int, seq int64, err error) {
	if len(src) < IDSize {
		return 0, 0, fmt.Errorf("%q is too short for an id", src)
	}
	for i, c := range src[:IDSize] {
		if c < '0' || c > '9' {
			return 0, 0, fmt.Errorf("%q is not an id", src[:IDSize])
		}
		if i < senderDigits {
			sender = sender*10 + int(c-'0')
		} else {
			seq = seq*10 + int64(c-'0')
		}
	}
	return sender, seq, nil
}
