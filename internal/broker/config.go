package broker

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"sluice/internal/units"
)

// Config are the settings of the embedded broker.
type Config struct {
	Listen     string    `yaml:"listen" help:"Address of the embedded broker, host:port; port 0 takes a free one."`
	Advertise  string    `yaml:"advertise" help:"Address that clients are told to connect to, host:port; the one listened on when empty, port 0 for the port listened on."`
	Data       string    `yaml:"data" help:"Folder that keeps records, topics and committed offsets; memory only when empty."`
	Partitions int       `yaml:"partitions" help:"Partitions of a topic that is created on demand."`
	Retention  Retention `yaml:"retention" embed:"" prefix:"retention-"`
	Sync       bool      `yaml:"sync" help:"Flush every batch to the disk before it is acknowledged: survives a power cut, at a fraction of the speed."`
}

// Retention says when records are deleted. A topic's own retention.ms,
// retention.bytes and cleanup.policy come before it.
type Retention struct {
	Time  time.Duration `yaml:"time" help:"Age, by their timestamps, at which records are deleted; 0 for never."`
	Bytes units.Bytes   `yaml:"bytes" help:"Size of a partition above which its oldest records are deleted; 0 for no limit."`
	Every time.Duration `yaml:"every" help:"How often ages are looked at; sizes are also looked at as records come in."`
}

// minRetention keeps a partition from being smaller than the largest batch
// that clients may write to it.
const minRetention = 2 * units.MiB

// DefaultConfig listens on loopback and keeps a week of records, at most
// 128 MiB for each partition, in the working directory.
func DefaultConfig() Config {
	return Config{
		Listen:     "127.0.0.1:9092",
		Data:       "sluice-data",
		Partitions: 4,
		Retention:  Retention{Time: 7 * 24 * time.Hour, Bytes: 128 * units.MiB, Every: time.Minute},
	}
}

// Validate checks what can be checked without opening anything. Its errors
// name the setting.
func (c Config) Validate() error {
	var errs []error
	host, _, err := splitAddress(c.Listen)
	if err != nil {
		errs = append(errs, fmt.Errorf("broker.listen: %w", err))
	}
	if c.Advertise != "" {
		name, _, err := splitAddress(c.Advertise)
		if err == nil && unspecified(name) {
			err = fmt.Errorf("%q names no host that a client could connect to", c.Advertise)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("broker.advertise: %w", err))
		}
	} else if err == nil && unspecified(host) {
		errs = append(errs, fmt.Errorf("broker.advertise: is needed when broker.listen (%q) means every address: clients must be told which one to use, e.g. localhost:9092", c.Listen))
	}
	if c.Partitions < 1 {
		errs = append(errs, fmt.Errorf("broker.partitions: %d is less than 1", c.Partitions))
	}
	return errors.Join(append(errs, c.Retention.validate())...)
}

func (r Retention) validate() error {
	var errs []error
	if r.Time < 0 || (r.Time > 0 && r.Time < time.Millisecond) {
		errs = append(errs, fmt.Errorf("broker.retention.time: %s is neither 0 nor a millisecond or more", r.Time))
	}
	if r.Bytes < 0 || (r.Bytes > 0 && r.Bytes < minRetention) {
		errs = append(errs, fmt.Errorf("broker.retention.bytes: %s is neither 0 nor %s or more", r.Bytes, minRetention))
	}
	if r.Every <= 0 {
		errs = append(errs, fmt.Errorf("broker.retention.every: %s is not a positive time", r.Every))
	}
	return errors.Join(errs...)
}

// splitAddress takes host:port apart. The host may be empty, the port 0.
func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not host:port", address)
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%q has no port from 0 to 65535", address)
	}
	return host, int(number), nil
}

// unspecified reports whether a host stands for every address of a machine.
func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || (ip != nil && ip.IsUnspecified())
}
