package main

import "regexp"

const (
	maxTemplates = 200 // Of a service, in the time that is kept; all the others are otherLines.
	maxTemplate  = 160 // Bytes.
	otherLines   = "(other)"
)

// variable finds what differs from line to line: each group is a kind of it.
var variable = regexp.MustCompile(`("(?:[^"\\]|\\.)*"|\B'[^']*'\B)` + // A quoted text.
	`|\b(\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7})\b` + // An address.
	`|\b(0x[0-9a-fA-F]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{8,})\b` + // Hexadecimal.
	`|\b(\d+(?:[.,:]\d+)*)` + // A number, with or without a unit behind it.
	`|\b([A-Za-z_]+\d\w*)\b`) // An id.

// placeholders stand for the groups of variable.
var placeholders = [...]string{"", "<str>", "<addr>", "<hex>", "<n>", "<id>"}

// template returns what a line has in common with others of its kind.
func template(text string) string {
	text = cut(text, 4*maxTemplate)
	out, from := make([]byte, 0, len(text)), 0
	for _, m := range variable.FindAllStringSubmatchIndex(text, -1) {
		out = append(out, text[from:m[0]]...)
		for group := 1; group < len(placeholders); group++ {
			if m[2*group] >= 0 {
				out = append(out, placeholders[group]...)
			}
		}
		from = m[1]
	}
	return cut(string(append(out, text[from:]...)), maxTemplate)
}
