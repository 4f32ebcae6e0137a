package broker

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kfake"
)

// kfakeLog hands kfake's log on. Its info lines are about single requests, so
// they count as debug here.
type kfakeLog struct{ log *slog.Logger }

// Logf implements kfake.Logger.
func (l kfakeLog) Logf(level kfake.LogLevel, format string, args ...any) {
	severity := slog.LevelDebug
	switch level {
	case kfake.LogLevelError:
		severity = slog.LevelError
	case kfake.LogLevelWarn:
		severity = slog.LevelWarn
	case kfake.LogLevelNone, kfake.LogLevelInfo, kfake.LogLevelDebug:
	}
	if ctx := context.Background(); l.log.Enabled(ctx, severity) {
		l.log.LogAttrs(ctx, severity, "embedded broker", slog.String("detail", fmt.Sprintf(format, args...)))
	}
}
