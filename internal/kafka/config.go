// Package kafka is what both services need to know about a Kafka cluster: how
// to reach it, whether it answers, which topics it has, and what its errors
// mean. It knows nothing about records in flight, groups or HTTP.
package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"github.com/twmb/franz-go/plugin/kslog"
)

// Config says how to reach a cluster. Kafka 2.8 or newer is expected.
type Config struct {
	Brokers []string `yaml:"brokers" env:"SLUICE_KAFKA_BROKERS,KAFKA_BOOTSTRAP_SERVERS" aliases:"brokers" help:"Bootstrap brokers, host:port, separated by commas."`
	Create  bool     `yaml:"create" negatable:"" help:"Create the services' own topics at start where they are missing."`
	TLS     TLS      `yaml:"tls" embed:"" prefix:"tls-"`
	SASL    SASL     `yaml:"sasl" embed:"" prefix:"sasl-"`
}

// TLS turns encryption on when Enabled is set or any file is named.
type TLS struct {
	Enabled    bool   `yaml:"enabled" help:"Connect to the brokers with TLS; implied by any of the files."`
	CAFile     string `yaml:"ca_file" help:"PEM file of the authorities that sign the brokers' certificates; the system's when empty."`
	CertFile   string `yaml:"cert_file" help:"PEM file of our certificate, for mutual TLS; read again at each connection."`
	KeyFile    string `yaml:"key_file" help:"PEM file of our certificate's key."`
	ServerName string `yaml:"server_name" help:"Name that the brokers' certificates must carry; the host dialled when empty."`
}

// SASL authenticates with a user and a password when Mechanism is set.
type SASL struct {
	Mechanism    string `yaml:"mechanism" help:"PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty for none."`
	User         string `yaml:"user" help:"User name."`
	PasswordFile string `yaml:"password_file" help:"File whose content, less a last line end, is the password; read again at each connection."`
}

// DefaultConfig reaches a broker on this host.
func DefaultConfig() Config {
	return Config{Brokers: []string{"localhost:9092"}, Create: true}
}

// on reports whether connections are encrypted.
func (t TLS) on() bool { return t.Enabled || t.CAFile != "" || t.CertFile != "" || t.KeyFile != "" }

// Validate checks what can be checked without a connection. Its errors name
// the setting.
func (c Config) Validate() error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("kafka.brokers: at least one host:port is needed"))
	}
	for _, b := range c.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			errs = append(errs, fmt.Errorf("kafka.brokers: %q is not host:port", b))
		}
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		errs = append(errs, errors.New("kafka.tls: cert_file and key_file go together"))
	}
	switch c.SASL.Mechanism {
	case "":
		if c.SASL.User != "" || c.SASL.PasswordFile != "" {
			errs = append(errs, errors.New("kafka.sasl.mechanism: is missing beside a user or a password"))
		}
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
		if c.SASL.User == "" || c.SASL.PasswordFile == "" {
			errs = append(errs, errors.New("kafka.sasl: user and password_file are needed with a mechanism"))
		}
	default:
		errs = append(errs, fmt.Errorf("kafka.sasl.mechanism: %q is not PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", c.SASL.Mechanism))
	}
	return errors.Join(errs...)
}

// Backoff is the pause before a client's repetition of a request: from a tenth
// of a second up to one second.
func Backoff(tries int) time.Duration {
	return min(100*time.Millisecond<<min(max(tries-1, 0), 4), time.Second)
}

// DialTimeout bounds one connection attempt of the clients that do the work,
// handshakes included.
const DialTimeout = 3 * time.Second

// Options are the client options that follow from the settings, the same for
// every client of the process. The client's own log is passed on at debug
// level only: what a user must know is said by us, once.
func (c Config) Options(log *slog.Logger) ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID("sluice"),
		kgo.SoftwareNameAndVersion("sluice", "1"),
		kgo.DisableClientMetrics(),
		// A moved leader is looked up as soon as it is noticed, and a broker
		// that is back is found within a second.
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.MetadataMaxAge(30 * time.Second),
		kgo.RetryBackoffFn(Backoff),
	}
	if log.Enabled(context.Background(), slog.LevelDebug) {
		opts = append(opts, kgo.WithLogger(kslog.New(log.With(slog.String("component", "kafka_client")))))
	}
	dial, err := c.Dialer(DialTimeout)
	if err != nil {
		return nil, err
	}
	opts = append(opts, kgo.Dialer(dial))
	if c.SASL.Mechanism != "" {
		if _, err := c.SASL.password(); err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(c.SASL.mechanism()))
	}
	return opts, nil
}

// Dialer connects to a broker as the settings say, in the clear or with TLS,
// within the time-out.
func (c Config) Dialer(timeout time.Duration) (func(ctx context.Context, network, host string) (net.Conn, error), error) {
	plain := &net.Dialer{Timeout: timeout}
	if !c.TLS.on() {
		return plain.DialContext, nil
	}
	conf, err := c.TLS.config()
	if err != nil {
		return nil, err
	}
	encrypted := &tls.Dialer{NetDialer: plain, Config: conf}
	return encrypted.DialContext, nil
}

func (t TLS) config() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("kafka.tls.ca_file: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("kafka.tls.ca_file: %s holds no certificate", t.CAFile)
		}
	}
	if t.CertFile == "" {
		return conf, nil
	}
	load := func() (*tls.Certificate, error) {
		cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("kafka.tls.cert_file: %w", err)
		}
		return &cert, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	return conf, nil
}

func (s SASL) password() (string, error) {
	text, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("kafka.sasl.password_file: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}

func (s SASL) mechanism() sasl.Mechanism {
	if s.Mechanism == "PLAIN" {
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			pass, err := s.password()
			return plain.Auth{User: s.User, Pass: pass}, err
		})
	}
	auth := func(context.Context) (scram.Auth, error) {
		pass, err := s.password()
		return scram.Auth{User: s.User, Pass: pass}, err
	}
	if s.Mechanism == "SCRAM-SHA-256" {
		return scram.Sha256(auth)
	}
	return scram.Sha512(auth)
}
