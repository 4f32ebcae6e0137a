//go:build unix

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync/atomic"

	"sluice/test/harm"
)

// recorder writes down what a member does, a line each:
//
//	a TIME PARTITION,…                                 assigned to this member
//	r TIME PARTITION,…                                 taken away
//	b TIME CALL PARTITION OFFSET KEY SEQ in-time|late  an attempt begins
//	e TIME CALL OUTCOME                                and ends
//
// Each line is one write to a file that is opened for appending. What was
// written survives a SIGKILL of the process; a line that was cut off by one is
// that of a call that has not returned. It may be used by many goroutines.
type recorder struct {
	file  *os.File
	calls atomic.Int64
}

func newRecorder(name string) (*recorder, error) {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the member's file: %w", err)
	}
	return &recorder{file: f}, nil
}

// begin notes that an attempt begins, and returns its number.
func (r *recorder) begin(at place, key string, seq int64, late bool) (int64, error) {
	call := r.calls.Add(1)
	when := "in-time"
	if late {
		when = "late"
	}
	return call, r.line("b", call, at.partition, at.offset, key, seq, when)
}

func (r *recorder) end(call int64, how outcome) error { return r.line("e", call, how) }

func (r *recorder) line(kind string, fields ...any) error {
	line := make([]byte, 0, 96)
	line = append(line, kind...)
	line = append(line, ' ')
	line = strconv.AppendInt(line, int64(harm.Now()), 10)
	for _, f := range fields {
		line = fmt.Append(append(line, ' '), f)
	}
	if _, err := r.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("the member's file: %w", err)
	}
	return nil
}

// The group's own log tells when a partition is assigned and taken away: it
// says so before the first record of an assignment is handed out, and after
// nothing more of it can be.
const (
	saysAssigned = "partitions assigned"
	saysRevoked  = "partitions revoked"
	saysWhich    = "partitions"
)

// tap is a log handler that notes assignments of one topic, and passes on.
type tap struct {
	slog.Handler
	topic string
	to    *recorder
	fail  func(error)
}

// Enabled implements slog.Handler: what is noted does not depend on what is
// logged.
func (t tap) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || t.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (t tap) Handle(ctx context.Context, r slog.Record) error {
	switch r.Message {
	case saysAssigned:
		t.note("a", r)
	case saysRevoked:
		t.note("r", r)
	}
	if !t.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return t.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (t tap) WithAttrs(attrs []slog.Attr) slog.Handler {
	t.Handler = t.Handler.WithAttrs(attrs)
	return t
}

// WithGroup implements slog.Handler.
func (t tap) WithGroup(name string) slog.Handler {
	t.Handler = t.Handler.WithGroup(name)
	return t
}

// note writes the line. A log that has changed is an error: without these lines
// nothing could be said about order.
func (t tap) note(kind string, r slog.Record) {
	var named map[string][]int32
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == saysWhich {
			named, _ = a.Value.Any().(map[string][]int32)
		}
		return named == nil
	})
	if named == nil {
		t.fail(fmt.Errorf("the group's log line %q has no attribute %s with topics and partitions: adapt test/nemesis/recorder.go", r.Message, saysWhich))
		return
	}
	if ids := named[t.topic]; len(ids) > 0 {
		if err := t.to.line(kind, joined(ids)); err != nil {
			t.fail(err)
		}
	}
}

func joined(ids []int32) string {
	var text []byte
	for i, id := range slices.Sorted(slices.Values(ids)) {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(id), 10)
	}
	return string(text)
}
