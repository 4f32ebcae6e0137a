package filter

import (
	"container/list"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"golang.org/x/sync/singleflight"
)

// maxFilters is how many filters a Set keeps.
const maxFilters = 512

// Set compiles expressions and keeps what it has compiled, so that clients with
// the same text share a Filter: the last 512 texts. One that is dropped goes on
// working for those who have it. A Set is safe for concurrent use.
type Set struct {
	env *environment
	err error // why there is no env

	compiling singleflight.Group

	mu     sync.Mutex
	byText map[string]*list.Element
	recent *list.List // of *Filter, the last used one first
}

// NewSet returns an empty set.
func NewSet() *Set {
	s := &Set{byText: map[string]*list.Element{}, recent: list.New()}
	s.env, s.err = newEnvironment()
	return s
}

// Compile returns the filter of an expression. An error that is a *SyntaxError
// is the expression's: it is longer than 1 KiB, not CEL, not a condition, or
// uses what filters do not have. There is no other error unless this program
// is wrong.
func (s *Set) Compile(text string) (*Filter, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	if f := s.find(text); f != nil {
		return f, nil
	}
	// After a deploy, many clients come with the same text at once.
	f, err, _ := s.compiling.Do(text, func() (any, error) {
		if f := s.find(text); f != nil {
			return f, nil
		}
		f, err := s.compile(text)
		if err != nil {
			return nil, err
		}
		s.keep(f)
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return f.(*Filter), nil
}

func (s *Set) find(text string) *Filter {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byText[text]
	if !ok {
		return nil
	}
	s.recent.MoveToFront(e)
	return e.Value.(*Filter)
}

func (s *Set) keep(f *Filter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byText[f.text] = s.recent.PushFront(f)
	if s.recent.Len() > maxFilters {
		delete(s.byText, s.recent.Remove(s.recent.Back()).(*Filter).text)
	}
}

// checkText refuses what the parser need not see.
func checkText(text string) error {
	switch {
	case len(text) > maxText:
		before := strings.ToValidUTF8(text[:maxText], "")
		line := strings.Count(before, "\n")
		column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
		return newSyntaxError(line+1, column, fmt.Sprintf("the filter has %d bytes, and %d are allowed", len(text), maxText))
	case !utf8.ValidString(text):
		return newSyntaxError(1, 0, "the filter is not UTF-8")
	case strings.TrimSpace(text) == "":
		return newSyntaxError(1, 0, `the filter is empty; write a condition, as in value.total > 100`)
	}
	return nil
}

// compile parses twice: what was written is checked as such, and then compiled
// with its macros replaced.
func (s *Set) compile(text string) (f *Filter, err error) {
	if s.err != nil {
		return nil, s.err
	}
	defer func() {
		// The text is a client's, and the parser is large and not ours.
		if r := recover(); r != nil {
			f, err = nil, newSyntaxError(1, 0, "the filter cannot be compiled")
		}
	}()
	written, issues := s.env.plain.Parse(text)
	if issues.Err() != nil {
		return nil, issue(issues)
	}
	g := grammar{info: written.NativeRep().SourceInfo(), patterns: patterns{}}
	if g.check(written.NativeRep().Expr()); g.err != nil {
		return nil, g.err
	}
	checked, issues := s.env.full.Compile(text)
	if issues.Err() != nil {
		return nil, issue(issues)
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, newSyntaxError(1, 0, fmt.Sprintf("a filter says true or false, and this is of type %s; compare it with something", t))
	}
	program, err := s.env.full.Program(checked,
		cel.EvalOptions(cel.OptOptimize),
		cel.CostLimit(maxCost),
		cel.CostTracking(meter{g.patterns}),
		cel.InterruptCheckFrequency(interruptEvery),
		g.patterns.option(),
	)
	if err != nil {
		return nil, newSyntaxError(1, 0, "the filter cannot be compiled: "+err.Error())
	}
	return &Filter{
		text: text, program: program,
		loops: loops(checked.NativeRep().Expr()), maxTime: maxTime,
	}, nil
}

// loops reports whether an expression has a loop in it.
func loops(e ast.Expr) bool {
	found := false
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.ComprehensionKind
	}))
	return found
}
