package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// requestID is what an id looks like: short, since an account keeps the last of
// them, and plain, since people read it.
var requestID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// parseTransfer reads what a client has sent, which can be anything. The error
// is for the client, and says all that is wrong; what could be read is returned
// beside it. Names count as they are written; where one is there twice, the last
// counts, as it does for the auditor.
func parseTransfer(value []byte) (t transfer, err error) {
	f := form{}
	if !utf8.Valid(value) || json.Unmarshal(value, &f.fields) != nil || f.fields == nil {
		return t, errors.New("it is not a JSON object in UTF-8")
	}
	t.ID = read(&f, "id", requestID.MatchString, "a text of 1 to 64 letters, digits or . _ : -")
	t.From = read(&f, "from", isCustomer, `an account, "0000" to "9999"`)
	t.To = read(&f, "to", isCustomer, `an account, "0000" to "9999"`)
	t.Amount = read(&f, "amount", isAmount, fmt.Sprintf("a whole number of cents, 1 to %d, without quotes", largest))
	if t.From != "" && t.From == t.To {
		f.wrong = append(f.wrong, "from and to are the same account")
	}
	if others := slices.Sorted(maps.Keys(f.fields)); len(others) > 0 {
		f.wrong = append(f.wrong, fmt.Sprintf("%.40q is not a field of a transfer", others[0]))
	}
	if f.wrong != nil {
		return t, errors.New(strings.Join(f.wrong, "; "))
	}
	return t, nil
}

// form is what is being read.
type form struct {
	fields map[string]json.RawMessage // that nobody has asked for yet
	wrong  []string
}

// read takes a field, which is zero where it is not what it has to be.
func read[T any](f *form, name string, fits func(T) bool, what string) T {
	var v, none T
	text := f.fields[name]
	delete(f.fields, name)
	if string(text) == "null" || json.Unmarshal(text, &v) != nil || !fits(v) {
		f.wrong = append(f.wrong, name+" has to be "+what)
		return none
	}
	return v
}
