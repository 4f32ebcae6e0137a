package filter

import (
	"strings"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxCost is what one evaluation may cost. A unit is about what one step of an
// expression takes (reading a field, comparing two numbers), some tens of
// nanoseconds: a loop over 100,000 elements that reads and compares a field of
// each is within the limit.
const maxCost = 1_000_000

const (
	// textPerUnit is how many bytes of text a function goes through for one
	// unit, the slow ones (which count characters) included.
	textPerUnit = 16
	// comparisonCost is that of comparing two parts of lists or maps, after they
	// were counted.
	comparisonCost = 4
	// conversionCost is that of a text that is not a number or a time: it is
	// quoted in the error.
	conversionCost = 8
	// zoneCost is that of reading a time zone from disk.
	zoneCost = 2_000
)

// meter charges for calls. CEL's own charges know the size of a text only
// where the type is known when the expression is checked, and those of a
// record's value are not; and they take a list of lists for a small one.
//
// A call is charged after it was made. That suffices, since nothing that is
// passed to it is larger than the record.
type meter struct{ patterns patterns }

// CallCost implements cost.ActualCostEstimator.
func (m meter) CallCost(function, _ string, args []ref.Val, _ ref.Val) *uint64 {
	units := uint64(1)
	switch function {
	case operators.Equals, operators.NotEquals:
		if len(args) == 2 {
			units += comparison(args[0], args[1])
		}
	case operators.In:
		if len(args) == 2 {
			units += search(args[0], args[1])
		}
	case matchesFunction:
		units += m.match(args)
	case "bool", "double", "duration", "int", "timestamp", "uint":
		for _, a := range args {
			units += weight(a, 0) * conversionCost
		}
	default:
		for _, a := range args {
			units += weight(a, 0)
		}
		if len(args) == 2 && strings.HasPrefix(function, "get") {
			units += zoneCost
		}
	}
	return &units
}

func (m meter) match(args []ref.Val) uint64 {
	if len(args) != 2 {
		return 0
	}
	text, ok := args[0].(types.String)
	expr, isText := args[1].(types.String)
	if p := m.patterns[string(expr)]; ok && isText && p != nil {
		return p.cost(len(text))
	}
	return 0
}

// comparison is the cost of comparing two values: that of the smaller one, if
// it is really small, else of the first. Texts of different lengths differ at
// once, and so do lists and maps.
func comparison(a, b ref.Val) uint64 {
	if a == nil || b == nil || a.Type() != b.Type() || size(a) != size(b) {
		return 0
	}
	if _, isList := a.(traits.Lister); !isList && a.Type() != types.MapType {
		return weight(a, 0)
	}
	const small = 64 // Enough for what is written in an expression.
	for _, v := range [...]ref.Val{a, b} {
		if n := weight(v, small); n < small {
			return n * comparisonCost
		}
	}
	return weight(a, maxCost) * comparisonCost
}

// search is the cost of looking for a value in a list, or for a key in a map.
func search(needle, in ref.Val) uint64 {
	if _, ok := in.(traits.Lister); !ok {
		return weight(needle, 0)
	}
	if needle != nil && (needle.Type() == types.ListType || needle.Type() == types.MapType) {
		return weight(in, maxCost) * comparisonCost
	}
	return size(in) + size(in)*weight(needle, 0)
}

// size returns the length of what has one, else 0.
func size(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return uint64(len(v)) // In bytes: Size would count characters.
	case types.Bytes:
		return uint64(len(v))
	case traits.Sizer:
		if n, ok := v.Size().(types.Int); ok && n > 0 {
			return uint64(n)
		}
	}
	return 0
}

// weight returns what it costs to go through a text, and up to about limit
// parts of a list or map: one unit for each, and their own weight. It goes as
// deep as a value may be nested, which the parser bounds.
func weight(v ref.Val, limit uint64) uint64 {
	switch v := v.(type) {
	case types.String, types.Bytes:
		return size(v) / textPerUnit
	case traits.Lister:
		var sum uint64
		for i, n := types.Int(0), types.Int(size(v)); i < n && sum < limit; i++ { //nolint:gosec // A length.
			sum += 1 + weight(v.Get(i), limit-sum)
		}
		return sum
	case traits.Mapper:
		if limit == 0 {
			return 0
		}
		var sum uint64
		for it := v.Iterator(); it.HasNext() == types.True && sum < limit; {
			key := it.Next()
			sum += 1 + weight(key, 0)
			if sum < limit {
				sum += weight(v.Get(key), limit-sum)
			}
		}
		return sum
	}
	return 0
}
