package telemetry_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/telemetry"
)

func TestTraceContextIsPassedOnWhereTracingIsOff(t *testing.T) {
	const valid = callers
	tests := []struct {
		name    string
		parents []string
		states  []string
		parent  string
		state   string
	}{
		{name: "none"},
		{name: "parent alone", parents: []string{valid}, parent: valid},
		{name: "parent and state", parents: []string{valid}, states: []string{"a=1,b=2"}, parent: valid, state: "a=1,b=2"},
		{name: "state in two lines", parents: []string{valid}, states: []string{"a=1", "b=2"}, parent: valid, state: "a=1,b=2"},
		{name: "state alone", states: []string{"a=1"}},
		{name: "state malformed", parents: []string{valid}, states: []string{"=;"}, parent: valid},
		{name: "state too long", parents: []string{valid}, states: []string{"a=" + strings.Repeat("x", 600)}, parent: valid},
		{name: "two parents", parents: []string{valid, valid}},
		{name: "empty", parents: []string{""}},
		{name: "too short", parents: []string{valid[:54]}},
		{name: "something follows", parents: []string{valid + "-00"}},
		{name: "capital letters", parents: []string{strings.ToUpper(valid)}},
		{name: "not hexadecimal", parents: []string{strings.Replace(valid, "4bf9", "4bg9", 1)}},
		{name: "wrong separator", parents: []string{strings.Replace(valid, "-00f0", "_00f0", 1)}},
		{name: "no trace", parents: []string{"00-" + strings.Repeat("0", 32) + "-" + callersSpan + "-01"}},
		{name: "no span", parents: []string{"00-" + callersTrace + "-" + strings.Repeat("0", 16) + "-01"}},
		{name: "version ff", parents: []string{"ff" + valid[2:]}},
		{name: "later version", parents: []string{"01" + valid[2:]}, parent: "01" + valid[2:]},
		{name: "later version with more", parents: []string{"01" + valid[2:] + "-what"}, parent: "01" + valid[2:] + "-what"},
		{name: "later version with a space", parents: []string{"01" + valid[2:] + "- "}},
		{name: "later version without a separator", parents: []string{"01" + valid[2:] + "x"}},
		{name: "later version too long", parents: []string{"01" + valid[2:] + "-" + strings.Repeat("x", 300)}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			header := http.Header{}
			for _, v := range tc.parents {
				header.Add("traceparent", v)
			}
			for _, v := range tc.states {
				header.Add("tracestate", v)
			}
			parent, state := telemetry.TraceContext(t.Context(), header)
			require.Equal(t, tc.parent, parent)
			require.Equal(t, tc.state, state)
		})
	}
}

func BenchmarkTraceContext(b *testing.B) {
	for name, traceparent := range map[string]string{"none": "", "passed on": callers} {
		b.Run(name, func(b *testing.B) {
			r := request(http.MethodPost, "/", "")
			if traceparent != "" {
				r.Header.Set("traceparent", traceparent)
			}
			b.ReportAllocs()
			for b.Loop() {
				telemetry.TraceContext(r.Context(), r.Header)
			}
		})
	}
}
