package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secretsFile returns the file of the secrets, and the first one of it. The file
// is made where it is missing; the program and its replicas share it.
func secretsFile(path string) (file, secret string, err error) {
	if path == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", "", fmt.Errorf("there is no folder for the secret of the webhook: name a file with -secrets: %w", err)
		}
		path = filepath.Join(dir, "sluice-example-logs", "webhook.secrets")
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", fmt.Errorf("-secrets: %w", err)
	}
	if err := makeSecret(path); err != nil {
		return "", "", fmt.Errorf("make the secret of the webhook: %w", err)
	}
	text, err := os.ReadFile(path) //nolint:gosec // G304: whoever starts the program names the file.
	if err != nil {
		return "", "", fmt.Errorf("read the secret of the webhook: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "whsec_") {
			return path, line, nil
		}
	}
	return "", "", fmt.Errorf("%s has no line that begins with whsec_: remove it, and it is made anew", path)
}

// makeSecret writes a new secret, unless the file is there. Another process that
// does the same never sees half a file.
func makeSecret(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // It never fails.
	temp, err := os.CreateTemp(dir, "secret-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // The link is left.
	_, err = temp.WriteString("whsec_" + base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err = os.Link(temp.Name(), path); errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
