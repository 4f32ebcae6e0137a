//go:build unix

package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func read(r io.Reader, id string) (all []event, last string, err error) {
	in := newEventReader(r, id)
	last = id
	for {
		e, err := in.next()
		if err != nil {
			return all, last, err
		}
		all, last = append(all, e), e.id
	}
}

// What the HTML standard says of a stream, with its own examples among them.
func TestAStreamIsReadAsTheStandardSays(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []event
	}{
		{"nothing", "", nil},
		{"several lines of data", "data: YHOO\ndata: +2\ndata: 10\n\n", []event{{"message", "YHOO\n+2\n10", "was"}}},
		{"a comment, ids, and one that is taken back", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n", []event{{"message", "first event", "1"}, {"message", "second event", ""}, {"message", " third event", ""}}},
		{"empty data", "data\n\ndata\ndata\n\ndata:", []event{{"message", "", "was"}, {"message", "\n", "was"}}},
		{"a space is optional", "data:test\n\ndata: test\n\n", []event{{"message", "test", "was"}, {"message", "test", "was"}}},
		{"a name, for one event", "event: gap\ndata: 1\n\ndata: 2\n\n", []event{{"gap", "1", "was"}, {"message", "2", "was"}}},
		{"no data, no event, but the id counts", "event: x\nid: 7\n\ndata: 1\n\n", []event{{"message", "1", "7"}}},
		{"line ends of all kinds", "data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n", []event{{"message", "1", "was"}, {"message", "2", "was"}, {"message", "3", "was"}}},
		{"a byte order mark", "\ufeffdata: 1\n\n", []event{{"message", "1", "was"}}},
		{"an id with NUL", "id: a\x00b\ndata: 1\n\n", []event{{"message", "1", "was"}}},
		{"a field that nobody knows", "retry: 100\nfoo: bar\ndata: 1\n\n", []event{{"message", "1", "was"}}},
		{"cut off before the empty line", "id: 1\ndata: 1\n\nid: 2\ndata: 2\n", []event{{"message", "1", "1"}}},
		{"cut off in the id", "id: 1\ndata: 1\n\nid: 2", []event{{"message", "1", "1"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				got, _, err := read(r, "was")
				require.ErrorIs(t, err, io.EOF)
				require.Equal(t, c.want, got)
			}
		})
	}
}

// Wherever a stream is cut off, what is read is a beginning of it, and going on
// from its last id gives the rest.
func TestEveryByteMayBeTheLast(t *testing.T) {
	const stream = "retry: 1\nevent: ready\nid: 0\ndata: {}\n\nid: 1\ndata: a\n\n:\n\nid: 2\ndata: b\ndata: c\n\nevent: bye\nid: 2\ndata: {}\n\n"
	whole, _, _ := read(strings.NewReader(stream), "")
	require.Len(t, whole, 4)
	for n := range len(stream) {
		got, last, err := read(&body{in: strings.NewReader(stream), left: int64(n) + 1, idle: idle(t)}, "")
		require.True(t, errors.Is(err, errCut) || n+1 == len(stream), err)
		require.Equal(t, whole[:len(got)], append([]event{}, got...))
		if len(got) > 0 {
			require.Equal(t, whole[len(got)-1].id, last)
		}
	}
}
