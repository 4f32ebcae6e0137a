package main

import "fmt"

// pair compares two accounts of the same things, in the same order: that which
// is due, and that which was told. Either may be ahead of the other. It compares
// up to the first difference, behind which nothing fits.
type pair[T comparable] struct {
	due, told []T
	broken    bool
}

// match drops what both have and returns it, and where they differ. As each is
// there once and in order, this finds what is lost, repeated, disordered or wrong.
func (p *pair[T]) match(name string) (agreed []T, wrong []string) {
	for len(p.due) > 0 && len(p.told) > 0 && !p.broken {
		if p.due[0] != p.told[0] {
			p.broken = true
			wrong = []string{fmt.Sprintf("%s: %+v is due, and was told as %+v", name, p.due[0], p.told[0])}
			break
		}
		agreed = append(agreed, p.due[0])
		p.due, p.told = p.due[1:], p.told[1:]
	}
	if p.broken {
		p.due, p.told = nil, nil
	}
	return agreed, wrong
}

// waiting counts what was said on one side only.
func (p *pair[T]) waiting() int { return len(p.due) + len(p.told) }
