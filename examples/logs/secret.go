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

// secretIn returns the webhook's secret. Its file is made where it is missing;
// the program and its replicas share it.
func secretIn(path string) (string, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = makeSecret(path)
	}
	secret, errRead := os.ReadFile(path) //nolint:gosec // G304: whoever starts the program names the file.
	if err := errors.Join(err, errRead); err != nil {
		return "", fmt.Errorf("the secret of the webhook: %w: name another file with -secrets", err)
	}
	return strings.TrimSpace(string(secret)), nil
}

// makeSecret writes a new secret, unless the file is there. Another process that
// does the same never sees half a file.
func makeSecret(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temp, secret := path+"."+rand.Text(), "whsec_"+base64.StdEncoding.EncodeToString([]byte(rand.Text()))
	if err := os.WriteFile(temp, []byte(secret+"\n"), 0o600); err != nil {
		return err
	}
	err := os.Link(temp, path)
	if errors.Is(err, fs.ErrExist) {
		err = nil // Another process was the first.
	}
	return errors.Join(err, os.Remove(temp))
}
