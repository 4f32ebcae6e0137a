package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/process"
	"sluice/bench/producer/baseline"
	"sluice/bench/producer/load"
)

// gateway is a running program that takes records over HTTP.
type gateway struct {
	*process.Process
	address string
	topic   string // of POST /produce; none where nothing is written
	key     string
}

// target is load on an endpoint of the gateway.
func (g *gateway) target(h load.Head, b load.Body) load.Target {
	return load.Target{Address: g.address, Request: load.NewRequest(g.head(h), b), Meter: g.ProcessorTime}
}

func (g *gateway) head(h load.Head) load.Head {
	h.Host, h.Key = g.address, g.key
	return h
}

// gateways are those that are measured over HTTP.
type gateways struct {
	bare, sixtySync, sixtyLinger, open *gateway
	// keys is the program with API keys and limits; nil, for a reason, where
	// it knows of none.
	keys    *gateway
	skipped string
}

// all returns those that were started.
func (g *gateways) all() []*gateway {
	var all []*gateway
	for _, one := range []*gateway{g.bare, g.sixtySync, g.sixtyLinger, g.open, g.keys} {
		if one != nil {
			all = append(all, one)
		}
	}
	return all
}

func (g *gateways) stop() {
	for _, one := range g.all() {
		one.Kill() // Nothing is under way, and the program's drain is not measured.
	}
}

// startGateways starts everything that waits for requests. What was started
// before an error is in the result, too.
func startGateways(ctx context.Context, o options, c *cluster.Cluster, dir, self string) (*gateways, error) {
	g := &gateways{}
	brokers := strings.Join(c.Brokers, ",")
	sixty := func(name, linger string) (*gateway, error) {
		topic, err := c.CreateTopic(ctx, name)
		if err != nil {
			return nil, err
		}
		return startBaseline(dir, self, name, topic, roleSixty, "-broker", brokers, "-topic", topic, "-linger", linger)
	}
	var err error
	if g.bare, err = startBaseline(dir, self, bare, "", roleBare); err != nil {
		return g, err
	}
	if g.sixtySync, err = sixty(sixtySync, "0"); err != nil {
		return g, err
	}
	if g.sixtyLinger, err = sixty(sixtyLinger, "1ms"); err != nil {
		return g, err
	}
	if g.open, err = startSluice(ctx, o, c, dir, sluiceOpen); err != nil {
		return g, err
	}
	if !knowsKeys(o) {
		g.skipped = "the program has no command keys"
		fmt.Printf("skipped: API keys: %s\n", g.skipped)
		return g, nil
	}
	settings, key, err := makeKey(o, dir)
	if err != nil {
		return g, err
	}
	if g.keys, err = startSluice(ctx, o, c, dir, sluiceKeyed, "--config", settings); err != nil {
		return g, err
	}
	g.keys.key = key
	return g, nil
}

// startBaseline starts one of the programs that are in this one.
func startBaseline(dir, self, name, topic string, args ...string) (*gateway, error) {
	p, err := process.Launch(dir, name, self, args...)
	if err != nil {
		return nil, err
	}
	g := &gateway{Process: p, topic: topic}
	var l baseline.Listening
	if err := p.Read(&l); err != nil {
		p.Kill()
		return nil, err
	}
	g.address = l.Address
	return g, nil
}

// startSluice starts the program that all this is about.
func startSluice(ctx context.Context, o options, c *cluster.Cluster, dir, name string, args ...string) (*gateway, error) {
	topic, err := c.CreateTopic(ctx, name)
	if err != nil {
		return nil, err
	}
	g := &gateway{topic: topic}
	if g.address, err = freePort(); err != nil {
		return nil, err
	}
	args = append([]string{
		"producer", "--brokers", strings.Join(c.Brokers, ","),
		"--producer-listen", g.address, "--producer-topic", topic,
	}, args...)
	if g.Process, err = process.Launch(dir, name, o.binary, args...); err != nil {
		return nil, err
	}
	if err := g.ready(ctx); err != nil {
		g.Kill()
		return nil, err
	}
	return g, nil
}

// ready waits until a service says that it can be used.
func (g *gateway) ready(ctx context.Context) error {
	g.Discard()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.address+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close() // Only the status matters.
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("not ready: %s", response.Status)
		}
		select {
		case <-ctx.Done():
			return g.Explain(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freePort returns an address for a program to take. Another may be faster.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// keyPattern finds the key in what sluice keys new says.
var keyPattern = regexp.MustCompile(`sluice_[A-Za-z0-9_-]{20,}`)

// knowsKeys reports whether the program can make API keys.
func knowsKeys(o options) bool {
	help := exec.Command(o.binary, "keys", "--help")
	help.Env = process.Environment()
	return help.Run() == nil
}

// makeKey makes an API key and the settings that let it write. Its limits are
// far away: what is measured is that they are looked at.
func makeKey(o options, dir string) (settings, key string, err error) {
	file := filepath.Join(dir, "keys")
	command := exec.Command(o.binary, "keys", "new", "bench", "--file", file)
	command.Dir, command.Env = dir, process.Environment()
	out, err := command.CombinedOutput()
	if err != nil {
		return "", "", fmt.Errorf("keys new: %w: %s", err, out)
	}
	if key = keyPattern.FindString(string(out)); key == "" {
		return "", "", fmt.Errorf("keys new did not tell the key, but %q", out)
	}
	settings = filepath.Join(dir, "sluice-keys.yaml")
	text := "auth:\n  keys_file: " + strconv.Quote(file) +
		"\n  principals:\n    - {name: bench, topics: [\"*\"], rights: [write], limits: {records: 100000000, bytes: 64GiB, in_flight: 128MiB}}\n"
	return settings, key, os.WriteFile(settings, []byte(text), 0o600)
}
