package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"sluice/internal/telemetry"
)

// healthTimeout bounds one health check.
const healthTimeout = 3 * time.Second

type healthcheckCommand struct {
	URL string `arg:"" optional:"" default:"http://127.0.0.1:8000/readyz?for=traffic" help:"What to ask; 200 is healthy."`
}

// Run asks the service once. It is what containers without a shell use.
func (c *healthcheckCommand) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return settingsError{err}
	}
	client := http.DefaultClient
	if host := req.URL.Hostname(); host == "localhost" || net.ParseIP(host).IsLoopback() {
		// The certificate is for the name that clients use, not for this one,
		// and on this host there is nobody in between.
		client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // G402: see above; no secret is sent.
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // Read to the end or not, it is done with.
	if resp.StatusCode != http.StatusOK {
		detail, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // The status says the most.
		return fmt.Errorf("%s answers %s: %s", c.URL, resp.Status, detail)
	}
	return nil
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(std streams) error {
	_, err := fmt.Fprintln(std.out, "sluice", telemetry.Version())
	return err
}
