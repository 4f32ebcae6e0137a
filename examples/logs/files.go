package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice/examples/internal/example"
)

// maxFiles is how many bytes of log files are sent at most.
const maxFiles = 16 << 20

// sendFiles sends real log files, each of which is a service, once: those that
// the patterns, separated by commas, stand for. What cannot be read is told, and
// left out.
func sendFiles(ctx context.Context, s *shipper, patterns string, told io.Writer) error {
	var paths []string
	for pattern := range strings.SplitSeq(patterns, ",") {
		found, err := filepath.Glob(strings.TrimSpace(pattern))
		if err != nil {
			return fmt.Errorf("-files: %q: %w", pattern, err)
		}
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	left := maxFiles
	for _, path := range slices.Compact(paths) {
		text, err := readText(path, left)
		if err != nil {
			_, _ = fmt.Fprintf(told, "  left out: %v\n", err) // Nobody has to read it.
		}
		left -= len(text)
		for batch := range slices.Chunk(linesOf(path, text, s.run), linesAtATime) {
			if s.client.Input.Err() != nil {
				return nil
			}
			if err := s.send(ctx, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// readText reads a file of text that is not too large.
func readText(path string, limit int) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > int64(limit) {
		return "", fmt.Errorf("%s is not a file, or is larger than the %d bytes that are left of %d", path, limit, maxFiles)
	}
	text, err := os.ReadFile(path) //nolint:gosec // G304: whoever starts the program names the files.
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(http.DetectContentType(text), "text/") {
		return "", fmt.Errorf("%s is not a file of text", path)
	}
	return string(text), nil
}

// linesOf numbers the lines of a file.
func linesOf(path, text, run string) (all []shipment) {
	now := time.Now()
	for one := range strings.Lines(text) {
		if one = cut(strings.TrimRight(one, "\r\n"), maxText); strings.TrimSpace(one) == "" {
			continue
		}
		next := newShipment(path, line{Source: path + "@" + run, Seq: int64(len(all) + 1)}, example.Text(one))
		next.wire.Headers[headerZone] = now.Format("Z07:00")
		next.line = parse(one, next.wire.Headers, now)
		all = append(all, next)
	}
	return all
}
