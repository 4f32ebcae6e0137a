package config_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// work is a command that fails as it is told.
type work struct {
	config.FileFlag

	Version kong.VersionFlag `env:"-"`
	Fail    string           `env:"-"`
	Kafka   struct {
		Create bool
	} `embed:"" prefix:"kafka-"`
}

func (w *work) Run(ctx context.Context, out *bytes.Buffer) error {
	_, _ = fmt.Fprintf(out, "create=%v", w.Kafka.Create)
	switch w.Fail {
	case "settings":
		return fmt.Errorf("start: %w", config.InvalidError{Err: errors.New("bad")})
	case "work":
		return errors.New("away")
	}
	return ctx.Err()
}

func TestTheExitCodeSaysWhatFailed(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, c := range map[string]struct {
		args     []string
		code     int
		out, err string
	}{
		"success":             {nil, 0, "create=true", ""},
		"the work":            {[]string{"--fail=work"}, config.ExitFailure, "create=true", "it: away\n"},
		"the settings":        {[]string{"--fail=settings"}, config.ExitSettings, "create=true", "it: start: bad\n"},
		"the command line":    {[]string{"--fial=work"}, config.ExitSettings, "", "it: unknown flag --fial, did you mean \"--fail\"?\n"},
		"the file":            {[]string{"--config=none.yaml"}, config.ExitSettings, "", "it: settings: open none.yaml: no such file or directory\n"},
		"the version, if any": {[]string{"--version"}, 0, "it 1.2\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out, stderr bytes.Buffer
			line := config.CommandLine{Name: "it", Version: "it 1.2", Out: &out, Err: &stderr}
			grammar := &work{}
			grammar.Kafka.Create = true
			require.Equal(t, c.code, line.Run(t.Context(), grammar, c.args, &out))
			require.Equal(t, c.err, stderr.String())
			if c.code != config.ExitSettings || c.out != "" { // What is wrong on a command line prints the usage.
				require.Equal(t, c.out, out.String())
			}
		})
	}
}

func TestABannerSaysWhatToTry(t *testing.T) {
	b := config.Banner{
		Config: config.NewDev().Config, Broker: "127.0.0.1:9092",
		Producer: []string{"0.0.0.0:8000", "127.0.0.1:8001"}, Consumer: []string{"127.0.0.1:8002"},
		Reads: "reads", Path: "/topics/orders", Body: "{}",
	}
	require.Contains(t, b.String(), "127.0.0.1:9092   (embedded broker, records in sluice-data)")
	require.Contains(t, b.String(), "curl -X POST http://localhost:8000/topics/orders -H 'Content-Type: application/json' -d '{}'")

	b.Config.Broker.Data = ""
	require.Contains(t, b.String(), "(embedded broker, records in memory only)")

	b.Broker, b.Config.Kafka.Brokers = "", []string{"a:1", "b:2"}
	b.Config.Auth.KeysFile = "keys"
	b.Config.HTTP.TLS.CertFile, b.Config.HTTP.TLS.KeyFile = "c", "k"
	require.Contains(t, b.String(), "a:1, b:2   (an existing Kafka)")
	require.Contains(t, b.String(), "curl -X POST https://localhost:8000/topics/orders")
	require.Contains(t, b.String(), "-H 'Authorization: Bearer KEY' -d")
}
