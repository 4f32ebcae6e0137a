package filter

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
)

// SyntaxError says what is wrong with an expression, and where. Its texts are
// written for the client, and may quote the expression.
type SyntaxError struct {
	Line    int // from 1
	Column  int // from 1, in characters
	Message string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("filter, line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// maxMessage is how long a message may be, in bytes: the parser lists all that
// it would have taken.
const maxMessage = 600

// newSyntaxError makes an error of a place as CEL counts: columns from 0, and
// -1 for a place that it does not know.
func newSyntaxError(line, column int, message string) *SyntaxError {
	return &SyntaxError{Line: max(1, line), Column: max(0, column) + 1, Message: shorten(message)}
}

// issue returns the first of CEL's errors in the order of the text.
func issue(issues *cel.Issues) *SyntaxError {
	var first *SyntaxError
	for _, e := range issues.Errors() {
		at := newSyntaxError(e.Location.Line(), e.Location.Column(), explain(e.Message))
		if first == nil || at.Line < first.Line || at.Line == first.Line && at.Column < first.Column {
			first = at
		}
	}
	if first == nil { // There is none without a place today.
		return newSyntaxError(1, 0, explain(issues.Err().Error()))
	}
	return first
}

// explain adds to a message of CEL's what to do.
func explain(message string) string {
	message = strings.TrimPrefix(message, "Syntax error: ")
	message = strings.ReplaceAll(message, " (in container '')", "")
	name, undeclared := strings.CutPrefix(message, "undeclared reference to '")
	name, _, _ = strings.Cut(name, "'")
	switch {
	case undeclared && slices.Contains(functions, name):
		message = fmt.Sprintf("%s is not used like this; see the examples of filters", name)
		if slices.Contains(quantifiers, name) {
			message = fmt.Sprintf("%s takes a name and a condition, as in value.items.%s(item, item.price > 10)", name, name)
		}
	case undeclared:
		message += "; the variables are " + strings.Join(variableNames, ", ")
	case message == "invalid int literal":
		message += "; whole numbers from 9223372036854775808 on are written with a u behind them"
	default:
		// What would have been taken there is a list of the grammar's tokens.
		message, _, _ = strings.Cut(message, " expecting ")
		message = strings.ReplaceAll(message, "'<EOF>'", "(the end)")
	}
	return message
}

func shorten(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	s = s[:maxMessage]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
