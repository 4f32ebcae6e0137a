package kafka_test

import (
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"sluice/internal/kafka"
)

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	cluster := newCluster(t, kfake.TLS(ca.server(false)))
	cfg := kafka.Config{Brokers: cluster.ListenAddrs()}

	cfg.TLS = kafka.TLS{CAFile: ca.file}
	require.NoError(t, connect(t, cfg))
	cfg.TLS = kafka.TLS{CAFile: ca.file, ServerName: "broker"}
	require.NoError(t, connect(t, cfg))
	cfg.TLS = kafka.TLS{CAFile: ca.file, ServerName: "somebody.else"}
	require.ErrorContains(t, connect(t, cfg), "somebody.else")
	cfg.TLS = kafka.TLS{Enabled: true}
	require.ErrorContains(t, connect(t, cfg), "certificate", "the system does not know this authority")
	cfg.TLS = kafka.TLS{}
	require.Error(t, connect(t, cfg), "in the clear")
}

func TestMutualTLS(t *testing.T) {
	ca := newAuthority(t)
	cluster := newCluster(t, kfake.TLS(ca.server(true)))
	cfg := kafka.Config{Brokers: cluster.ListenAddrs(), TLS: kafka.TLS{CAFile: ca.file}}
	require.Error(t, connect(t, cfg), "without a certificate")
	cfg.TLS.CertFile, cfg.TLS.KeyFile = ca.sign("sluice")
	require.NoError(t, connect(t, cfg))
	cfg.TLS.CertFile, cfg.TLS.KeyFile = newAuthority(t).sign("sluice")
	require.Error(t, connect(t, cfg), "of another authority")
}

func TestSASL(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			cluster := newCluster(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "sluice", "s3cret, word"))
			cfg := kafka.Config{Brokers: cluster.ListenAddrs()}
			require.Error(t, connect(t, cfg), "without a user")
			cfg.SASL = kafka.SASL{Mechanism: mechanism, User: "sluice", PasswordFile: write(t, "password", "s3cret, word\n")}
			require.NoError(t, connect(t, cfg))
			require.NoError(t, os.WriteFile(cfg.SASL.PasswordFile, []byte("wrong"), 0o600))
			err := connect(t, cfg)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "wrong", "the password is nobody's business")
		})
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	valid := kafka.DefaultConfig()
	require.NoError(t, valid.Validate())
	for want, change := range map[string]func(*kafka.Config){
		"kafka.brokers: at least one":       func(c *kafka.Config) { c.Brokers = nil },
		`kafka.brokers: "kafka" is not`:     func(c *kafka.Config) { c.Brokers = []string{"kafka"} },
		"cert_file and key_file":            func(c *kafka.Config) { c.TLS.CertFile = "x" },
		`kafka.sasl.mechanism: "GSSAPI"`:    func(c *kafka.Config) { c.SASL.Mechanism = "GSSAPI" },
		"user and password_file are needed": func(c *kafka.Config) { c.SASL.Mechanism = "PLAIN" },
		"kafka.sasl.mechanism: is missing":  func(c *kafka.Config) { c.SASL.User = "me" },
	} {
		c := kafka.DefaultConfig()
		change(&c)
		require.ErrorContains(t, c.Validate(), want)
	}
	for want, c := range map[string]kafka.Config{
		"kafka.tls.ca_file":        {TLS: kafka.TLS{CAFile: "nowhere"}},
		"holds no certificate":     {TLS: kafka.TLS{CAFile: write(t, "empty", "")}},
		"kafka.tls.cert_file":      {TLS: kafka.TLS{CertFile: "nowhere", KeyFile: "nowhere"}},
		"kafka.sasl.password_file": {SASL: kafka.SASL{Mechanism: "PLAIN", User: "me", PasswordFile: "nowhere"}},
	} {
		_, err := c.Options(slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, want)
	}
}
