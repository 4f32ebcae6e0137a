package telemetry

import (
	"context"
	"net"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Begin starts the server span of a request, as a child of the caller's span
// where the request names one, and returns the request with the span in its
// context. The attributes are those of OpenTelemetry's conventions for HTTP,
// less what may hold a secret or a person's data: path, query, addresses and
// agent of the client.
func (t *Tracing) Begin(r *http.Request) *http.Request {
	if t == nil {
		return r
	}
	ctx := r.Context()
	if parent, state := incoming(r.Header); parent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{parentKey: parent, stateKey: state})
	}
	attributes := make([]attribute.KeyValue, 0, 4)
	method, name := knownMethod(r.Method)
	attributes = append(attributes, method, semconv.URLScheme(scheme(r)))
	attributes = append(attributes, server(r.Host)...)
	ctx, _ = t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
	return r.WithContext(ctx)
}

// End ends the span of a request that Begin returned. route is the pattern's
// path that the request matched, empty for none. panicked says that the answer
// was cut off, whatever its status.
func (t *Tracing) End(r *http.Request, route string, status int, panicked bool) {
	if t == nil {
		return
	}
	span := trace.SpanFromContext(r.Context())
	defer span.End()
	if !span.IsRecording() {
		return
	}
	if route != "" {
		_, name := knownMethod(r.Method)
		span.SetName(name + " " + route)
		span.SetAttributes(semconv.HTTPRoute(route))
	}
	span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	switch {
	case panicked:
		fail(span, "panic")
	case status >= http.StatusInternalServerError:
		fail(span, strconv.Itoa(status))
	}
}

func fail(span trace.Span, kind string) {
	span.SetAttributes(semconv.ErrorTypeKey.String(kind))
	span.SetStatus(codes.Error, "")
}

// Send is a record's way to Kafka as a span of its own. The zero Send is one
// that is not traced.
type Send struct{ span trace.Span }

// StartSend starts the span of a record that is being sent to topic, as a child
// of the span in ctx. Where that one is not recorded it costs next to nothing
// and changes nothing. The context that it returns is what TraceContext wants,
// so that a consumer's span becomes a child of this one.
func StartSend(ctx context.Context, topic string) (context.Context, Send) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Send{}
	}
	ctx, span := tracer(parent.TracerProvider()).Start(ctx, "send "+topic,
		trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
			semconv.MessagingSystemKafka, semconv.MessagingOperationTypeSend,
			semconv.MessagingOperationName("send"), semconv.MessagingDestinationName(topic)))
	return ctx, Send{span}
}

// End ends the span. failure is why the record was not acknowledged, from a
// small set of words, and empty for one that was.
func (s Send) End(failure string) {
	if s.span == nil {
		return
	}
	if failure != "" {
		fail(s.span, failure)
	}
	s.span.End()
}

// knownMethod returns the method's attribute and its part of the span's name.
// What a client makes up is not a name to group by.
func knownMethod(method string) (attribute.KeyValue, string) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return semconv.HTTPRequestMethodKey.String(method), method
	default:
		return semconv.HTTPRequestMethodOther, "HTTP"
	}
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// server returns the attributes of the host that the client asked for, unless
// it is longer than any name can be.
func server(host string) []attribute.KeyValue {
	const longest = 255
	if host == "" || len(host) > longest {
		return nil
	}
	name, text, err := net.SplitHostPort(host)
	if err != nil {
		return []attribute.KeyValue{semconv.ServerAddress(host)}
	}
	attributes := []attribute.KeyValue{semconv.ServerAddress(name)}
	if port, err := strconv.Atoi(text); err == nil {
		attributes = append(attributes, semconv.ServerPort(port))
	}
	return attributes
}
