package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// machine is what the results are of.
type machine struct {
	Date     string `json:"date"`
	Platform string `json:"platform"`
	Cores    int    `json:"processors"`
	CPU      string `json:"processor"`
	Go       string `json:"go"`
	Client   string `json:"franz_go"`
	Kafka    string `json:"kafka"`
	Sluice   string `json:"sluice"`
	// Load is how many programs wanted a processor in the minute before.
	Load string `json:"load_average_before"`
}

func thisMachine(ctx context.Context) machine {
	m := machine{
		Date: time.Now().UTC().Format(time.DateOnly), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Cores: runtime.NumCPU(), CPU: "unknown", Go: runtime.Version(), Client: "unknown", Sluice: "unknown", Load: "unknown",
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(load), " ")
	}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, d := range build.Deps {
			if d.Path == "github.com/twmb/franz-go" {
				m.Client = d.Version
			}
		}
	}
	// `go run` does not note the version that it builds.
	if out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output(); err == nil {
		m.Sluice = strings.TrimSpace(string(out))
	}
	return m
}
