package telemetry_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"sluice/internal/telemetry"
)

func TestTwoServicesShareACollector(t *testing.T) {
	reg := prometheus.NewRegistry()
	vec := func(label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "things_total", Help: "Things."}, []string{label})
	}
	first := telemetry.Register(reg, vec("service"))
	require.Same(t, first, telemetry.Register(reg, vec("service")))
	require.Panics(t, func() { telemetry.Register(reg, vec("other")) })
}
