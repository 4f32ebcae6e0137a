package filter

import (
	"fmt"
	"regexp"
	"regexp/syntax"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// maxPattern is how many instructions a pattern may have. "[a-z]+" has four;
// a repetition with a bound has those of its body as many times.
const maxPattern = 1000

// matchesFunction is CEL's function that takes a regular expression.
const matchesFunction = "matches"

// pattern is a regular expression that is written in an expression.
type pattern struct {
	expr *regexp.Regexp
	size int // in instructions
}

// compilePattern compiles a pattern of a bounded size.
func compilePattern(text string) (*pattern, error) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the pattern of matches() is not in RE2 syntax: %w", err)
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("the pattern of matches() cannot be compiled: %w", err)
	}
	if len(prog.Inst) > maxPattern {
		return nil, fmt.Errorf("the pattern of matches() has %d instructions, and %d are allowed: use smaller bounds of repetition", len(prog.Inst), maxPattern)
	}
	expr, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("the pattern of matches() is not in RE2 syntax: %w", err)
	}
	return &pattern{expr: expr, size: len(prog.Inst)}, nil
}

// cost is what a match of the text may take at most: a step of each
// instruction for each byte, and two of these take as long as one unit of
// cost.
func (p *pattern) cost(text int) uint64 { return uint64(text) * uint64(p.size) / 2 } //nolint:gosec // Both are lengths.

// match is the function matches. A match cannot be interrupted, so one that
// could exceed the limit by itself is not begun.
func (p *pattern) match(args ...ref.Val) ref.Val {
	s, ok := args[0].(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(args[0])
	}
	if p.cost(len(s)) > maxCost {
		return types.WrapErr(fmt.Errorf("%w: a text of %d bytes is too long for a pattern of %d instructions", ErrTooCostly, len(s), p.size))
	}
	return types.Bool(p.expr.MatchString(string(s)))
}

// patterns are those of one expression, by their text.
type patterns map[string]*pattern

// option makes a program use them in place of CEL's own implementation, which
// is not bounded. It names the overloads, since the program adds its own
// replacement for the function.
func (ps patterns) option() cel.ProgramOption {
	replace := func(call interpreter.InterpretableCall, text string) (interpreter.InterpretableCall, error) {
		p, ok := ps[text]
		if !ok {
			return nil, fmt.Errorf("the pattern %q was not checked", text)
		}
		return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), p.match), nil
	}
	var all []*interpreter.RegexOptimization
	for _, overload := range []string{"matches", "matches_string"} {
		all = append(all, &interpreter.RegexOptimization{
			Function: matchesFunction, OverloadID: overload, RegexIndex: 1, Factory: replace,
		})
	}
	return cel.OptimizeRegex(all...)
}
