package member

import "sync/atomic"

// first says, once, that a record has come.
type first struct {
	said atomic.Bool
	say  func()
}

func newFirst(say func()) *first { return &first{say: say} }

// came is called for every record, so it is cheap for all but the first.
func (f *first) came() {
	if !f.said.Load() && f.said.CompareAndSwap(false, true) {
		f.say()
	}
}
