package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
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
	Kafka    string `json:"kafka"`
	Sluice   string `json:"sluice"`
	// Load is how many programs wanted a processor in the minute before.
	Load string `json:"load_average_before"`
}

func thisMachine(ctx context.Context, o options) machine {
	m := machine{
		Date: time.Now().UTC().Format(time.DateOnly), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Cores: runtime.NumCPU(), CPU: "unknown", Go: runtime.Version(), Sluice: "unknown", Load: "unknown",
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
	if out, err := exec.CommandContext(ctx, o.binary, "version").Output(); err == nil {
		m.Sluice, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	}
	return m
}
