package main

// book recomputes every account from the entries of the ledger, and compares
// what others say of it: the balances, and refusals for missing funds. They are
// read side by side, so any of them may come first.
type book struct {
	*findings
	sheets map[string]*sheet
	// total is the money of all accounts, and clearing that of the clearing
	// accounts: what is on its way.
	total, clearing int64
	compared        int64 // claims that were held against others
}

// sheet is an account as the entries say it is.
type sheet struct {
	claim
	table claim // what the newest record of the balances says
	// heard is what was claimed first of each of the last postings: that of
	// posting n is at n modulo the length.
	heard []claim
}

// claim is what an account has behind so many postings.
type claim struct{ n, balance int64 }

// A clearing account has a posting for each entry of its branch, so what is said
// of it is further apart.
const (
	keepCustomer = 32
	keepClearing = 8192
)

func newBook(f *findings) *book {
	b := &book{findings: f, sheets: map[string]*sheet{}, total: customers * opening}
	for n := range int32(branches) {
		b.sheets[clearingOf(n)] = newSheet(0, keepClearing)
	}
	return b
}

func newSheet(balance int64, keep int) *sheet {
	c := claim{0, balance}
	return &sheet{claim: c, table: c, heard: append([]claim{c}, make([]claim, keep-1)...)}
}

// sheet is that of an account; where there is none of the name, an empty one.
func (b *book) sheet(account string) *sheet {
	switch {
	case b.sheets[account] != nil:
	case isCustomer(account):
		b.sheets[account] = newSheet(opening, keepCustomer)
	default:
		b.offend("there is no account %.40q", account)
		return newSheet(0, 1)
	}
	return b.sheets[account]
}

// post takes in a posting of the ledger.
func (b *book) post(p posting) {
	s := b.sheet(p.Account)
	switch next := s.n + 1; {
	case p.N > next:
		b.offend("account %s: its postings %d to %d are missing", p.Account, next, p.N-1)
	case p.N < next:
		b.offend("account %s: its posting %d is there again, or too late", p.Account, p.N)
		return
	case p.Balance != s.balance+p.Delta:
		b.offend("account %s: %d%+d is not %d (posting %d)", p.Account, s.balance, p.Delta, p.Balance, p.N)
	}
	b.total += p.Balance - s.balance
	if !isCustomer(p.Account) {
		b.clearing += p.Balance - s.balance
	} else if p.Balance < 0 {
		b.offend("account %s: it has %d, less than nothing (posting %d)", p.Account, p.Balance, p.N)
	}
	s.claim = claim{p.N, p.Balance}
	b.compare(p.Account, s, s.claim)
}

// balance takes in a record of the table.
func (b *book) balance(a account) {
	s := b.sheet(a.Name)
	if a.N < s.table.n {
		b.offend("account %s: its balance went back from posting %d to %d", a.Name, s.table.n, a.N)
	}
	s.table = claim{a.N, a.Balance}
	b.compare(a.Name, s, s.table)
}

// refused takes in what was said of an account whose funds were missing.
func (b *book) refused(r rejection) {
	if r.Balance >= r.Amount {
		b.offend("account %s: %d were refused, and it had %d", r.Account, r.Amount, r.Balance)
	}
	b.compare(r.Account, b.sheet(r.Account), claim{r.N, r.Balance})
}

// compare holds a claim against what was claimed first of the same posting. Of
// one that is older than what is kept, nothing can be said.
func (b *book) compare(account string, s *sheet, c claim) {
	first := &s.heard[max(c.n, 0)%int64(len(s.heard))]
	switch {
	case c.n > first.n:
		*first = c
	case c.n == first.n:
		b.compared++
		if c != *first {
			b.offend("account %s: its balance behind posting %d is said to be %d, and %d", account, c.n, first.balance, c.balance)
		}
	}
}

// even reports whether the table ends with what the entries end with, for every
// account, and nothing is on its way.
func (b *book) even() bool {
	for _, s := range b.sheets {
		if s.table != s.claim {
			return false
		}
	}
	return b.clearing == 0 && b.total == customers*opening
}
