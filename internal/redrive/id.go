package redrive

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"hash/fnv"
)

// identity is what an id says to us; to everybody else it is 32 characters. It
// carries where the status is, so that any replica finds it without reading
// all receipts that there ever were.
type identity struct {
	random [8]byte
	home   uint32 // the sum of the topic in whose redrives topic it is
	offset int64  // its first status is at this offset, or behind it
}

var idEncoding = base32.HexEncoding.WithPadding(base32.NoPadding)

func newIdentity(topic string, offset int64) identity {
	id := identity{home: sum(topic), offset: offset}
	_, _ = rand.Read(id.random[:]) // It never fails.
	return id
}

// String returns the id.
func (i identity) String() string {
	raw := append([]byte{}, i.random[:]...)
	raw = binary.BigEndian.AppendUint32(raw, i.home)
	raw = binary.BigEndian.AppendUint64(raw, uint64(i.offset)) //nolint:gosec // G115: an offset is not negative.
	return idEncoding.EncodeToString(raw)
}

// parseIdentity reads an id. It reports false for what String never returns.
func parseIdentity(id string) (i identity, ok bool) {
	raw, err := idEncoding.DecodeString(id)
	if err != nil || len(raw) != 20 || len(id) != 32 {
		return i, false
	}
	copy(i.random[:], raw)
	i.home = binary.BigEndian.Uint32(raw[8:])
	i.offset = int64(binary.BigEndian.Uint64(raw[12:])) //nolint:gosec // G115: checked below.
	return i, i.offset >= 0
}

func sum(topic string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(topic)) // It never fails.
	return h.Sum32()
}
