package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice/examples/internal/example"
)

const (
	maxFileLine  = 16 << 10 // Bytes; what is longer is cut.
	linesAtATime = 500
	lookAgain    = time.Second // After so long, for what was added to a file.
)

// files are real log files, each of which is a service.
type files struct {
	open []*logFile
	left int64 // Bytes that may still be read.
	told io.Writer
}

// logFile is one of them. Its source has the first line in its name, so that a
// file that was put in its place is another one.
type logFile struct {
	path   string
	file   *os.File
	reader *bufio.Reader
	begun  []byte // A line whose end is not there yet.
	cut    bool   // The rest of the line is dropped.
	source string
	seq    int64
}

// openFiles opens what the patterns, separated by commas, stand for. What cannot
// be read is told, and left out.
func openFiles(patterns string, limit int64, told io.Writer) (*files, error) {
	f := &files{left: limit, told: told}
	var paths []string
	for pattern := range strings.SplitSeq(patterns, ",") {
		found, err := filepath.Glob(strings.TrimSpace(pattern))
		if err != nil {
			f.close()
			return nil, fmt.Errorf("-files: %q: %w", pattern, err)
		}
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		if err := f.add(path); err != nil {
			_, _ = fmt.Fprintf(told, "  left out: %v\n", err) // Nobody has to read it.
		}
	}
	return f, nil
}

func (f *files) add(path string) error {
	if info, err := os.Stat(path); err != nil {
		return err
	} else if !info.Mode().IsRegular() || slices.Contains([]string{".gz", ".xz", ".bz2", ".zst"}, filepath.Ext(path)) {
		return fmt.Errorf("%s is not a file of text", path)
	}
	file, err := os.Open(path) //nolint:gosec // G304: whoever starts the program names the files.
	if err != nil {
		return err
	}
	f.open = append(f.open, &logFile{path: path, file: file, reader: bufio.NewReaderSize(file, maxFileLine)})
	return nil
}

func (f *files) close() {
	for _, one := range f.open {
		_ = one.file.Close() // It was only read.
	}
}

// run sends what is in the files, and then what is added to them, until the
// input ends.
func (f *files) run(ctx context.Context, c *example.Client, topic string, check *checker) error {
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		for _, one := range f.open {
			if err := f.send(ctx, c, topic, check, one); err != nil {
				return err
			}
		}
		select {
		case <-again.C:
		case <-c.Input.Done():
			return nil
		}
	}
}

// send sends a file to its present end.
func (f *files) send(ctx context.Context, c *example.Client, topic string, check *checker, one *logFile) error {
	for c.Input.Err() == nil {
		var batch []shipment
		for len(batch) < linesAtATime && f.left > 0 {
			text, err := one.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				_, _ = fmt.Fprintf(f.told, "  %v: it is read again later\n", err)
				break
			}
			if f.left -= int64(len(text)); f.left <= 0 {
				_, _ = fmt.Fprintf(f.told, "  the files have more than -files-mb: the rest of them is left out\n")
			}
			if strings.TrimSpace(text) != "" {
				batch = append(batch, one.shipment(text))
			}
		}
		if len(batch) == 0 {
			return nil
		}
		if err := ship(ctx, c, topic, check, batch); err != nil {
			return err
		}
	}
	return nil
}

// next returns the next line that is there as a whole, or io.EOF. A file that
// has become shorter is read from its beginning.
func (l *logFile) next() (string, error) {
	for {
		piece, err := l.reader.ReadSlice('\n')
		if !l.cut {
			l.begun = append(l.begun, piece...)
			l.cut = len(l.begun) >= maxFileLine
		}
		switch {
		case err == nil:
			text := strings.ToValidUTF8(strings.TrimRight(string(l.begun[:min(len(l.begun), maxFileLine)]), "\r\n"), "\uFFFD")
			l.begun, l.cut = l.begun[:0], false
			return text, nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return "", errors.Join(err, l.rewind())
		}
		return "", fmt.Errorf("read %s: %w", l.path, err)
	}
}

func (l *logFile) rewind() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	at, err := l.file.Seek(0, io.SeekCurrent)
	if err != nil || info.Size() >= at {
		return err
	}
	if _, err = l.file.Seek(0, io.SeekStart); err == nil {
		l.reader.Reset(l.file)
		l.begun, l.cut, l.source, l.seq = l.begun[:0], false, "", 0
	}
	return err
}

// shipment numbers a line.
func (l *logFile) shipment(text string) shipment {
	if l.source == "" {
		id := fnv.New32a()
		_, _ = id.Write([]byte(text)) // It never fails.
		l.source = fmt.Sprintf("%s#%08x", l.path, id.Sum32())
	}
	l.seq++
	now := time.Now()
	wire := wireLine(l.path, line{Source: l.source, Seq: l.seq}, example.Text(text))
	wire.Headers[headerZone] = now.Format("Z07:00")
	return shipment{wire, parse([]byte(text), wire.Headers, now)}
}
