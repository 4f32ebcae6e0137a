package redrive

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// tallySize bounds the different values that are counted at a time.
	tallySize = 1000
	// topValues is how many of them are shown.
	topValues = 10
	// briefSize bounds what is kept of a text that somebody else may have
	// written.
	briefSize = 1024
)

// Count is how often a value was seen.
type Count struct {
	Value string `json:"value" doc:"The value; at most 1 KiB of it."`
	Count int64  `json:"count" doc:"How many dead letters have it."`
}

// Histogram is why dead letters are there.
type Histogram struct {
	Classes  []Count `json:"classes" doc:"By error class, the most frequent first; ten at most."`
	Handlers []Count `json:"handlers" doc:"By handler, the most frequent first; ten at most."`
	Messages []Count `json:"messages" doc:"By the error's message, the most frequent first; ten at most."`
	// Approximate says that there were too many different values to count them
	// all: each count may then be too low by a thousandth of all letters.
	Approximate bool `json:"approximate,omitempty" doc:"There were too many different values: a count may be too low by a thousandth of all letters."`
}

// tally counts values in bounded memory, by Misra and Gries: whatever makes up
// more than a thousandth of all is in it.
type tally struct {
	counts      map[string]int64
	approximate bool
}

func (t *tally) add(value string) {
	value = brief(value)
	if t.counts == nil {
		t.counts = map[string]int64{}
	}
	if _, ok := t.counts[value]; ok || len(t.counts) < tallySize {
		t.counts[value]++
		return
	}
	t.approximate = true
	for v := range t.counts {
		if t.counts[v]--; t.counts[v] == 0 {
			delete(t.counts, v)
		}
	}
}

// top returns the most frequent values.
func (t *tally) top() []Count {
	all := make([]Count, 0, len(t.counts))
	for value, n := range t.counts {
		all = append(all, Count{value, n})
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	return all[:min(len(all), topValues)]
}

// reasons counts letters by what the block says of them.
type reasons struct{ classes, handlers, messages tally }

func (r *reasons) add(l *letter) {
	r.classes.add(string(l.Class))
	r.handlers.add(l.Handler)
	r.messages.add(l.Message)
}

func (r *reasons) histogram() *Histogram {
	return &Histogram{
		Classes: r.classes.top(), Handlers: r.handlers.top(), Messages: r.messages.top(),
		Approximate: r.classes.approximate || r.handlers.approximate || r.messages.approximate,
	}
}

// brief makes a text valid and short. A new string, since a part of a large one
// would hold all of it.
func brief(s string) string {
	if len(s) > briefSize {
		end := briefSize
		for end > briefSize-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		s = strings.Clone(s[:end])
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
