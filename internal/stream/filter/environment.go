package filter

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
)

// The limits of an expression.
const (
	// maxText is how long an expression may be, in bytes.
	maxText = 1024
	// maxNesting bounds how deep it is nested, and so the stack that work on it
	// takes.
	maxNesting = 64
)

// environment is what expressions are compiled in.
type environment struct {
	full *cel.Env
	// plain knows no macros: it parses what was written into just that, for
	// the grammar to judge.
	plain *cel.Env
}

func newEnvironment() (*environment, error) {
	full, err := cel.NewCustomEnv(
		cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{
			ExcludeFunctions: []*env.Function{{Name: operators.Add}},
		})),
		addition(),
		// From version 5 on it brings charges of its own, which come before ours.
		ext.Strings(ext.StringsVersion(4)),
		cel.Variable(varKey, cel.DynType),
		cel.Variable(varHeaders, cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable(varValue, cel.DynType),
		cel.Variable(varTimestamp, cel.TimestampType),
		cel.Variable(varPartition, cel.IntType),
		cel.Variable(varOffset, cel.IntType),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxText),
		cel.ParserRecursionLimit(maxNesting),
		// Else an expression could name, and read, what a macro collects in.
		cel.EnableHiddenAccumulatorName(true),
	)
	if err != nil {
		return nil, fmt.Errorf("set up CEL: %w", err)
	}
	plain, err := full.Extend(cel.ClearMacros())
	if err != nil {
		return nil, fmt.Errorf("set up CEL without macros: %w", err)
	}
	return &environment{full: full, plain: plain}, nil
}

// addition is CEL's own, but for lists: only the macro filter may add to the
// list that it collects in. A list that is added to itself, and the sum again,
// would soon be larger than anything that work on it may take.
func addition() cel.EnvOption {
	add := func(id string, a, b, sum *cel.Type) cel.FunctionOpt {
		return cel.Overload(id, []*cel.Type{a, b}, sum)
	}
	list := cel.ListType(cel.TypeParamType("A"))
	return cel.Function(operators.Add,
		add(overloads.AddInt64, cel.IntType, cel.IntType, cel.IntType),
		add(overloads.AddUint64, cel.UintType, cel.UintType, cel.UintType),
		add(overloads.AddDouble, cel.DoubleType, cel.DoubleType, cel.DoubleType),
		add(overloads.AddString, cel.StringType, cel.StringType, cel.StringType),
		add(overloads.AddBytes, cel.BytesType, cel.BytesType, cel.BytesType),
		add(overloads.AddDurationDuration, cel.DurationType, cel.DurationType, cel.DurationType),
		add(overloads.AddDurationTimestamp, cel.DurationType, cel.TimestampType, cel.TimestampType),
		add(overloads.AddTimestampDuration, cel.TimestampType, cel.DurationType, cel.TimestampType),
		add(overloads.AddList, list, list, list),
		cel.SingletonBinaryBinding(func(a, b ref.Val) ref.Val {
			_, isList := a.(traits.Lister)
			if _, collects := a.(traits.MutableLister); isList && !collects {
				return types.NewErr("lists cannot be added in a filter")
			}
			return a.(traits.Adder).Add(b)
		}, traits.AdderType),
	)
}
