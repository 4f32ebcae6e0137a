//go:build unix

package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/record"
)

func newTestRecorder(t *testing.T) (*recorder, func() []attempt) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "history")
	notes, err := newRecorder(file)
	require.NoError(t, err)
	t.Cleanup(func() { _ = notes.file.Close() })
	return notes, func() []attempt {
		s, err := readStart("x", file)
		require.NoError(t, err)
		return s.attempts
	}
}

// call calls a handler and returns its error, also one that it panics with.
func call(ctx context.Context, v *victim, r *record.Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("panic")
		}
	}()
	return v.Handle(ctx, r)
}

// What a handler has done, it has written down before it returns.
func TestAVictimWritesDownWhatItDoes(t *testing.T) {
	notes, read := newTestRecorder(t)
	v := newVictim(memberOptions{topic: "t", seed: 1}, notes, func(err error) { require.NoError(t, err) })
	for _, c := range []struct {
		value   string
		want    outcome
		key     string
		wrongly bool
	}{
		{"k 1 good", ok, "k", false},
		{"k 2 poison", permanent, "k", true},
		{"k 3 stubborn", failed, "k", true},
		{"other 4 good", ok, "?", false},
		{"k", ok, "?", false},
		{"k 5 bad", ok, "?", false},
		{"k -5 good", ok, "?", false},
	} {
		err := call(t.Context(), v, &record.Record{Topic: "t", Partition: 2, Offset: 7, Key: []byte("k"), Value: []byte(c.value)})
		require.Equal(t, c.wrongly, err != nil, c.value)
		all := read()
		a := all[len(all)-1]
		require.Equal(t, place{2, 7}, a.place)
		require.Equal(t, c.key, a.key)
		require.Equal(t, c.want, a.outcome, c.value)
		require.LessOrEqual(t, a.begin, a.end)
		require.False(t, a.late)
	}
	require.NoError(t, call(t.Context(), v, &record.Record{Topic: "t", Value: []byte("- 1 good")}))
	require.NoError(t, call(t.Context(), v, &record.Record{Topic: "other", Value: []byte("- 1 good")}))
	all := read()
	require.Equal(t, noKey, all[len(all)-2].key)
	require.Equal(t, "?", all[len(all)-1].key, "a record of another topic")
}

// With trouble, all that can become of an attempt does.
func TestTheMoodsOfAVictim(t *testing.T) {
	notes, read := newTestRecorder(t)
	v := newVictim(memberOptions{topic: "t", seed: 1, trouble: 0.9}, notes, func(err error) { require.NoError(t, err) })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	seen := map[outcome]int{}
	for range 40 {
		for _, ctx := range []context.Context{t.Context(), ended} {
			err := call(ctx, v, &record.Record{Topic: "t", Value: []byte("- 1 good")})
			all := read()
			a := all[len(all)-1]
			seen[a.outcome]++
			require.Equal(t, a.outcome == ok, err == nil)
			require.Equal(t, ctx == ended, a.late)
			require.Equal(t, a.outcome == cut, errors.Is(err, context.Canceled))
		}
	}
	for _, o := range []outcome{ok, failed, panicked, cut} {
		require.Positive(t, seen[o], o)
	}
}

// A handler that cannot write down what it does does not say that it did it.
func TestAVictimThatCannotWrite(t *testing.T) {
	notes, _ := newTestRecorder(t)
	require.NoError(t, notes.file.Close())
	var told error
	v := newVictim(memberOptions{topic: "t"}, notes, func(err error) { told = err })
	require.ErrorIs(t, v.Handle(t.Context(), &record.Record{Topic: "t", Value: []byte("- 1 good")}), os.ErrClosed)
	require.ErrorIs(t, told, os.ErrClosed)
}

func TestTheTapOnTheLog(t *testing.T) {
	notes, read := newTestRecorder(t)
	var told []error
	log := slog.New(tap{slog.DiscardHandler, "t", notes, func(err error) { told = append(told, err) }}).
		With(slog.String("a", "b")).WithGroup("g")
	attempted := func() attempt {
		call, err := notes.begin(place{3, 0}, "k", 0, false)
		require.NoError(t, err)
		require.NoError(t, notes.end(call, ok))
		all := read()
		return all[len(all)-1]
	}
	require.Zero(t, attempted().assignment)
	log.Info(saysAssigned, slog.Any(saysWhich, map[string][]int32{"t": {4, 3}, "other": {9}}), slog.Int("assigned", 3))
	require.Equal(t, 1, attempted().assignment)
	log.Info("something else", slog.Any(saysWhich, map[string][]int32{"t": {3}}))
	log.Info(saysAssigned, slog.Any(saysWhich, map[string][]int32{"other": {3}}))
	require.Equal(t, 1, attempted().assignment)
	log.Info(saysRevoked, slog.Any(saysWhich, map[string][]int32{"t": {3}}))
	require.True(t, attempted().revoked)
	log.Info(saysAssigned, slog.Any(saysWhich, map[string][]int32{"t": {3}}))
	a := attempted()
	require.False(t, a.revoked)
	require.Equal(t, 2, a.assignment)
	require.Empty(t, told)
	log.Info(saysAssigned, slog.String(saysWhich, "t/3"))
	require.Len(t, told, 1)
	require.ErrorContains(t, told[0], `the group's log line "partitions assigned" has no attribute partitions`)
}
