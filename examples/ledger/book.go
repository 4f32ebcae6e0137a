package main

import "slices"

// book recomputes every account from the entries of the ledger, and compares
// what others say of it: the balances, and refusals for missing funds. It does
// not wait for its input to be in step: what is said of an account of later is
// kept until the entries have come so far.
type book struct {
	sheets map[string]*sheet
	// total is the money of all accounts, and clearing that of the clearing
	// accounts: what is on its way.
	total, clearing int64
	compared        int64 // claims that were held against the entries
	offend          func(format string, args ...any)
}

// sheet is an account as the entries say it is.
type sheet struct {
	claim
	recent []int64 // the balances behind the last postings, the newest last
	ahead  []claim // what is said of postings that have not come
	table  claim   // what the newest record of the balances says
	// debited is, by partition of the topic transfers, the last one debited.
	debited map[int32]int64
}

// claim is what an account has behind so many postings.
type claim struct{ n, balance int64 }

// A clearing account has a posting for each entry of its branch, so what is said
// of it is further behind.
const (
	keepCustomer = 32
	keepClearing = 8192
)

func newBook(offend func(format string, args ...any)) *book {
	return &book{sheets: map[string]*sheet{}, total: customers * opening, offend: offend}
}

// sheet is that of an account, or nil where there is none of the name.
func (b *book) sheet(account string) *sheet {
	s := b.sheets[account]
	if s != nil {
		return s
	}
	switch {
	case isCustomer(account):
		s = &sheet{claim: claim{0, opening}}
	case isClearing(account):
		s = new(sheet)
	default:
		b.offend("there is no account %.40q", account)
		return nil
	}
	s.table, s.recent = s.claim, []int64{s.balance}
	b.sheets[account] = s
	return s
}

func isClearing(account string) bool {
	for n := range int32(branches) {
		if account == clearingOf(n) {
			return true
		}
	}
	return false
}

// post takes in a posting of the ledger.
func (b *book) post(p posting) {
	s := b.sheet(p.Account)
	if s == nil {
		return
	}
	switch next := s.n + 1; {
	case p.N > next:
		b.offend("account %s: its postings %d to %d are missing", p.Account, next, p.N-1)
	case p.N < next:
		b.offend("account %s: its posting %d is there again, or too late", p.Account, p.N)
		return
	case p.Balance != s.balance+p.Delta:
		b.offend("account %s: %d%+d is not %d (posting %d)", p.Account, s.balance, p.Delta, p.Balance, p.N)
	}
	customer := isCustomer(p.Account)
	if customer && p.Balance < 0 {
		b.offend("account %s: it has %d, less than nothing (posting %d)", p.Account, p.Balance, p.N)
	}
	b.total += p.Balance - s.balance
	if !customer {
		b.clearing += p.Balance - s.balance
	}
	if p.N != s.n+1 {
		s.recent = s.recent[:0] // What was between is not known.
	}
	s.claim = claim{p.N, p.Balance}
	s.recent = append(s.recent, p.Balance)
	if most := keep(customer); len(s.recent) >= 2*most {
		s.recent = slices.Delete(s.recent, 0, len(s.recent)-most)
	}
	for len(s.ahead) > 0 && s.ahead[0].n <= s.n {
		b.compare(p.Account, s, s.ahead[0])
		s.ahead = s.ahead[1:]
	}
}

func keep(customer bool) int {
	if customer {
		return keepCustomer
	}
	return keepClearing
}

// balance takes in a record of the table.
func (b *book) balance(a account) {
	s := b.sheet(a.Name)
	if s == nil {
		return
	}
	if a.N < s.table.n {
		b.offend("account %s: its balance went back from posting %d to %d", a.Name, s.table.n, a.N)
	}
	s.table = claim{a.N, a.Balance}
	b.hear(a.Name, s, s.table)
}

// refused takes in what was said of an account whose funds were missing.
func (b *book) refused(r rejection) {
	s := b.sheet(r.Account)
	if s == nil {
		return
	}
	if r.Balance >= r.Amount {
		b.offend("account %s: %d were refused, and it had %d", r.Account, r.Amount, r.Balance)
	}
	b.hear(r.Account, s, claim{r.N, r.Balance})
}

// hear compares a claim with the entries, now or when they have come so far.
func (b *book) hear(account string, s *sheet, c claim) {
	if c.n <= s.n {
		b.compare(account, s, c)
		return
	}
	at, _ := slices.BinarySearchFunc(s.ahead, c.n+1, func(other claim, n int64) int { return int(other.n - n) })
	s.ahead = slices.Insert(s.ahead, at, c)
	if most := keep(isCustomer(account)); len(s.ahead) > most {
		s.ahead = slices.Delete(s.ahead, 0, len(s.ahead)-most) // The newest count: they are what the table ends with.
	}
}

// compare holds a claim against the entries. One that is older than what is kept
// of them cannot be compared, and is not counted.
func (b *book) compare(account string, s *sheet, c claim) {
	at := len(s.recent) - 1 - int(s.n-c.n)
	if at < 0 {
		return
	}
	b.compared++
	if s.recent[at] != c.balance {
		b.offend("account %s: its balance is said to be %d behind posting %d, and the entries say %d", account, c.balance, c.n, s.recent[at])
	}
}

// debit takes in that a transfer was debited, whose place in the topic transfers
// is known: an account's transfers are debited in the order in which they came.
func (b *book) debit(account string, at place) {
	s := b.sheet(account)
	if s == nil {
		return
	}
	if last, ok := s.debited[at.partition]; ok && at.offset <= last {
		b.offend("account %s: transfer %s was debited behind %s, which came later", account, at, place{at.partition, last})
	}
	if s.debited == nil {
		s.debited = map[int32]int64{}
	}
	s.debited[at.partition] = at.offset
}

// even reports whether the table ends with what the entries end with, for every
// account, and nothing is on its way.
func (b *book) even() bool {
	if b.clearing != 0 || b.total != customers*opening {
		return false
	}
	for _, s := range b.sheets {
		if s.table != s.claim || len(s.ahead) > 0 {
			return false
		}
	}
	return true
}
