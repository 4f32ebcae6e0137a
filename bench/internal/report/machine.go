package report

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Machine is what the results are of. What cannot be found out is "unknown".
type Machine struct {
	Date     string `json:"date"`
	Platform string `json:"platform"`
	Cores    int    `json:"processors"`
	CPU      string `json:"processor"`
	Go       string `json:"go"`
	// Client is the version of franz-go; empty where that of Sluice says it.
	Client string `json:"franz_go,omitempty"`
	// Kafka is for the benchmark to fill in.
	Kafka  string `json:"kafka"`
	Sluice string `json:"sluice"`
	// Load is how many programs wanted a processor in the minute before.
	Load string `json:"load_average_before"`
}

// MachineOf is this machine with a program of Sluice, which says its version.
func MachineOf(ctx context.Context, program string) Machine {
	m := thisMachine()
	if out, err := exec.CommandContext(ctx, program, "version").Output(); err == nil {
		m.Sluice, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	}
	return m
}

// MachineOfCheckout is this machine with the Sluice and the franz-go that are
// built into the benchmark.
func MachineOfCheckout(ctx context.Context) Machine {
	m := thisMachine()
	m.Client = "unknown"
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

func thisMachine() Machine {
	m := Machine{
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
	return m
}

// Rows are the first lines of a report's first table.
func (m Machine) Rows() string {
	goes := "| Go | " + m.Go
	if m.Client != "" {
		goes = "| Go, franz-go | " + m.Go + ", " + m.Client
	}
	return fmt.Sprintf(`| date | %s |
| machine | %s, %d processors: %s; load average before: %s |
%s |
| Sluice | %s |
| Kafka | %s |
`, m.Date, m.Platform, m.Cores, m.CPU, m.Load, goes, m.Sluice, m.Kafka)
}
