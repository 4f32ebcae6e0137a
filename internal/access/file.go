package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

const (
	// pollEvery is how often files are looked at. Secrets that an orchestrator
	// mounts are replaced by way of symbolic links, which looking sees and
	// file system events often do not.
	pollEvery = time.Second
	// maxFile bounds what is read of one.
	maxFile = 16 << 20
)

// file is a file of settings that is read again when it changes. One that
// becomes bad keeps what was read last.
type file[T any] struct {
	setting, path string
	parse         func([]byte) (T, error)
	log           *slog.Logger

	current atomic.Pointer[T]

	// The rest belongs to open and poll.
	seen  fs.FileInfo // as it was when it was read last; nil where it was missing
	again bool        // read it again though it looks the same: it had just changed, or could not be opened
}

// open reads the file for the first time.
func open[T any](setting, path string, parse func([]byte) (T, error), log *slog.Logger) (*file[T], error) {
	f := &file[T]{setting: setting, path: path, parse: parse, log: log}
	value, err := f.read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	f.current.Store(&value)
	return f, nil
}

func (f *file[T]) value() T { return *f.current.Load() }

// poll reads the file again if it has changed, and reports whether its value
// is a new one.
func (f *file[T]) poll(ctx context.Context) bool {
	info, err := os.Stat(f.path)
	if err != nil {
		info = nil
	}
	before := f.seen
	if same(before, info) && !f.again {
		return false
	}
	f.seen = info
	value, err := f.read()
	changed := !same(before, f.seen)
	if err != nil {
		if changed {
			f.log.ErrorContext(ctx, "a file has become bad; what it held before stays in force",
				slog.String("setting", f.setting), slog.String("file", f.path), slog.Any("error", err))
		}
		return false
	}
	f.current.Store(&value)
	if changed {
		f.log.InfoContext(ctx, "a file was read again", slog.String("setting", f.setting), slog.String("file", f.path))
	}
	return true
}

func (f *file[T]) read() (value T, err error) {
	opened, err := os.Open(f.path)
	if err != nil {
		f.again = true
		return value, err
	}
	defer func() { _ = opened.Close() }() // Nothing was written.
	// Of the opened file, and before it is read: a later change is seen as one.
	f.seen, err = opened.Stat()
	if err != nil {
		return value, err
	}
	// Two changes within one tick of the file system's clock look the same.
	f.again = time.Since(f.seen.ModTime()) < 2*pollEvery
	text, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	if err != nil {
		return value, err
	}
	if len(text) > maxFile {
		return value, errors.New("is larger than 16 MiB")
	}
	value, err = f.parse(text)
	if err != nil {
		return value, fmt.Errorf("%s: %w", f.path, err)
	}
	return value, nil
}

// same reports whether two looks at a path saw the same file, unchanged.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
