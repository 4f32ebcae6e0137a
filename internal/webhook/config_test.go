package webhook_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sluice/internal/webhook"
)

func TestConfig(t *testing.T) {
	tests := []struct{ name, yaml, err string }{
		{"a URL is enough", `{url: "https://billing.example/hook"}`, ""},
		{"everything", `{url: "http://127.0.0.1:8080/hook?a=b", secrets_file: x, allow_networks: [127.0.0.0/8, "fd12::/48", 10.1.2.3/32], timeout: 3s}`, ""},
		{"none", `{}`, "h.webhook.url: is missing"},
		{"another scheme", `{url: "ftp://a"}`, `h.webhook.url: "ftp" is neither http nor https`},
		{"no scheme", `{url: "billing.example/hook"}`, `"" is neither http nor https`},
		{"no host", `{url: "http:///hook"}`, "has no host"},
		{"a port only", `{url: "http://:80/hook"}`, "has no host"},
		{"opaque", `{url: "http:billing.example"}`, "has no host"},
		{"a password", `{url: "https://me:hunter2@billing.example"}`, "has a user or a password"},
		{"a user", `{url: "https://me@billing.example"}`, "has a user or a password"},
		{"a fragment", `{url: "https://billing.example/#x"}`, "has a fragment"},
		{"a password in what is no URL", `{url: "https://me:hunter2@billing.example:port"}`, "is not a URL"},
		{"a line end", `{url: "https://a/\r\nx: y"}`, "is not a URL"},
		{"an address as network", `{url: "http://a", allow_networks: [10.1.2.3]}`, "h.webhook.allow_networks: 10.1.2.3 is an address: for it alone write 10.1.2.3/32"},
		{"an IPv6 address as network", `{url: "http://a", allow_networks: ["fd12::1"]}`, "write fd12::1/128"},
		{"bits beyond the length", `{url: "http://a", allow_networks: [10.1.2.3/8]}`, "did you mean 10.0.0.0/8"},
		{"a mapped network", `{url: "http://a", allow_networks: ["::ffff:10.0.0.0/104"]}`, "write it as IPv4"},
		{"no network", `{url: "http://a", allow_networks: [private]}`, `"private" is not a network`},
		{"a negative timeout", `{url: "http://a", timeout: -1s}`, "h.webhook.timeout: -1s is not between"},
		{"a long timeout", `{url: "http://a", timeout: 10m}`, "h.webhook.timeout: 10m0s is not between"},
		{"two mistakes", `{allow_networks: [x], timeout: 10m}`, "h.webhook.timeout: 10m0s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var cfg webhook.Config
			require.NoError(t, yaml.UnmarshalWithOptions([]byte(tt.yaml), &cfg, yaml.Strict()))
			err := cfg.Validate("h.webhook")
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.err)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestNewRefuses(t *testing.T) {
	good := "https://billing.example"
	tests := []struct {
		name, handler string
		cfg           webhook.Config
		err           string
	}{
		{"wrong settings", "a b", webhook.Config{}, "consumer.handlers[a b].webhook.url: is missing"},
		{"a missing file", "a", webhook.Config{URL: good, SecretsFile: filepath.Join(t.TempDir(), "none")}, "consumer.handlers[a].webhook.secrets_file: "},
		{"a folder", "a", webhook.Config{URL: good, SecretsFile: t.TempDir()}, "is not a regular file"},
		{"no name", "", webhook.Config{URL: good}, "needs the name of its handler"},
		{"a long name", strings.Repeat("ż", 40), webhook.Config{URL: good, Timeout: time.Second}, "choose a shorter one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, log := newLog()
			_, err := webhook.New(tt.cfg, tt.handler, log, prometheus.NewRegistry())
			require.ErrorContains(t, err, tt.err)
		})
	}
}

func TestTwoWebhooksShareARegistry(t *testing.T) {
	_, log := newLog()
	reg := prometheus.NewRegistry()
	for _, name := range []string{"a", "b", "not UTF-8 \xff"} {
		w, err := webhook.New(webhook.Config{URL: "https://billing.example"}, name, log, reg)
		require.NoError(t, err)
		w.Close()
	}
	families, err := reg.Gather()
	require.NoError(t, err)
	require.Len(t, families, 4)
	for _, f := range families {
		if f.GetName() == "sluice_webhook_gone" {
			require.Len(t, f.GetMetric(), 3)
		}
	}
}
