package telemetry

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// The names of W3C Trace Context, for HTTP and for the headers of records.
const (
	parentKey = "traceparent"
	stateKey  = "tracestate"
)

// TraceContext returns the values of the headers traceparent and tracestate
// that a record should carry (W3C Trace Context, level 2), each empty for none:
// those of the span in ctx, and where there is none, because tracing is off,
// the request's own, unchanged. A traceparent that is malformed is none, and so
// is a tracestate that is malformed or longer than the 512 characters that
// everybody has to pass on.
//
// It allocates nothing unless ctx has a span or the request a tracestate.
func TraceContext(ctx context.Context, request http.Header) (traceparent, tracestate string) {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return incoming(request)
	}
	id, parent := span.TraceID(), span.SpanID()
	text := append(make([]byte, 0, parentLength), "00-"...)
	text = append(hex.AppendEncode(text, id[:]), '-')
	text = append(hex.AppendEncode(text, parent[:]), '-')
	text = hex.AppendEncode(text, []byte{byte(span.TraceFlags() & (trace.FlagsSampled | trace.FlagsRandom))})
	return string(text), span.TraceState().String()
}

// incoming returns the request's own trace context, if it is well-formed.
func incoming(h http.Header) (parent, state string) {
	parents := h["Traceparent"]
	if len(parents) != 1 || !validParent(parents[0]) {
		return "", ""
	}
	return parents[0], validState(h["Tracestate"])
}

const (
	parentLength = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	// A later version may be longer; no version may be without bounds.
	parentLimit = 256
	stateLimit  = 512
)

// validParent implements section 3.2 of the recommendation, the rule for later
// versions included: what is known must be there, and what follows is theirs.
func validParent(s string) bool {
	if len(s) < parentLength || len(s) > parentLimit || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return false
	}
	version, id, parent, flags := s[:2], s[3:35], s[36:52], s[53:55]
	if !isHex(version) || !isHex(id) || !isHex(parent) || !isHex(flags) ||
		version == "ff" || isZero(id) || isZero(parent) {
		return false
	}
	if len(s) == parentLength {
		return true
	}
	return version != "00" && s[parentLength] == '-' && isVisible(s[parentLength:])
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isZero(s string) bool { return strings.Trim(s, "0") == "" }

func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// validState joins the lines of a tracestate. It is dropped as a whole, because
// half a member is worse than none.
func validState(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	state := lines[0]
	if len(lines) > 1 {
		state = strings.Join(lines, ",")
	}
	if len(state) > stateLimit {
		return ""
	}
	if _, err := trace.ParseTraceState(state); err != nil {
		return ""
	}
	return state
}
