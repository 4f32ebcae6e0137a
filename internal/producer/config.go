// Package producer is service A's write path: the one way by which a record
// gets into Kafka, and the only place that says whether it did. It knows the
// Kafka client and nothing of HTTP; the wire formats are in package dialect.
package producer

import (
	"errors"
	"fmt"
	"time"

	"sluice/internal/units"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Config are the settings of service A.
type Config struct {
	Listen       []string      `yaml:"listen" help:"Addresses to listen on, host:port, separated by commas."`
	Topic        string        `yaml:"topic" env:"SLUICE_PRODUCER_TOPIC,KAFKA_TOPIC" help:"Topic of POST /produce."`
	Timeout      time.Duration `yaml:"timeout" help:"Deadline of a request: how long it waits for Kafka's acknowledgement."`
	Compression  string        `yaml:"compression" help:"Compression of batches sent to Kafka: none, lz4, zstd, snappy or gzip."`
	Limits       Limits        `yaml:"limits" embed:"" prefix:"limits-"`
	CreateTopics bool          `yaml:"create_topics" negatable:"" help:"Create a topic that a request names and Kafka does not have."`
}

// Limits bound what service A holds at any time.
type Limits struct {
	Body     units.Bytes `yaml:"body" help:"Largest request body."`
	Record   units.Bytes `yaml:"record" help:"Largest record: key, value and headers together."`
	InFlight units.Bytes `yaml:"in_flight" help:"Bytes of all requests and records that have not ended."`
	Requests int         `yaml:"requests" help:"Requests, and pieces of streams, that have not ended."`
	Entries  int         `yaml:"entries" help:"Entries of one records:batch request of REST Proxy v3."`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Listen:      []string{":8000"},
		Topic:       "test-topic",
		Timeout:     10 * time.Second,
		Compression: "none",
		Limits: Limits{
			Body:     10 * units.MiB,
			Record:   900 * units.KiB,
			InFlight: 256 * units.MiB,
			Requests: 10_000,
			Entries:  10,
		},
	}
}

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
	"snappy": kgo.SnappyCompression(),
	"gzip":   kgo.GzipCompression(),
}

// Validate checks the settings; its errors name them.
func (c Config) Validate() error {
	var errs []error
	if len(c.Listen) == 0 {
		errs = append(errs, errors.New("producer.listen: at least one address is needed"))
	}
	if !ValidTopic(c.Topic) {
		errs = append(errs, fmt.Errorf("producer.topic: %q is not a topic name", c.Topic))
	}
	if c.Timeout < 200*time.Millisecond || c.Timeout > 10*time.Minute {
		errs = append(errs, fmt.Errorf("producer.timeout: %s is not between 200ms and 10m", c.Timeout))
	}
	if _, ok := codecs[c.Compression]; !ok {
		errs = append(errs, fmt.Errorf("producer.compression: %q is not none, lz4, zstd, snappy or gzip", c.Compression))
	}
	for name, size := range map[string]units.Bytes{"body": c.Limits.Body, "record": c.Limits.Record, "in_flight": c.Limits.InFlight} {
		if size < units.KiB {
			errs = append(errs, fmt.Errorf("producer.limits.%s: %s is below 1KiB", name, size))
		}
	}
	if c.Limits.Requests < 2 {
		errs = append(errs, errors.New("producer.limits.requests: must be at least 2, for a stream and a piece of it"))
	}
	if c.Limits.Entries < 1 {
		errs = append(errs, errors.New("producer.limits.entries: must be at least 1"))
	}
	// The largest body, or the largest line and its key, with what surrounds
	// them: room that can never be had would be waited for.
	if least := max(c.Limits.Body, 2*c.Limits.Record) + 2*units.MiB; c.Limits.InFlight < least {
		errs = append(errs, fmt.Errorf("producer.limits.in_flight: must be at least %s, for the largest body and record that are allowed", least))
	}
	return errors.Join(errs...)
}

// ValidTopic reports whether name is a legal topic name: 1 to 249 of
// [A-Za-z0-9._-], and neither "." nor "..".
func ValidTopic(name string) bool {
	if name == "" || len(name) > 249 || name == "." || name == ".." {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
