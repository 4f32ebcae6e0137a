package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Tracing makes spans and exports them with OTLP over HTTP. The nil Tracing is
// tracing that is off: all its methods may be called, and cost nothing. All
// methods may be called at any time from any goroutine.
type Tracing struct {
	tracer    trace.Tracer
	processor sdktrace.SpanProcessor
	exporter  *exporter
}

// tracer names the instrumentation in every span.
func tracer(provider trace.TracerProvider) trace.Tracer {
	return provider.Tracer("sluice", trace.WithInstrumentationVersion(Version()), trace.WithSchemaURL(semconv.SchemaURL))
}

// NewTracing makes what the OTEL_* environment variables of the OpenTelemetry
// specification ask for. It returns nil, and no error, where they ask for no
// traces: that is so unless an endpoint (OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) or OTEL_TRACES_EXPORTER=otlp is set.
// service is the name where neither OTEL_SERVICE_NAME nor
// OTEL_RESOURCE_ATTRIBUTES gives one. Its errors name the variable.
//
// Nothing is dialled: a collector that is away is no error.
func NewTracing(ctx context.Context, service string, log *slog.Logger) (*Tracing, error) {
	if on, err := wanted(); !on || err != nil {
		return nil, err
	}
	otlp, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_*: %w", err)
	}
	// What comes later wins, so the environment has the last word.
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithAttributes(semconv.ServiceName(service), semconv.ServiceVersion(Version())),
		resource.WithFromEnv(),
	)
	if err != nil {
		// What could be read is used: traces with too few attributes are better than none.
		log.WarnContext(ctx, "attributes of the traces are incomplete", slog.Any("error", err))
	}
	t := &Tracing{exporter: newExporter(otlp, log)}
	t.processor = sdktrace.NewBatchSpanProcessor(t.exporter)
	// The provider stays our own, and so does its error handling: a program
	// that embeds us has its globals for itself.
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithSpanProcessor(t.processor))
	t.tracer = tracer(provider)
	log.InfoContext(ctx, "traces are on")
	return t, nil
}

// wanted reads the variables that the SDK does not read, and those that it
// would misread silently: they are an error at start instead of no traces.
func wanted() (bool, error) {
	if strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	endpoint, name := either("ENDPOINT")
	switch exporter := env("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "otlp":
	case "":
		if endpoint == "" {
			return false, nil
		}
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER: %q is not otlp or none", exporter)
	}
	switch protocol, setting := either("PROTOCOL"); protocol {
	case "", "http/protobuf", "http/json":
	default:
		return false, fmt.Errorf("%s: %q is not built in; use http/protobuf, which collectors take on port 4318", setting, protocol)
	}
	if endpoint == "" {
		return true, nil // The SDK's default, a collector on this host.
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		// The value is not repeated: it may hold a password.
		return false, fmt.Errorf("%s: is not a URL like http://collector:4318", name)
	}
	return true, nil
}

// either returns an exporter's variable and its name: that of traces, else
// that of all signals.
func either(name string) (value, full string) {
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"} {
		full = prefix + name
		if value = env(full); value != "" {
			break
		}
	}
	return value, full
}

// env returns a variable; the specification says that an empty one is unset.
func env(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// Shutdown exports the spans that have ended, until ctx ends, and stops. Its
// error says how many spans were lost at the last. Spans that end later are
// dropped.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	// Left alone, the processor would outlive ctx by its own time-out. It is
	// waited for without ctx, because an export that is cut off ends at once.
	defer context.AfterFunc(ctx, t.exporter.cut)()
	if err := t.processor.Shutdown(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("flush traces: %w", err)
	}
	return t.exporter.ended()
}
