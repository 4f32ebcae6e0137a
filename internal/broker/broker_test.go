package broker_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/broker"
)

func TestMemoryModeKeepsNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg := testConfig()

	b := start(t, cfg)
	produce(t, connect(t, b.Addr()), "orders", "1", "2")
	require.Equal(t, []string{"1", "2"}, read(t, b.Addr(), "orders").values)
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "closing twice is no error")

	b = start(t, cfg)
	require.Empty(t, read(t, b.Addr(), "orders").values)
	left, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, left, "no file is written")
}

func TestRestartKeepsRecordsAndCommittedOffsets(t *testing.T) {
	cfg := testConfig()
	cfg.Data = filepath.Join(t.TempDir(), "not", "there", "yet")

	b := start(t, cfg)
	client := connect(t, b.Addr())
	produce(t, client, "orders", numbers(0, 10)...)
	commit(t.Context(), t, client, "billing", "orders", 7)
	meta, err := kadm.NewClient(client).BrokerMetadata(t.Context())
	require.NoError(t, err)
	client.Close()
	require.NoError(t, b.Close())

	b = start(t, cfg)
	client = connect(t, b.Addr())
	require.Equal(t, numbers(0, 10), read(t, b.Addr(), "orders").values)
	require.Equal(t, int64(7), committed(t, client, "billing", "orders"))
	again, err := kadm.NewClient(client).BrokerMetadata(t.Context())
	require.NoError(t, err)
	require.Equal(t, meta.Cluster, again.Cluster, "the cluster id stays")
	require.Len(t, meta.Cluster, 22, "in Kafka's form")

	produce(t, client, "orders", "10")
	require.Equal(t, int64(11), read(t, b.Addr(), "orders").end, "offsets go on")
}

func TestTopicsAreCreatedOnDemand(t *testing.T) {
	b := start(t, testConfig())
	produce(t, connect(t, b.Addr()), "orders", "1")

	admin := kadm.NewClient(connect(t, b.Addr()))
	topics, err := admin.ListTopics(t.Context(), "orders")
	require.NoError(t, err)
	require.Len(t, topics["orders"].Partitions, 4)

	t.Run("only when the client asks for it", func(t *testing.T) {
		client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.UnknownTopicRetries(0))
		require.NoError(t, err)
		t.Cleanup(client.Close)
		require.ErrorIs(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "typo"}).FirstErr(), kerr.UnknownTopicOrPartition)
	})
	t.Run("only with a name that Kafka allows", func(t *testing.T) {
		client := connect(t, b.Addr(), kgo.UnknownTopicRetries(0))
		for _, name := range []string{"..", "a/b", "a topic"} {
			require.Error(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: name}).FirstErr(), name)
		}
	})
	t.Run("also after very many requests", func(t *testing.T) {
		for i := range 1100 {
			_, err := admin.ListTopics(t.Context(), "orders")
			require.NoError(t, err, i)
		}
		produce(t, connect(t, b.Addr()), "late", "1")
		require.Equal(t, []string{"1"}, read(t, b.Addr(), "late").values)
	})
}

func TestAdvertisedNameDiffersFromTheListener(t *testing.T) {
	cfg := testConfig()
	cfg.Listen, cfg.Advertise = "0.0.0.0:0", "localhost:0"
	b := start(t, cfg)

	host, port, err := net.SplitHostPort(b.Addr())
	require.NoError(t, err)
	require.Equal(t, "localhost", host)
	require.NotEqual(t, "0", port, "the port is the listener's")

	meta, err := kadm.NewClient(connect(t, net.JoinHostPort("127.0.0.1", port))).BrokerMetadata(t.Context())
	require.NoError(t, err)
	require.Len(t, meta.Brokers, 1)
	require.Equal(t, "localhost", meta.Brokers[0].Host)
	require.Equal(t, port, strconv.Itoa(int(meta.Brokers[0].Port)))
}

func TestPortTaken(t *testing.T) {
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()

	cfg := testConfig()
	cfg.Listen, cfg.Data = taken.Addr().String(), filepath.Join(t.TempDir(), "data")
	_, err = broker.Start(cfg, discard())
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	_, port, _ := net.SplitHostPort(cfg.Listen)
	require.ErrorContains(t, err, "port "+port)
	require.ErrorContains(t, err, "--broker-listen")
	require.NoDirExists(t, cfg.Data)
}

