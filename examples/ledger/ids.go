package main

// idMemory knows of the last requests what has become of them, by account and
// id: what it has forgotten, it cannot compare.
type idMemory struct {
	*findings
	known map[requestKey]effect
	order []requestKey // the oldest first
}

// requestKey is an account and an id.
type requestKey [2]string

// effect is what became of a request. The topics are read side by side, so that
// what a duplicate is told of it may be known before.
type effect struct {
	outcome  string
	honoured bool // it was seen, and not only told of
}

// mostKnown bounds the memory for them.
const mostKnown = 200_000

// heard notes what became of a request, as it was honoured or as a duplicate is
// told. It is honoured once, and each duplicate is told the same.
func (m *idMemory) heard(account, id, outcome string, honoured bool) {
	key := requestKey{account, id}
	was, known := m.known[key]
	switch {
	case !known:
		m.order = append(m.order, key)
	case honoured && was.honoured:
		m.offend("request %s of account %s was honoured twice", id, account)
	case outcome != was.outcome:
		m.offend("request %s of account %s is said to have been %s, and %s", id, account, was.outcome, outcome)
	}
	if len(m.order) > mostKnown {
		delete(m.known, m.order[0])
		m.order = m.order[1:]
	}
	m.known[key] = effect{outcome, honoured || was.honoured}
}
