package stream

import (
	"bytes"
	"context"
	"time"

	"sluice/internal/stream/filter"
)

// Selection says which records a client wants. The zero value is all of them.
// It does not change the client's position, which passes over the others.
type Selection struct {
	// Partition, where set, is the only one.
	Partition *int32
	// Key, where not nil, is what a record's key must be.
	Key []byte
	// Filters must all be true of a record.
	Filters []*filter.Filter
}

func (s Selection) all() bool { return s.Partition == nil && s.Key == nil && len(s.Filters) == 0 }

func (s Selection) partition(p int32) bool { return s.Partition == nil || *s.Partition == p }

// plain reports whether a record is wanted but for the filters.
func (s Selection) plain(r *rec) bool {
	return s.partition(r.partition) && (s.Key == nil || r.key != nil && bytes.Equal(s.Key, r.key))
}

// choose returns which records of a batch the client wants. It is an error if
// the client's filters have taken too much time.
func (f *Feed) choose(b *batch) (func(int) bool, error) {
	if f.selection.all() {
		return func(int) bool { return true }, nil
	}
	verdicts := make([]*verdict, len(f.selection.Filters))
	for i, x := range f.selection.Filters {
		v, ok := b.judge(x, f.budget)
		if !ok {
			return nil, &Bye{ByeFilterCost}
		}
		f.hub.metrics.filterErrors.Add(float64(v.errs))
		verdicts[i] = v
	}
	return func(i int) bool {
		for _, v := range verdicts {
			if !v.match[i] {
				return false
			}
		}
		return f.selection.plain(&b.records[i])
	}, nil
}

// chooseOne reports whether a client that catches up wants a record, and whether
// its filters may look at another one now. A replay waits for that: it would
// otherwise end every time with a filter that costs next to nothing.
func (f *Feed) chooseOne(r *rec) (wanted, more bool) {
	if !f.selection.plain(r) {
		return false, true
	}
	if len(f.selection.Filters) == 0 {
		return true, true
	}
	begin := time.Now()
	seen := r.seen()
	wanted = true
	for _, x := range f.selection.Filters {
		ok, err := x.Match(context.Background(), seen)
		if err != nil {
			f.hub.metrics.filterErrors.Inc()
		}
		if wanted = ok && err == nil; !wanted {
			break
		}
	}
	return wanted, f.budget.Spend(time.Since(begin))
}
