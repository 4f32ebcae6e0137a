package groups

import (
	"context"
	"time"
)

// SetNow makes an Inspector measure from a time.
func (i *Inspector) SetNow(now time.Time) { i.now = func() time.Time { return now } }

// Look looks once, at a time.
func (w *Watch) Look(ctx context.Context, now time.Time) {
	w.SetNow(now)
	w.look(ctx)
}

// SetNow makes a Watch, and what it asks, measure from a time.
func (w *Watch) SetNow(now time.Time) {
	w.now = func() time.Time { return now }
	w.inspector.SetNow(now)
}