func TestSecondBrokerOnOneFolderIsRefused(t *testing.T) {
	cfg := testConfig()
	cfg.Data = t.TempDir()
	b := start(t, cfg)

	_, err := broker.Start(cfg, discard())
	require.ErrorContains(t, err, "broker.data: the folder "+strconv.Quote(cfg.Data)+" is in use by another process (pid "+strconv.Itoa(os.Getpid())+")")
	require.ErrorContains(t, err, "--broker-data")

	require.NoError(t, b.Close())
	start(t, cfg) // the lock was given back
}

func TestFoldersThatCannotBeUsed(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(t *testing.T, path string)
		says    string
	}{
		"a file": {
			func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
			"cannot be created",
		},
		"of a later version": {
			func(t *testing.T, path string) {
				require.NoError(t, os.Mkdir(path, 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(path, "meta.json"), []byte(`{"version":99}`), 0o600))
			},
			"cannot be read: it is damaged or was written by another version",
		},
		"damaged": {
			func(t *testing.T, path string) {
				dir := filepath.Join(path, "partitions", "orders-0")
				require.NoError(t, os.MkdirAll(dir, 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(dir, "log-start-offset"), []byte("?"), 0o600))
			},
			"cannot be prepared",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Data = filepath.Join(t.TempDir(), "data")
			tc.prepare(t, cfg.Data)
			_, err := broker.Start(cfg, discard())
			require.ErrorContains(t, err, "broker.data: the folder "+strconv.Quote(cfg.Data)+" "+tc.says)
		})
	}
}

func TestForeignProtocolsDoNoHarm(t *testing.T) {
	b := start(t, testConfig())
	for name, sent := range map[string]string{
		"HTTP":             "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"an unknown key":   "\x00\x00\x00\x08\x7f\xff\x00\x00\x00\x00\x00\x01",
		"an endless one":   "\xff\xff\xff\xff\x00\x03\x00\x00\x00\x00\x00\x01",
		"too short a one":  "\x00\x00\x00\x04\x00\x03\x00\x00\x00\x00\x00\x01",
		"TLS client hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
	} {
		t.Run(name, func(t *testing.T) {
			var d net.Dialer
			conn, err := d.DialContext(t.Context(), "tcp", b.Addr())
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			_, err = conn.Write([]byte(sent))
			require.NoError(t, err)
			answer, _ := io.ReadAll(conn) // ends when the broker closes, perhaps with a reset
			require.Empty(t, answer)
		})
	}
	produce(t, connect(t, b.Addr()), "orders", "1")
	require.Equal(t, []string{"1"}, read(t, b.Addr(), "orders").values)
}

// Java's admin client and the tools built on it fail at some of kfake's
// answers; these are the ways around that hold only as long as kfake obliges.
func TestJavaToolsAreAnsweredAsTheyNeed(t *testing.T) {
	b := start(t, testConfig())
	client := connect(t, b.Addr())

	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(t.Context(), client)
	require.NoError(t, err)
	highest := make(map[int16]int16)
	for _, k := range versions.ApiKeys {
		highest[k.ApiKey] = k.MaxVersion
	}
	require.Equal(t, int16(4), highest[kmsg.CreateTopics.Int16()], "from version 5 on, configs are null")
	require.NotContains(t, highest, kmsg.DescribeTopicPartitions.Int16(), "offline replicas are null")

	produce(t, client, "orders", "1")
	commit(t.Context(), t, client, "billing", "orders", 1)
	for _, filter := range [][]string{nil, {"Classic"}, {"classic"}, {"Consumer"}} {
		req := kmsg.NewPtrListGroupsRequest()
		req.TypesFilter = filter
		groups, err := req.RequestWith(t.Context(), client)
		require.NoError(t, err)
		if len(filter) == 1 && filter[0] == "Consumer" {
			require.Empty(t, groups.Groups)
			continue
		}
		require.Len(t, groups.Groups, 1, filter)
		require.Equal(t, "billing", groups.Groups[0].Group)
	}
}
