package main

import (
	"path/filepath"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/process"
)

// startBroker starts the program's own broker.
func startBroker(o options, dir string) (*cluster.Broker, error) {
	address, err := freePort()
	if err != nil {
		return nil, err
	}
	// Retention must not delete what is yet to be compared.
	p, err := process.Launch(dir, "broker", o.binary, "broker", "--broker-listen", address,
		"--broker-data", filepath.Join(dir, "data"), "--broker-retention-bytes", "8GiB")
	if err != nil {
		return nil, err
	}
	return &cluster.Broker{Process: p, Address: address, What: "the embedded broker (`sluice broker`), records in a folder"}, nil
}
