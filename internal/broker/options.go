package broker

import (
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"strconv"
	"time"

	"sluice/internal/units"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// options are kfake's options that follow from the settings, all but the
// listener. Values that Kafka has and kfake does not are Kafka's defaults.
func options(cfg Config, log *slog.Logger) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.DefaultNumPartitions(cfg.Partitions),
		kfake.ClusterID(newClusterID()),
		kfake.WithLogger(kfakeLog{log}),
		kfake.BrokerConfigs(brokerConfigs(cfg.Retention)),
		kfake.MaxVersions(versions()),
	}
	if cfg.Data != "" {
		opts = append(opts, kfake.DataDir(cfg.Data))
	}
	if cfg.Sync {
		opts = append(opts, kfake.SyncWrites())
	}
	return opts
}

// versions are those of the newest Kafka, less what makes Java's admin client
// fail, and with it every tool that is built on it: kfake answers with null
// where Kafka has an empty list. Without them, the client asks in the way of
// older brokers.
func versions() *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(kmsg.CreateTopics.Int16(), 4)
	v.SetMaxKeyVersion(kmsg.DescribeTopicPartitions.Int16(), -1)
	return v
}

// never is as good as for ever, and small enough for kfake's arithmetic.
const never = 100 * 365 * 24 * time.Hour

// brokerConfigs are the broker's own settings in Kafka's words, as clients see
// them when they describe it.
func brokerConfigs(r Retention) map[string]string {
	return map[string]string{
		// kfake's own cleaner is kept from running: it deletes whatever stands
		// before an old timestamp, and rewrites compacted topics in place, so
		// that a kill in that moment loses them. See retention.
		"log.cleaner.backoff.ms":         millis(never),
		"log.retention.ms":               limit(r.Time.Milliseconds()),
		"log.retention.bytes":            limit(int64(r.Bytes)),
		"log.segment.bytes":              strconv.FormatInt(segmentBytes(r.Bytes), 10),
		"group.max.session.timeout.ms":   millis(30 * time.Minute),
		"default.replication.factor":     "1",
		"transactional.id.expiration.ms": millis(7 * 24 * time.Hour),
	}
}

// segmentBytes is the size of the files that a partition is stored in: the
// disk is freed one file at a time, so they are small beside the limit.
func segmentBytes(retention units.Bytes) int64 {
	if retention == 0 {
		retention = 128 * units.MiB
	}
	return int64(min(max(retention/8, units.MiB), 16*units.MiB))
}

// limit writes a limit as Kafka does, where -1 is none.
func limit(n int64) string {
	if n == 0 {
		n = -1
	}
	return strconv.FormatInt(n, 10)
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// newClusterID names a new cluster, in Kafka's form. A data folder keeps the
// name that it was created with.
func newClusterID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(id[:])
}
