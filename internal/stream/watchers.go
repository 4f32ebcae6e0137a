package stream

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Watcher is one client, as those who run the service see it.
type Watcher struct {
	Principal string // "" where no authentication is configured
	Remote    string // the address that it is connected from
	Format    Format
	Topics    []string
	Filter    string
	Since     time.Time
	Delivered uint64 // records
	Behind    int64  // records that it has not been sent yet; a few seconds old
}

// about is what is known of a feed from outside.
type about struct {
	remote    string
	since     time.Time
	topics    []string
	delivered atomic.Uint64
	behind    atomic.Int64
	sink      atomic.Pointer[Sink] // once it runs
}

// Watchers returns the clients, those that have been there for longest first.
func (h *Hub) Watchers() []Watcher {
	h.mu.Lock()
	all := make([]Watcher, 0, len(h.feeds))
	for f := range h.feeds {
		all = append(all, f.watcher())
	}
	h.mu.Unlock()
	slices.SortFunc(all, func(a, b Watcher) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Remote, b.Remote)) })
	return all
}

func (f *Feed) watcher() Watcher {
	w := Watcher{
		Principal: f.principal.Name(), Remote: f.about.remote, Format: f.form.Format, Topics: f.about.topics, Since: f.about.since,
		Delivered: f.about.delivered.Load(), Behind: f.about.behind.Load(),
	}
	var texts []string
	for _, x := range f.selection.Filters {
		texts = append(texts, x.Text())
	}
	w.Filter = strings.Join(texts, " && ")
	return w
}

// sent counts what a client was sent.
func (f *Feed) sent(records, bytes int) {
	f.about.delivered.Add(uint64(records)) //nolint:gosec // G115: a count.
	f.hub.metrics.sent(records, bytes)
}

// measure finds out how far behind the client is.
func (f *Feed) measure() {
	behind := int64(0)
	for _, c := range f.courses {
		for p, next := range c.tail.ring.look(0, 0).next {
			if p < len(c.at) && f.selection.partition(int32(p)) {
				behind += max(next-c.at[p], 0)
			}
		}
	}
	f.about.behind.Store(behind)
}
