// Package telemetry makes the program's own log and its metrics registry. The
// lines of the log handler are not log: they are service B's output.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Config are the settings of log and metrics.
type Config struct {
	Log   Format     `yaml:"log" help:"Form of the log, and of what the log handler writes: text or json."`
	Level slog.Level `yaml:"level" default:"info" help:"Least level that is logged: debug, info, warn or error."`
}

// Format is the form of the log.
type Format string

// The formats.
const (
	Text Format = "text"
	JSON Format = "json"
)

// DefaultConfig logs as text from level info.
func DefaultConfig() Config { return Config{Log: Text, Level: slog.LevelInfo} }

// Validate checks the settings; its errors name them.
func (c Config) Validate() error {
	if c.Log != Text && c.Log != JSON {
		return fmt.Errorf("telemetry.log: %q is not text or json", c.Log)
	}
	return nil
}

// NewLogger logs to w as the settings say.
func NewLogger(c Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: c.Level}
	if c.Log == JSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// NewRegistry makes a registry with the metrics of the Go runtime, the process
// and the build.
func NewRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "sluice_build_info",
			Help:        "Always 1; the labels say what runs.",
			ConstLabels: prometheus.Labels{"version": Version()},
		}, func() float64 { return 1 }),
	)
	return reg
}

// version is set by the linker for a release.
var version string

// Version is the release, or what the Go toolchain knows of the build.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
