//go:build unix

package harm

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Machine is what the results of a run are of.
type Machine struct {
	date, platform, cpu, load string
	cores                     int
	goVersion, sluice, kafka  string
}

// ThisMachine describes the machine, its load before the run, and the Kafka of
// admin. What cannot be had is unknown.
func ThisMachine(ctx context.Context, admin *kadm.Client) Machine {
	m := Machine{
		date: time.Now().UTC().Format(time.DateOnly), platform: runtime.GOOS + "/" + runtime.GOARCH,
		cores: runtime.NumCPU(), goVersion: runtime.Version(), cpu: "unknown", load: "unknown", sluice: "unknown", kafka: "unknown",
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				m.cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.load, _, _ = strings.Cut(string(load), " ")
	}
	// As the Makefile names a version.
	if out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output(); err == nil {
		m.sluice = strings.TrimSpace(string(out))
	}
	if versions, err := admin.ApiVersions(ctx); err == nil {
		for _, v := range versions {
			m.kafka = "Apache Kafka or compatible, by its API " + v.VersionGuess()
		}
	}
	return m
}

// Describe writes the machine as the first rows of a Markdown table of two
// columns, which goes on behind it. Where says what else there is to say about
// where Kafka is.
func (m Machine) Describe(line func(format string, args ...any), where string) {
	line("| | |")
	line("| --- | --- |")
	line("| date | %s |", m.date)
	line("| machine | %s, %d processors: %s; load average before: %s |", m.platform, m.cores, m.cpu, m.load)
	line("| Go | %s |", m.goVersion)
	line("| Sluice | %s |", m.sluice)
	line("| Kafka | %s, %s |", m.kafka, where)
}
