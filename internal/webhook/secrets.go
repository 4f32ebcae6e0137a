package webhook

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	secretPrefix = "whsec_"
	// What Standard Webhooks says of the size of a key, in bytes.
	minKey, maxKey = 24, 64
	// maxSecrets bounds the header webhook-signature: each needs 48 bytes.
	maxSecrets = 16
	// maxSecretsFile bounds what is read of a file that is not what it should
	// be.
	maxSecretsFile = 1 << 20
	// pollEvery is how often the file is looked at, at most.
	pollEvery = time.Second
)

// secrets sign requests. Their file is looked at when one signs, at most once
// a second, because secrets that an orchestrator mounts are replaced by way of
// symbolic links, which file system events often miss. A file that becomes bad
// keeps what was read last in force.
type secrets struct {
	path string
	log  *slog.Logger

	current atomic.Pointer[[]*standardwebhooks.Webhook]

	mu     sync.Mutex
	looked time.Time
	seen   fs.FileInfo // as it was when it was read last; nil where it was missing
	again  bool        // read it again though it looks the same, because it had just changed
}

// openSecrets reads the file for the first time.
func openSecrets(path string, log *slog.Logger) (*secrets, error) {
	s := &secrets{path: path, log: log, looked: time.Now()}
	if err := s.read(); err != nil {
		return nil, err
	}
	return s, nil
}

// sign returns the header webhook-signature: one signature for each secret.
func (s *secrets) sign(ctx context.Context, id string, at time.Time, body []byte) (string, error) {
	s.poll(ctx)
	var all []string
	for _, signer := range *s.current.Load() {
		signature, err := signer.Sign(id, at, body)
		if err != nil {
			return "", fmt.Errorf("sign: %w", err)
		}
		all = append(all, signature)
	}
	return strings.Join(all, " "), nil
}

// poll reads the file again if it has changed.
func (s *secrets) poll(ctx context.Context) {
	if !s.mu.TryLock() {
		return // Somebody else looks.
	}
	defer s.mu.Unlock()
	if time.Since(s.looked) < pollEvery {
		return
	}
	s.looked = time.Now()
	info, err := os.Stat(s.path)
	if err != nil {
		info = nil
	}
	before := s.seen
	if same(before, info) && !s.again {
		return
	}
	s.seen = info
	err = s.read()
	if same(before, s.seen) {
		return // Read to be sure. If it is bad, that was said before.
	}
	if err != nil {
		s.log.ErrorContext(ctx, "the file of webhook secrets has become bad; those that it held before stay in force",
			slog.String("file", s.path), slog.Any("error", err))
		return
	}
	s.log.InfoContext(ctx, "the file of webhook secrets was read again",
		slog.String("file", s.path), slog.Int("secrets", len(*s.current.Load())))
}

func (s *secrets) read() error {
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", s.path) // To open a named pipe could wait for ever.
	}
	file, err := os.Open(s.path)
	if err != nil {
		s.again = true
		return err
	}
	defer func() { _ = file.Close() }() // Nothing was written.
	// Of the opened file, and before it is read: a later change is seen as one.
	if s.seen, err = file.Stat(); err != nil {
		return err
	}
	// Two changes within one tick of the file system's clock look the same.
	s.again = time.Since(s.seen.ModTime()) < 2*pollEvery
	text, err := io.ReadAll(io.LimitReader(file, maxSecretsFile+1))
	if err != nil {
		return err
	}
	if len(text) > maxSecretsFile {
		return fmt.Errorf("%s is larger than 1 MiB", s.path)
	}
	signers, err := parseSecrets(text)
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	s.current.Store(&signers)
	return nil
}

// same reports whether two looks at a path saw the same file, unchanged.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// parseSecrets reads the lines of a file. Its errors name the line and show
// nothing of it.
func parseSecrets(text []byte) ([]*standardwebhooks.Webhook, error) {
	var signers []*standardwebhooks.Webhook
	seen := map[string]bool{}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		secret := string(bytes.TrimSpace(line))
		if secret == "" || secret[0] == '#' {
			continue
		}
		encoded, ok := strings.CutPrefix(secret, secretPrefix)
		if !ok {
			return nil, fmt.Errorf("line %d does not begin with %s", n, secretPrefix)
		}
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("line %d: what follows %s is not base64 with its padding", n, secretPrefix)
		}
		if len(key) < minKey || len(key) > maxKey {
			return nil, fmt.Errorf("line %d: the secret has %d bytes, and needs %d to %d: make one with: echo %s$(openssl rand -base64 32)",
				n, len(key), minKey, maxKey, secretPrefix)
		}
		if seen[string(key)] {
			continue
		}
		seen[string(key)] = true
		signer, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, fmt.Errorf("line %d cannot be used", n)
		}
		signers = append(signers, signer)
	}
	if len(signers) == 0 {
		return nil, errors.New("there is no secret in it: add a line " + secretPrefix + "…")
	}
	if len(signers) > maxSecrets {
		return nil, fmt.Errorf("there are %d secrets, and at most %d may sign", len(signers), maxSecrets)
	}
	return signers, nil
}
