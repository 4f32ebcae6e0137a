// Command logs is an example of a system on Sluice: log lines of thirty services
// and of real files, counted for each second of each service, with alerts that
// go out as signed webhooks. README.md tells the rest.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"golang.org/x/sync/errgroup"

	"sluice"
	"sluice/consumer"
	"sluice/examples/internal/example"
)

//go:embed page
var page embed.FS

func main() {
	var o options
	example.Main(o.flags, o.system)
}

const (
	partitions = 6
	maxRate    = 50_000 // Lines a second.
)

// defaultFiles are where logs usually are.
const defaultFiles = "/var/log/*.log,/var/log/dpkg.log*,/var/log/apt/*.log,/var/log/syslog,/var/log/messages"

// options are the example's own flags.
type options struct {
	rate    float64
	past    time.Duration
	seed    uint64
	files   string
	hook    string
	secrets string
}

func (o *options) flags(f *flag.FlagSet) {
	f.Float64Var(&o.rate, "rate", 300, "`lines` a second of the thirty services")
	f.DurationVar(&o.past, "past", 2*time.Minute, "how much of the past the services tell at the beginning")
	f.Uint64Var(&o.seed, "seed", 1, "what makes the lines those that they are")
	f.StringVar(&o.files, "files", defaultFiles, "`patterns`, separated by commas, of log files to send too; none when empty")
	f.StringVar(&o.hook, "hook", "127.0.0.1:8017", "`address` to which alerts are delivered; replicas need the same")
	cache, _ := os.UserCacheDir() // The working folder, where there is none.
	f.StringVar(&o.secrets, "secrets", filepath.Join(cache, "sluice-example-logs.secret"), "`file` with the secret that signs them, made where it is missing; replicas need the same")
}

// system puts the example together.
func (o *options) system(prefix string) example.System {
	t := topicsOf(prefix)
	check := newChecker(t)
	files, err := fs.Sub(page, "page")
	if err != nil {
		files = page // It is there: the program was built with it.
	}
	return example.System{
		Name: "logs",
		Page: files,
		Topics: []sluice.Topic{
			{Name: t.raw, Partitions: partitions},
			{Name: t.counts, Partitions: partitions, Compact: true},
			{Name: t.alerts, Partitions: partitions},
		},
		Handlers: []sluice.Handler{{
			Config: consumer.Config{Name: "count", Topics: []string{t.raw}, Group: prefix + "count"},
			Handler: consumer.Stateful{
				Table: t.counts,
				Open:  func(int32) consumer.State { return newCounter(t) },
			},
		}},
		Configure: func(cfg *sluice.Config) { o.webhook(cfg, t, prefix) },
		Drive:     func(ctx context.Context, c *example.Client) error { return o.drive(ctx, c, t, check) },
		Verdict:   check.Verdict,
	}
}

// webhook adds the handler that delivers alerts. An alert is tried until it is
// taken, and those of a partition go out in order.
func (o *options) webhook(cfg *sluice.Config, t topics, prefix string) {
	entry, _ := json.Marshal([]map[string]any{{ // JSON is YAML, too; these types always marshal.
		"name": "alert", "topics": []string{t.alerts}, "group": prefix + "alert", "session_timeout": "6s",
		"retry": map[string]any{"attempts": -1, "max": "2s"},
		"webhook": map[string]any{
			"url": "http://" + o.hook + "/alerts", "secrets_file": o.secrets, "allow_networks": []string{"127.0.0.0/8", "::1/128"},
		},
	}})
	_, err := secretIn(o.secrets)
	if err = errors.Join(err, cfg.Consumer.Handlers.UnmarshalText(entry)); err != nil {
		fmt.Fprintln(os.Stderr, "This process delivers no alerts:", err)
	}
}

// drive sends the input, follows the output and receives the alerts, until ctx
// ends.
func (o *options) drive(ctx context.Context, c *example.Client, t topics, check *checker) error {
	if !(o.rate > 0 && o.rate <= maxRate) || o.past < 0 {
		return fmt.Errorf("-rate is above 0 and not above %d, and -past is not negative", maxRate)
	}
	secret, err := secretIn(o.secrets)
	if err != nil {
		return err
	}
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return fmt.Errorf("the secret of the webhook: %w", err)
	}
	now := time.Now()
	ships := &shipper{c, t.raw, check, strconv.FormatInt(now.UnixMilli(), 36)}
	traffic := newTraffic(o.seed, o.rate, now.Add(-o.past), ships.run)
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return (&receiver{verifier, check.arrived}).run(ctx, o.hook) })
	all.Go(func() error { return c.Follow(ctx, []string{t.raw, t.counts, t.alerts}, check.follow) })
	all.Go(func() error {
		if err := sendFiles(ctx, ships, o.files, os.Stderr); err != nil {
			return err
		}
		if err := traffic.run(ctx, ships); err != nil {
			return err
		}
		check.finish()
		return nil
	})
	return all.Wait()
}
