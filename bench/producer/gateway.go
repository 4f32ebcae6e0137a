package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"sluice/bench/producer/load"
)

// gateway is a running program that takes records over HTTP.
type gateway struct {
	*process
	address string
	topic   string // of POST /produce; none where nothing is written
	key     string
}

// target is load on an endpoint of the gateway.
func (g *gateway) target(h load.Head, b load.Body) load.Target {
	return load.Target{Address: g.address, Request: load.NewRequest(g.head(h), b), Meter: g.processorTime}
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
		one.kill() // Nothing is under way, and the program's drain is not measured.
		_ = one.cmd.Wait()
	}
}

// startGateways starts everything that waits for requests. What was started
// before an error is in the result, too.
func startGateways(ctx context.Context, o options, c *cluster, dir, self string) (*gateways, error) {
	g := &gateways{}
	brokers := strings.Join(c.brokers, ",")
	sixty := func(name, linger string) (*gateway, error) {
		topic, err := c.createTopic(ctx, name)
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
	p, err := launch(dir, name, self, args...)
	if err != nil {
		return nil, err
	}
	g := &gateway{process: p, topic: topic}
	if g.address, err = p.address(); err != nil {
		p.kill()
		return nil, err
	}
	return g, nil
}

// startSluice starts the program that all this is about.
func startSluice(ctx context.Context, o options, c *cluster, dir, name string, args ...string) (*gateway, error) {
	topic, err := c.createTopic(ctx, name)
	if err != nil {
		return nil, err
	}
	g := &gateway{topic: topic}
	if g.address, err = freePort(); err != nil {
		return nil, err
	}
	args = append([]string{
		"producer", "--brokers", strings.Join(c.brokers, ","),
		"--producer-listen", g.address, "--producer-topic", topic,
	}, args...)
	if g.process, err = launch(dir, name, o.binary, args...); err != nil {
		return nil, err
	}
	if err := g.ready(ctx, g.address); err != nil {
		g.kill()
		return nil, err
	}
	return g, nil
}

// keyPattern finds the key in what sluice keys new says.
var keyPattern = regexp.MustCompile(`sluice_[A-Za-z0-9_-]{20,}`)

// knowsKeys reports whether the program can make API keys.
func knowsKeys(o options) bool {
	help := exec.Command(o.binary, "keys", "--help")
	help.Env = environment()
	return help.Run() == nil
}

// makeKey makes an API key and the settings that let it write. Its limits are
// far away: what is measured is that they are looked at.
func makeKey(o options, dir string) (settings, key string, err error) {
	file := filepath.Join(dir, "keys")
	command := exec.Command(o.binary, "keys", "new", "bench", "--file", file)
	command.Dir, command.Env = dir, environment()
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
