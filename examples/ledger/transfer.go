package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
// beside it.
func parseTransfer(value []byte) (transfer, error) {
	found, err := members(value)
	if err != nil {
		return transfer{}, err
	}
	var t transfer
	var wrong []string
	for name := range found {
		if !slices.Contains([]string{"id", "from", "to", "amount"}, name) {
			wrong = append(wrong, fmt.Sprintf("%.40q is not a field of a transfer", name))
		}
	}
	slices.Sort(wrong)
	if id, _ := found["id"].(string); requestID.MatchString(id) {
		t.ID = id
	} else {
		wrong = append(wrong, "id has to be a text of 1 to 64 letters, digits or . _ : -")
	}
	if from, _ := found["from"].(string); isCustomer(from) {
		t.From = from
	} else {
		wrong = append(wrong, `from has to be an account, "0000" to "9999"`)
	}
	if to, _ := found["to"].(string); isCustomer(to) {
		t.To = to
	} else {
		wrong = append(wrong, `to has to be an account, "0000" to "9999"`)
	}
	if t.From != "" && t.From == t.To {
		wrong = append(wrong, "from and to are the same account")
	}
	number, _ := found["amount"].(json.Number)
	if amount, err := number.Int64(); err == nil && amount > 0 && amount <= largest {
		t.Amount = amount
	} else {
		wrong = append(wrong, fmt.Sprintf("amount has to be a whole number of cents, 1 to %d, without quotes", largest))
	}
	if wrong != nil {
		return t, errors.New(strings.Join(wrong, "; "))
	}
	return t, nil
}

// members reads a JSON object of texts and numbers. Names count as they are
// written, and twice is an error: a reader that took the first and one that took
// the last would not agree on what was asked for.
func members(value []byte) (map[string]any, error) {
	notJSON := errors.New("it is not a JSON object in UTF-8")
	if !utf8.Valid(value) {
		return nil, notJSON
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, notJSON
	}
	found := map[string]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, notJSON
		}
		member, err := d.Token()
		if err != nil {
			return nil, notJSON
		}
		key, _ := name.(string) // The decoder takes nothing else for a name.
		if _, nested := member.(json.Delim); nested {
			return nil, fmt.Errorf("%.40q has to be a text or a number", key)
		}
		if _, twice := found[key]; twice {
			return nil, fmt.Errorf("%.40q is there twice", key)
		}
		found[key] = member
	}
	if _, err := d.Token(); err != nil {
		return nil, notJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, notJSON
	}
	return found, nil
}
