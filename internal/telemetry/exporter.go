package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// exporter reports a collector that does not take spans once, and not for each
// batch, and can be cut off. The processor calls ExportSpans from one goroutine
// at a time, and never from one that answers a request.
type exporter struct {
	otlp sdktrace.SpanExporter
	log  *slog.Logger
	life context.Context // ends with cut
	cut  context.CancelFunc

	mu      sync.Mutex
	failure error // of the last export
	lost    int   // spans since the last export that succeeded
}

func newExporter(otlp sdktrace.SpanExporter, log *slog.Logger) *exporter {
	e := &exporter{otlp: otlp, log: log}
	e.life, e.cut = context.WithCancel(context.Background())
	return e
}

// ExportSpans implements sdktrace.SpanExporter. It returns no error: the SDK
// would write each to standard error.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.life, cancel)()
	err := e.otlp.ExportSpans(ctx, spans)

	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err == nil && e.failure != nil:
		e.log.InfoContext(ctx, "traces are exported again", slog.Int("lost_spans", e.lost))
		e.lost = 0
	case err != nil && e.failure == nil && e.life.Err() == nil:
		e.log.WarnContext(ctx, "traces cannot be exported", slog.String("error", brief(err)))
	}
	if e.failure = err; err != nil {
		e.lost += len(spans)
	}
	return nil
}

// brief is an error's text without the page that a proxy may have sent.
func brief(err error) string {
	const most = 300
	text := err.Error()
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}

// Shutdown implements sdktrace.SpanExporter.
func (e *exporter) Shutdown(ctx context.Context) error {
	e.cut()
	return e.otlp.Shutdown(ctx)
}

// ended says what was lost at the last.
func (e *exporter) ended() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failure == nil {
		return nil
	}
	return fmt.Errorf("flush traces: %d spans were not exported: %w", e.lost, e.failure)
}
