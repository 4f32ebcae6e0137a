// Package broker is the embedded broker: a Kafka-protocol broker in this
// process, so that Sluice runs with nothing installed. It is franz-go's kfake
// with a data folder, and around it what a broker that people rely on needs: a
// lock on the folder, topics that survive a crash when they were created on
// demand, offsets that never start again at 0, retention that bounds the disk,
// and connections that cannot bring the process down.
//
// It is for development, demos, tests and a single small node: one node, no
// replication, no authentication. It must not know who uses it: the services
// reach it over TCP, by the same protocol and the same client as any Kafka.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Broker is a running embedded broker. Its methods may be called from any
// goroutine.
type Broker struct {
	listener  *listener
	folder    *folder // nil in memory mode
	cluster   *kfake.Cluster
	retention *retention
	stop      context.CancelFunc
	wait      sync.WaitGroup
	close     func() error
}

// Start opens the data folder, listens, and returns when clients can connect.
// Each of its errors names the setting that it is about and what to do. The
// start reads the whole folder: about half a second for a gigabyte, and after
// a crash as much memory as the folder is large, given back at once.
func Start(cfg Config, log *slog.Logger) (*Broker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	b := &Broker{}
	// The port first: a broker that cannot listen must not touch the folder.
	received := newMeter(int64(cfg.Retention.Bytes) / 8)
	l, err := listen(cfg, received, log)
	if err != nil {
		return nil, err
	}
	b.listener = l
	if err := b.open(cfg, received, log); err != nil {
		return nil, errors.Join(err, l.Close(), b.folder.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	b.close = sync.OnceValue(b.shutdown)
	b.wait.Go(func() { b.retention.run(ctx) })
	l.open()
	log.Info("embedded broker started",
		slog.String("address", b.Addr()), slog.String("listen", l.Listener.Addr().String()), slog.String("data", cfg.Data))
	return b, nil
}

// open starts kfake on the data folder, behind a listener that lets no client
// in yet.
func (b *Broker) open(cfg Config, received *meter, log *slog.Logger) error {
	opts := options(cfg, log)
	opts = append(opts, kfake.ListenFn(func(string, string) (net.Listener, error) { return b.listener, nil }))
	if cfg.Data != "" {
		var err error
		if b.folder, err = openFolder(cfg.Data); err != nil {
			return err
		}
	}
	var err error
	if b.cluster, err = kfake.NewCluster(opts...); err != nil {
		return fmt.Errorf("broker.data: the folder %q cannot be read: it is damaged or was written by another version; "+
			"move it away, or name another with --broker-data: %w", cfg.Data, err)
	}
	if cfg.Data != "" {
		b.folder.restore(b.cluster, log)
		// What was read to rebuild the index is garbage now, and can be most
		// of the memory that this process will ever use.
		debug.FreeOSMemory()
	}
	b.control(log)
	if b.retention, err = newRetention(cfg.Retention, b, received, log); err != nil {
		b.cluster.Close()
		return fmt.Errorf("start the broker's retention: %w", err)
	}
	return nil
}

// Addr is the address, host:port, that clients are told to use.
func (b *Broker) Addr() string { return b.listener.Addr().String() }

// ApplyRetention deletes what is older or more than the settings allow, as the
// broker does by itself in the background.
func (b *Broker) ApplyRetention(ctx context.Context) error { return b.retention.apply(ctx) }

// Close disconnects all clients, writes what only memory holds to the data
// folder and releases it. Records and committed offsets are there already.
// Further calls return what the first one did.
func (b *Broker) Close() error { return b.close() }

func (b *Broker) shutdown() error {
	b.stop()
	b.wait.Wait()
	b.retention.close()
	b.cluster.Close() // closes the listener, too
	return b.folder.Close()
}
