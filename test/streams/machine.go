//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// machine is what the results are of.
type machine struct {
	date, platform, cpu, load string
	cores                     int
	goVersion, sluice, kafka  string
}

func thisMachine(ctx context.Context, admin *kadm.Client) machine {
	m := machine{
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
