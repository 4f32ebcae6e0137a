package filter

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// The functions that an expression may call. Each takes time linear in the
// size of its arguments, and none returns anything much larger than these.
// What CEL has beside them is refused: map, join, format and replace build what
// can be larger than the record, and indexOf is quadratic.
var (
	functions = []string{
		"all", "bool", "bytes", "charAt", "contains", "double", "duration", "dyn", "endsWith", "exists",
		"exists_one", "filter", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear",
		"getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds", "has", "int", "lowerAscii",
		"matches", "size", "split", "startsWith", "string", "substring", "timestamp", "trim", "type", "uint",
		"upperAscii",
	}
	quantifiers = []string{"all", "exists", "exists_one", "filter"}
	operations  = []string{
		operators.Conditional, operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot,
		operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater,
		operators.GreaterEquals, operators.Add, operators.Subtract, operators.Multiply, operators.Divide,
		operators.Modulo, operators.Negate, operators.Index, operators.In,
	}
)

// grammar checks what is written in an expression, and compiles its patterns.
type grammar struct {
	info     *ast.SourceInfo
	patterns patterns
	err      *SyntaxError // the first
}

// check walks over an expression that was parsed without macros.
func (g *grammar) check(e ast.Expr) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if g.err != nil {
			return
		}
		switch e.Kind() {
		case ast.CallKind:
			g.call(e)
		case ast.ListKind:
			for _, element := range e.AsList().Elements() {
				g.literal(element)
			}
		case ast.MapKind:
			for _, entry := range e.AsMap().Entries() {
				g.literal(entry.AsMapEntry().Key())
				g.literal(entry.AsMapEntry().Value())
			}
		case ast.StructKind:
			g.fail(e, "messages cannot be made in a filter")
		default:
		}
	}))
}

// call refuses what is not on the lists, and a pattern that is not a literal:
// it could not be weighed before the record comes.
func (g *grammar) call(e ast.Expr) {
	call := e.AsCall()
	name := call.FunctionName()
	if name == matchesFunction {
		g.pattern(e)
		return
	}
	if !slices.Contains(functions, name) && !slices.Contains(operations, name) {
		// CEL gives the place of the parenthesis.
		at := g.info.GetStartLocation(e.ID())
		g.failAt(at.Line(), at.Column()-utf8.RuneCountInString(name),
			fmt.Sprintf("there is no function %s here; there are: %s", shorten(name), strings.Join(functions, ", ")))
	}
}

func (g *grammar) pattern(e ast.Expr) {
	args := e.AsCall().Args()
	if e.AsCall().IsMemberFunction() {
		args = append([]ast.Expr{e.AsCall().Target()}, args...)
	}
	if len(args) != 2 {
		g.fail(e, `matches() takes one pattern, as in key.matches("^a+$")`)
		return
	}
	var text types.String
	isText := false
	if args[1].Kind() == ast.LiteralKind {
		text, isText = args[1].AsLiteral().(types.String)
	}
	if !isText {
		g.fail(args[1], "the pattern of matches() must be a literal text")
		return
	}
	p, err := compilePattern(string(text))
	if err != nil {
		g.fail(args[1], err.Error())
		return
	}
	g.patterns[string(text)] = p
}

// literal refuses what is not one. Lists of variables, one in the other, would
// soon be larger than anything that work on it may take.
func (g *grammar) literal(e ast.Expr) {
	switch e.Kind() {
	case ast.LiteralKind, ast.ListKind, ast.MapKind:
	default:
		g.fail(e, "a list or map holds literals only: write a == x || a == y in place of a in [x, y]")
	}
}

func (g *grammar) fail(e ast.Expr, message string) {
	at := g.info.GetStartLocation(e.ID())
	g.failAt(at.Line(), at.Column(), message)
}

func (g *grammar) failAt(line, column int, message string) {
	if g.err == nil {
		g.err = newSyntaxError(line, column, message)
	}
}
