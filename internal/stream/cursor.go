package stream

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"strings"

	"sluice/record"
)

const (
	// MaxCursor is how long the text of a cursor may be, in bytes.
	MaxCursor = 4096
	// MaxPartitions is how many partitions a cursor may have in all.
	MaxPartitions = 500
	// maxTopics is how many topics one client may watch at a time.
	maxTopics = 50

	cursorPrefix = "v1."
)

// Cursor is the position of a client in each topic that it watches.
//
// Its text is "v1." and base64url, without padding, of: the number of topics;
// for each its id (16 bytes), four bytes of the SHA-256 of its name, the number
// of its partitions and the next offset of each, from partition 0 on; and the
// CRC-32C of all that, which finds damage and proves nothing. Numbers are
// unsigned varints.
type Cursor []TopicCursor

// TopicCursor is the position in one topic.
type TopicCursor struct {
	ID record.TopicID
	// name is a part of the hash of the topic's name. A topic of this name
	// and another id was made anew.
	name [4]byte
	// Next are the next offsets, by partition.
	Next []int64
}

// errBadCursor is what is wrong with a cursor that is not one.
var errBadCursor = errors.New("the cursor is not one that this service has made")

func nameHash(topic string) [4]byte {
	sum := sha256.Sum256([]byte(topic))
	return [4]byte(sum[:4])
}

// String returns the text.
func (c Cursor) String() string { return string(c.appendText(nil)) }

func (c Cursor) appendText(dst []byte) []byte {
	buf := binary.AppendUvarint(make([]byte, 0, 256), uint64(len(c)))
	for _, t := range c {
		buf = append(buf, t.ID[:]...)
		buf = append(buf, t.name[:]...)
		buf = binary.AppendUvarint(buf, uint64(len(t.Next)))
		for _, next := range t.Next {
			buf = binary.AppendUvarint(buf, uint64(max(next, 0)))
		}
	}
	buf = binary.BigEndian.AppendUint32(buf, crc32.Checksum(buf, castagnoli))
	dst = append(dst, cursorPrefix...)
	return base64.RawURLEncoding.AppendEncode(dst, buf)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ParseCursor reads the text of a cursor. Whatever the text, it takes no more
// memory than a cursor of the largest size.
func ParseCursor(text string) (Cursor, error) {
	encoded, ok := strings.CutPrefix(text, cursorPrefix)
	if !ok || len(text) > MaxCursor {
		return nil, errBadCursor
	}
	buf, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(buf) < 4 {
		return nil, errBadCursor
	}
	payload, sum := buf[:len(buf)-4], binary.BigEndian.Uint32(buf[len(buf)-4:])
	if crc32.Checksum(payload, castagnoli) != sum {
		return nil, errBadCursor
	}
	in := reader{payload}
	c := Cursor{}
	partitions := 0
	for n := in.number(maxTopics); n > 0; n-- {
		var t TopicCursor
		in.bytes(t.ID[:])
		in.bytes(t.name[:])
		count := in.number(MaxPartitions)
		if partitions += int(count); partitions > MaxPartitions || int(count) > len(in.left) {
			return nil, errBadCursor
		}
		t.Next = make([]int64, count)
		for p := range t.Next {
			t.Next[p] = in.number(math.MaxInt64)
		}
		c = append(c, t)
	}
	if in.left == nil || len(in.left) > 0 {
		return nil, errBadCursor
	}
	return c, nil
}

// reader takes a payload apart. When something is missing or too large, left
// becomes nil and stays so.
type reader struct{ left []byte }

func (r *reader) number(most uint64) int64 {
	n, size := binary.Uvarint(r.left)
	if size <= 0 || n > most {
		r.left = nil
		return 0
	}
	r.left = r.left[size:]
	return int64(n) //nolint:gosec // G115: at most what fits.
}

func (r *reader) bytes(to []byte) {
	if len(r.left) < len(to) {
		r.left = nil
		return
	}
	r.left = r.left[copy(to, r.left):]
}

// find returns the position in the topic, and whether the cursor has one. A
// topic that has the name and another id was made anew after the cursor.
func (c Cursor) find(topic string, id record.TopicID) (at TopicCursor, found, anew bool) {
	hash := nameHash(topic)
	for _, t := range c {
		switch {
		case t.name != hash:
		case t.ID == id:
			return t, true, false
		default:
			anew = true
		}
	}
	return TopicCursor{}, false, anew
}
