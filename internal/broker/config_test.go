package broker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/broker"
	"sluice/internal/units"
)

func TestDefaultConfigIsValid(t *testing.T) {
	require.NoError(t, broker.DefaultConfig().Validate())
}

func TestConfigErrorsNameTheSetting(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*broker.Config)
		says   string
	}{
		"listen without a port":         {func(c *broker.Config) { c.Listen = "localhost" }, `broker.listen: "localhost" is not host:port`},
		"listen on a named port":        {func(c *broker.Config) { c.Listen = "localhost:kafka" }, `broker.listen: "localhost:kafka" has no port from 0 to 65535`},
		"everywhere without a name":     {func(c *broker.Config) { c.Listen = ":9092" }, `broker.advertise: is needed when broker.listen (":9092") means every address`},
		"everywhere in IPv6":            {func(c *broker.Config) { c.Listen = "[::]:9092" }, "broker.advertise: is needed"},
		"advertise without a port":      {func(c *broker.Config) { c.Advertise = "kafka" }, `broker.advertise: "kafka" is not host:port`},
		"advertise an unusable address": {func(c *broker.Config) { c.Advertise = "0.0.0.0:9092" }, "broker.advertise: \"0.0.0.0:9092\" names no host"},
		"no partition":                  {func(c *broker.Config) { c.Partitions = 0 }, "broker.partitions: 0 is less than 1"},
		"a negative age":                {func(c *broker.Config) { c.Retention.Time = -time.Hour }, "broker.retention.time: -1h0m0s"},
		"less than the largest batch":   {func(c *broker.Config) { c.Retention.Bytes = units.MiB }, "broker.retention.bytes: 1MiB is neither 0 nor 2MiB or more"},
		"retention that never looks":    {func(c *broker.Config) { c.Retention.Every = 0 }, "broker.retention.every: 0s is not a positive time"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := broker.DefaultConfig()
			tc.change(&cfg)
			require.ErrorContains(t, cfg.Validate(), tc.says)
			_, err := broker.Start(cfg, discard())
			require.ErrorContains(t, err, tc.says, "Start validates")
		})
	}
}

func TestConfigWithoutLimitsIsValid(t *testing.T) {
	cfg := broker.DefaultConfig()
	cfg.Retention.Time, cfg.Retention.Bytes = 0, 0
	cfg.Listen, cfg.Advertise = "0.0.0.0:9092", "localhost:9092"
	require.NoError(t, cfg.Validate())
}
