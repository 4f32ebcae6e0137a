package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// execute runs the program in a folder of its own, with a clean environment.
func execute(t *testing.T, env map[string]string, file string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "SLUICE_") || strings.HasPrefix(name, "KAFKA_") {
			t.Setenv(name, "") // So that it is restored.
			require.NoError(t, os.Unsetenv(name))
		}
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	t.Chdir(t.TempDir())
	if file != "" {
		require.NoError(t, os.WriteFile("sluice.yaml", []byte(file), 0o600))
	}
	var out, err bytes.Buffer
	code = run(context.Background(), args, streams{&out, &err})
	return code, out.String(), err.String()
}

func TestPrecedenceOfSettings(t *testing.T) {
	const file = "producer:\n  topic: from-file\n  timeout: 3s\n  limits: {in_flight: 20MiB}\nkafka:\n  brokers: [one:1, two:2]\n  create: false\n"
	for name, c := range map[string]struct {
		env  map[string]string
		file string
		args []string
		want []string
	}{
		"defaults":     {nil, "", nil, []string{"topic: test-topic", "timeout: 10s", "- localhost:9092", "create: true", "in_flight: 256MiB", "level: INFO"}},
		"file":         {nil, file, nil, []string{"topic: from-file", "timeout: 3s", "- one:1\n  - two:2", "create: false", "in_flight: 20MiB", "requests: 10000"}},
		"environment":  {map[string]string{"SLUICE_PRODUCER_TOPIC": "from-env", "SLUICE_PRODUCER_LIMITS_IN_FLIGHT": "30MiB"}, file, nil, []string{"topic: from-env", "in_flight: 30MiB", "timeout: 3s"}},
		"flag":         {map[string]string{"SLUICE_PRODUCER_TOPIC": "from-env"}, file, []string{"--producer-topic=from-flag", "--kafka-create"}, []string{"topic: from-flag", "create: true"}},
		"aliases":      {map[string]string{"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "KAFKA_TOPIC": "orders"}, "", nil, []string{"- kafka:9092", "topic: orders"}},
		"short flag":   {nil, file, []string{"--brokers=three:3"}, []string{"- three:3"}},
		"list by flag": {nil, "", []string{"--brokers=a:1,b:2"}, []string{"- a:1\n  - b:2"}},
		"handlers in the file": {
			nil, "consumer:\n  handlers:\n  - {name: a, topics: [x, z], group: g, start: latest, log: {}}\n", nil,
			[]string{"name: a", "- x\n    - z", "group: g", "start: latest", "log: {}"},
		},
		"handlers in the environment": {
			map[string]string{"SLUICE_CONSUMER_HANDLERS": "[{name: b, topics: [z], group: h, log: {}}]"},
			"", nil,
			[]string{"name: b", "group: h", "start: earliest"},
		},
		"auth: none":      {map[string]string{"SLUICE_AUTH": "none"}, "", nil, []string{"auth: none"}},
		"auth taken back": {map[string]string{"SLUICE_AUTH": ""}, "", nil, []string{"auth: null"}},
		"auth in the file": {
			nil, "auth:\n  keys_file: keys\n  principals:\n  - {name: shop, topics: [orders, 'orders.*'], rights: [read, write], limits: {records: 1000, bytes: 1MiB}}\n", nil,
			[]string{"keys_file: keys", "- name: shop", "- orders.*", "- write", "bytes: 1MiB", "principal_claim: sub"},
		},
		"auth in the environment": {
			map[string]string{"SLUICE_AUTH_KEYS_FILE": "keys", "SLUICE_AUTH_PRINCIPALS": `[{name: "*", topics: ["*"], rights: [read]}]`},
			"", nil,
			[]string{"keys_file: keys", `- name: "*"`},
		},
		"http": {
			map[string]string{"SLUICE_HTTP_TRUSTED_PROXIES": "10.0.0.0/8,::1"},
			"http: {cors: ['https://a.example'], connections: 7}\n",
			[]string{"--http-tls-cert-file=c", "--http-tls-key-file=k"},
			[]string{"- 10.0.0.0/8\n  - ::1", "- https://a.example", "connections: 7", "cert_file: c", "key_file: k"},
		},
		"blocks that are commented out": {nil, "producer:\n  # topic: x\n", nil, []string{"topic: test-topic"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, stderr := execute(t, c.env, c.file, append([]string{"config", "print"}, c.args...)...)
			require.Zero(t, code, stderr)
			for _, want := range c.want {
				require.Contains(t, out, want)
			}
			// What is printed is a settings file that means the same.
			code, again, stderr := execute(t, nil, out, "config", "print")
			require.Zero(t, code, stderr)
			require.Equal(t, out, again)
		})
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for want, c := range map[string]struct {
		env  map[string]string
		file string
		args []string
	}{
		"lissten":                     {file: "producer:\n  lissten: [':1']\n"},
		"producers":                   {file: "producers: {}\n"},
		"topicc":                      {file: "consumer: {handlers: [{name: a, topicc: x}]}\n"},
		"timeout":                     {file: "producer: {timeout: 5}\n", args: []string{"--producer-timeout=soon"}},
		"producer.timeout":            {file: "producer: {timeout: 1ms}\n"},
		"SLUICE_PRODUCER_LIMITS_BODY": {env: map[string]string{"SLUICE_PRODUCER_LIMITS_BODY": "big"}},
		"producer.compression":        {file: "producer: {compression: rar}\n"},
		`"basic" is not none`:         {file: "auth: basic\n"},
		"keys_fil":                    {file: "auth: {keys_fil: x}\n"},
		"auth.keys_file, auth.principals is set": {
			env: map[string]string{"SLUICE_AUTH": "none"}, file: "auth: {keys_file: x, principals: [{name: '*', topics: ['*'], rights: [read]}]}\n",
		},
		"auth.principals: at least one": {args: []string{"--auth-keys-file=x"}},
		"auth.mtls.ca_file: needs":      {args: []string{"--auth-mtls-ca-file=x", "--auth-principals=[{name: x, topics: [x], rights: [read]}]"}},
		"auth.principals[x].rights":     {args: []string{"--auth-principals=[{name: x, topics: [x], rights: [rule]}]"}},
		"http.tls":                      {file: "http: {tls: {cert_file: x}}\n"},
		"http.cors":                     {args: []string{"--http-cors=example"}},
		"http.trusted_proxies":          {args: []string{"--http-trusted-proxies=proxy"}},
		"consumer.handlers[x]":          {file: "consumer: {handlers: [{name: x, topics: [t], group: g}]}\n"},
		"used twice":                    {file: "consumer: {handlers: [{name: x, topics: [t], group: g, log: {}}, {name: x, topics: [t], group: h, log: {}}]}\n"},
		"yaml":                          {file: "producer: {listen: [\n"},
		"broker.retention.bytes":        {file: "broker: {retention: {bytes: 1KiB}}\n"},
	} {
		t.Run(want, func(t *testing.T) {
			code, _, stderr := execute(t, c.env, c.file, append([]string{"config", "check"}, c.args...)...)
			require.Equal(t, 2, code)
			require.Contains(t, stderr, want)
		})
	}
	code, _, stderr := execute(t, nil, "", "config", "check", "--config", "nowhere.yaml")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "nowhere.yaml")
	code, out, _ := execute(t, nil, "auth: none\n", "config", "check")
	require.Zero(t, code)
	require.Contains(t, out, "valid")
}

// The page of settings in docs/ is what the program says of itself.
func TestSettingsAreDocumented(t *testing.T) {
	docs, err := filepath.Abs("../../docs/settings.md")
	require.NoError(t, err)
	want, err := os.ReadFile(docs)
	require.NoError(t, err)
	code, out, stderr := execute(t, nil, "", "config", "docs")
	require.Zero(t, code, stderr)
	require.Contains(t, string(want), out, "run: bin/sluice config docs, and put the table into docs/settings.md")
}

func TestHelpListsEverySettingOfItsCommand(t *testing.T) {
	for command, c := range map[string]struct{ with, without string }{
		"dev":      {"--broker-data", "--nothing"},
		"producer": {"--producer-listen", "--consumer-listen"},
		"consumer": {"--consumer-handlers", "--producer-listen"},
		"broker":   {"--broker-advertise", "--auth-keys-file"},
	} {
		code, out, _ := execute(t, nil, "", command, "--help")
		require.Zero(t, code)
		require.Contains(t, out, c.with)
		require.NotContains(t, out, c.without)
	}
	code, out, _ := execute(t, nil, "")
	require.Zero(t, code)
	require.Contains(t, out, "healthcheck")
}

// The key is alone on standard output, and its file opens the service to it.
func TestKeysNew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	code, key, stderr := execute(t, nil, "", "keys", "new", "shop", "--file", file)
	require.Zero(t, code, stderr)
	require.Regexp(t, `^sluice_\S{43}\n$`, key)
	require.NotContains(t, stderr, strings.TrimSpace(key))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Regexp(t, `^shop sha256:[0-9a-f]{64} # created \S+Z\n$`, string(text))
	require.NotContains(t, string(text), strings.TrimSpace(key))

	code, _, stderr = execute(t, nil, "", "keys", "new", "shop")
	require.Zero(t, code)
	require.Regexp(t, `shop sha256:[0-9a-f]{64} # created`, stderr)
	code, _, stderr = execute(t, nil, "", "keys", "new", "a b")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "principal's name")
	code, _, _ = execute(t, nil, "", "keys", "new", "shop", "--file", filepath.Join(file, "keys"))
	require.Equal(t, 1, code)
}

func TestVersion(t *testing.T) {
	code, out, _ := execute(t, nil, "", "version")
	require.Zero(t, code)
	require.Regexp(t, `^sluice \S+\n$`, out)
}

func TestCommandLinesThatAreWrong(t *testing.T) {
	for _, args := range [][]string{{"prodcer"}, {"producer", "--nothing"}, {"topic", "create"}, {"topic", "create", "--partitions=0", "x"}} {
		code, _, stderr := execute(t, nil, "", args...)
		require.Equal(t, 2, code, args)
		require.Contains(t, stderr, "sluice: ")
	}
}
