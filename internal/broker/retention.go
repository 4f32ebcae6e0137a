package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// retention deletes old records, as Kafka does and kfake does not: one record
// with an old timestamp takes nothing with it that is newer, a compacted topic
// loses nothing, and what an open transaction has written stays. It asks and deletes over the protocol, like any client.
type retention struct {
	cfg     Retention
	cluster *kfake.Cluster
	client  *kgo.Client
	admin   *kadm.Client
	written *meter
	log     *slog.Logger
	turn    sync.Mutex // one application at a time
}

func newRetention(cfg Retention, b *Broker, written *meter, log *slog.Logger) (*retention, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(b.Addr()),
		kgo.Dialer(b.listener.dial),
		kgo.ClientID("sluice-retention"),
		kgo.DisableClientMetrics(),
	)
	if err != nil {
		return nil, err
	}
	return &retention{cfg: cfg, cluster: b.cluster, client: client, admin: kadm.NewClient(client), written: written, log: log}, nil
}

func (r *retention) close() { r.client.Close() }

// run applies the limits until ctx ends: sizes whenever an eighth of a
// partition's limit has come in, so that no burst fills the disk, and all of
// them at each tick. The first time is at once, for what a crash brought back.
func (r *retention) run(ctx context.Context) {
	tick := time.NewTicker(r.cfg.Every)
	defer tick.Stop()
	err := r.apply(ctx)
	for {
		if err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "retention not applied", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err = r.apply(ctx)
		case <-r.written.full:
			r.turn.Lock()
			err = r.applySizes(ctx)
			r.turn.Unlock()
		}
	}
}

func (r *retention) apply(ctx context.Context) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	return errors.Join(r.applyAges(ctx), r.applySizes(ctx))
}

// limits are the limits of one topic; a negative one is none.
type limits struct{ millis, bytes int64 }

// limits reads the topics' limits, their own or else the settings'.
func (r *retention) limits(ctx context.Context) (map[string]limits, error) {
	// Not with kadm, which may answer from what it knew seconds ago.
	meta, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, r.client)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	all := make(map[string]limits, len(meta.Topics))
	for _, t := range meta.Topics {
		if t.Topic == nil {
			continue
		}
		name := *t.Topic
		info := r.cluster.TopicInfo(name)
		if info == nil {
			continue // deleted meanwhile
		}
		own := func(key string, otherwise int64) int64 {
			if v := info.Configs[key]; v != nil {
				if n, err := strconv.ParseInt(*v, 10, 64); err == nil {
					return n
				}
			}
			if otherwise == 0 {
				return -1
			}
			return otherwise
		}
		l := limits{own("retention.ms", r.cfg.Time.Milliseconds()), own("retention.bytes", int64(r.cfg.Bytes))}
		if p := info.Configs["cleanup.policy"]; p != nil && !strings.Contains(*p, "delete") {
			l = limits{-1, -1}
		}
		all[name] = l
	}
	return all, nil
}

// applyAges deletes the records before the first one that is young enough.
func (r *retention) applyAges(ctx context.Context) error {
	all, err := r.limits(ctx)
	if err != nil {
		return err
	}
	byAge := make(map[int64][]string)
	for name, l := range all {
		if l.millis >= 0 {
			byAge[l.millis] = append(byAge[l.millis], name)
		}
	}
	var errs []error
	for age, names := range byAge {
		oldest := time.Now().UnixMilli() - age
		if oldest <= 0 {
			continue // means something else to ListOffsets
		}
		// The ends are read first: a record that arrives after the offsets
		// were listed must not count as old.
		ends := make(map[string][]*kfake.PartitionInfo, len(names))
		for _, name := range names {
			ends[name] = r.cluster.PartitionInfos(name)
		}
		young, err := r.admin.ListOffsetsAfterMilli(ctx, oldest, names...)
		if err != nil {
			errs = append(errs, fmt.Errorf("list offsets by time: %w", err))
			continue
		}
		var cuts kadm.Offsets
		for name, infos := range ends {
			for _, p := range infos {
				first, ok := young.Lookup(name, p.Partition)
				if to := min(first.Offset, p.LastStableOffset); ok && first.Err == nil && to > p.LogStartOffset {
					cuts.AddOffset(name, p.Partition, to, -1)
				}
			}
		}
		errs = append(errs, r.cut(ctx, cuts))
	}
	return errors.Join(errs...)
}

// applySizes deletes the oldest records of each partition that is too large,
// in steps of a 64th of its records, because only the deletion itself tells
// how many bytes they were.
func (r *retention) applySizes(ctx context.Context) error {
	large, err := r.limits(ctx)
	if err != nil {
		return err
	}
	for len(large) > 0 {
		var cuts kadm.Offsets
		for name, l := range large {
			excess := false
			for _, p := range r.cluster.PartitionInfos(name) {
				if l.bytes < 0 || p.NumBytes <= l.bytes || p.LogStartOffset >= p.LastStableOffset {
					continue
				}
				step := max(1, (p.HighWatermark-p.LogStartOffset)/64)
				cuts.AddOffset(name, p.Partition, min(p.LogStartOffset+step, p.LastStableOffset), -1)
				excess = true
			}
			if !excess {
				delete(large, name)
			}
		}
		if err := r.cut(ctx, cuts); err != nil {
			return err
		}
	}
	return nil
}

// cut deletes the records before the offsets.
func (r *retention) cut(ctx context.Context, cuts kadm.Offsets) error {
	if len(cuts) == 0 {
		return nil
	}
	done, err := r.admin.DeleteRecords(ctx, cuts)
	if err != nil {
		return fmt.Errorf("delete records: %w", err)
	}
	var errs []error
	done.Each(func(d kadm.DeleteRecordsResponse) {
		if errors.Is(d.Err, kerr.OffsetOutOfRange) || errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
			return // a client has deleted them, or the topic, meanwhile
		}
		if d.Err != nil {
			errs = append(errs, fmt.Errorf("delete records of %s, partition %d: %w", d.Topic, d.Partition, d.Err))
			return
		}
		r.log.DebugContext(ctx, "old records deleted",
			slog.String("topic", d.Topic), slog.Int("partition", int(d.Partition)), slog.Int64("log_start", d.LowWatermark))
	})
	return errors.Join(errs...)
}
