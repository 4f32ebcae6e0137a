package telemetry

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Register adds c to reg and returns it. Where reg has one with the same
// metrics, it returns that one: two services in one process share a registry,
// and tell their metrics apart by a label. Like MustRegister it panics when the
// same names are described differently, which is a mistake in the program.
func Register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	err := reg.Register(c)
	if there, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if same, ok := there.ExistingCollector.(C); ok {
			return same
		}
	}
	if err != nil {
		reg.MustRegister(c) // The same error again, as a panic.
	}
	return c
}
