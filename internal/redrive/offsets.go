package redrive

// chunkSize is how many offsets share a chunk.
const chunkSize = 1 << 16

// offsets is a set of offsets of one partition. Letters are redriven in long
// runs, and a chunk that is full needs no memory of its own; the worst that
// filters can do is one bit a letter.
type offsets struct{ chunks map[int64]*chunk }

type chunk struct {
	count int
	bits  *[chunkSize / 64]uint64 // nil when it is full
}

// add puts an offset, which is not negative, into the set.
func (s *offsets) add(offset int64) {
	if s.has(offset) {
		return
	}
	if s.chunks == nil {
		s.chunks = map[int64]*chunk{}
	}
	c := s.chunks[offset/chunkSize]
	if c == nil {
		c = &chunk{bits: new([chunkSize / 64]uint64)}
		s.chunks[offset/chunkSize] = c
	}
	at := offset % chunkSize
	c.bits[at/64] |= 1 << (at % 64)
	if c.count++; c.count == chunkSize {
		c.bits = nil
	}
}

// remove takes an offset out of the set.
func (s *offsets) remove(offset int64) {
	if !s.has(offset) {
		return
	}
	c := s.chunks[offset/chunkSize]
	if c.bits == nil {
		c.bits = new([chunkSize / 64]uint64)
		for i := range c.bits {
			c.bits[i] = ^uint64(0)
		}
	}
	at := offset % chunkSize
	c.bits[at/64] &^= 1 << (at % 64)
	if c.count--; c.count == 0 {
		delete(s.chunks, offset/chunkSize)
	}
}

// has reports whether an offset is in the set. A nil set has none.
func (s *offsets) has(offset int64) bool {
	if s == nil {
		return false
	}
	c := s.chunks[offset/chunkSize]
	if c == nil || c.bits == nil {
		return c != nil
	}
	at := offset % chunkSize
	return c.bits[at/64]&(1<<(at%64)) != 0
}
