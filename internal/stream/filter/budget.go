package filter

import (
	"sync"
	"time"
)

// What one client's filters may take of a processor: a tenth of it over time,
// and a second of it at once, as when it catches up.
const (
	budgetPart  = 10 // One in ten.
	budgetBurst = time.Second
)

// Budget is the time that the filters of one client may take: 100 ms a second,
// and up to one second that it has saved up. It begins full and is safe for
// concurrent use.
type Budget struct {
	mu   sync.Mutex
	left time.Duration
	at   time.Time
}

// NewBudget returns a full budget.
func NewBudget() *Budget { return &Budget{left: budgetBurst, at: time.Now()} }

// Spend takes d from the budget and reports whether there was enough. Where
// there was not, the client owes the rest: it has nothing until the debt is
// made up for. A negative d counts as 0.
func (b *Budget) Spend(d time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.left = min(budgetBurst, b.left+max(0, now.Sub(b.at))/budgetPart)
	b.at = now
	b.left = max(-budgetBurst, b.left-max(0, d))
	return b.left >= 0
}
