package httpserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is the least time between two looks at the files of a certificate.
const lookEvery = time.Second

// certificate is the pair of files of http.tls. It is looked at when somebody
// connects, so that nothing has to run for it, and read again when a file has
// changed. A pair that is bad keeps the old one: while they are replaced, the
// two files do not belong together.
type certificate struct {
	files [2]string // certificate, key
	log   *slog.Logger
	cas   func() *x509.CertPool // of client certificates

	mu     sync.Mutex
	looked time.Time
	seen   [2]fs.FileInfo
	bad    bool // the last reading, which is tried again until it is good
	pair   *tls.Certificate
	config *tls.Config
	pool   *x509.CertPool // that of config
}

func newCertificate(c TLS, cas func() *x509.CertPool, log *slog.Logger) (*certificate, error) {
	cert := &certificate{files: [2]string{c.CertFile, c.KeyFile}, cas: cas, log: log}
	cert.look()
	if err := cert.read(); err != nil {
		return nil, fmt.Errorf("http.tls: %w", err)
	}
	return cert, nil
}

// serverConfig is what the server starts its listeners with; what counts is
// decided anew for each connection.
func (c *certificate) serverConfig() *tls.Config {
	config := c.build()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		return c.current(hello.Context()), nil
	}
	return config
}

// current returns the configuration of a new connection.
func (c *certificate) current(ctx context.Context) *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookEvery {
		c.looked = now
		if changed := c.look(); changed || c.bad {
			c.reread(ctx, changed)
		}
	}
	if pool := c.cas(); pool != c.pool {
		c.config = nil
	}
	if c.config == nil {
		c.config = c.build()
	}
	return c.config
}

// reread reads the pair again. What is wrong with it is said once a change.
func (c *certificate) reread(ctx context.Context, changed bool) {
	err := c.read()
	switch {
	case err == nil:
		c.config = nil
		c.log.InfoContext(ctx, "the certificate was read again", slog.String("file", c.files[0]))
	case changed:
		c.log.ErrorContext(ctx, "the new certificate is bad; the old one stays in use",
			slog.String("setting", "http.tls"), slog.Any("error", err))
	}
}

func (c *certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.files[0], c.files[1])
	c.bad = err != nil
	if err == nil {
		c.pair = &pair
	}
	return err
}

// look reports whether a file has changed since the last look.
func (c *certificate) look() (changed bool) {
	for i, name := range c.files {
		info, err := os.Stat(name)
		if err != nil {
			info = nil
		}
		if old := c.seen[i]; (old == nil) != (info == nil) || old != nil &&
			(!os.SameFile(old, info) || !old.ModTime().Equal(info.ModTime()) || old.Size() != info.Size()) {
			changed = true
		}
		c.seen[i] = info
	}
	return changed
}

// build makes the configuration of the pair and the authorities of now.
func (c *certificate) build() *tls.Config {
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{*c.pair},
	}
	c.pool = c.cas()
	if c.pool != nil {
		// Those without a certificate may have a key or a token.
		config.ClientAuth = tls.VerifyClientCertIfGiven
		config.ClientCAs = c.pool
		// A resumed session would carry a certificate past the authorities of now.
		config.SessionTicketsDisabled = true
	}
	return config
}
