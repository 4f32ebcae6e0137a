package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/example"
)

// all reads a file to its present end.
func all(t *testing.T, f *logFile) (texts []string) {
	t.Helper()
	for {
		text, err := f.next()
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
			return texts
		}
		texts = append(texts, text)
	}
}

func TestFilesAreReadAndFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	require.NoError(t, os.WriteFile(path, []byte("one\r\ntw\xffo\n\nhal"), 0o600))
	files, err := openFiles(path+","+path, 1<<20, io.Discard)
	require.NoError(t, err)
	defer files.close()
	require.Len(t, files.open, 1, "named twice, and read once")
	f := files.open[0]
	require.Equal(t, []string{"one", "tw\uFFFDo", ""}, all(t, f), "half a line is waited for")

	writer, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer func() { _ = writer.Close() }()
	_, err = writer.WriteString("f\n" + strings.Repeat("x", 3*maxFileLine) + "\nend\n")
	require.NoError(t, err)
	got := all(t, f)
	require.Len(t, got, 3)
	require.Equal(t, "half", got[0])
	require.Len(t, got[1], maxFileLine, "a long line is cut")
	require.Equal(t, "end", got[2])

	first := f.shipment("one")
	require.Equal(t, int64(1), first.line.Seq)
	require.Equal(t, int64(2), f.shipment("one").line.Seq)
	require.NoError(t, os.Truncate(path, 0))
	require.Empty(t, all(t, f))
	_, err = writer.WriteString("anew\n")
	require.NoError(t, err)
	require.Equal(t, []string{"anew"}, all(t, f))
	anew := f.shipment("anew")
	require.Equal(t, int64(1), anew.line.Seq)
	require.NotEqual(t, first.line.Source, anew.line.Source, "another file at the same place has numbers of its own")
	require.Equal(t, path, anew.wire.Key)
}

func TestWhatCannotBeReadIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.log": "x\n", "b.log.gz": "x"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "c.log"), 0o700))
	require.NoError(t, os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "d.log")))
	var told bytes.Buffer
	files, err := openFiles(filepath.Join(dir, "*"), 1<<20, &told)
	require.NoError(t, err)
	defer files.close()
	require.Len(t, files.open, 1)
	for _, name := range []string{"b.log.gz", "c.log", "d.log"} {
		require.Contains(t, told.String(), name)
	}
	_, err = openFiles("[", 1, io.Discard)
	require.ErrorContains(t, err, "-files")
	none, err := openFiles("", 1, io.Discard)
	require.NoError(t, err)
	require.Empty(t, none.open)
}

func TestTrafficIsTheSameForASeed(t *testing.T) {
	values := func(seed uint64) (all []any) {
		traffic := newTraffic(seed, 100, at, "run")
		for range 100 {
			for _, one := range traffic.next() {
				all = append(all, one.wire)
			}
		}
		return all
	}
	one, same := values(1), values(1)
	require.Equal(t, one, same)
	require.NotEqual(t, one, values(2))
}

// TestWhatIsMadeUpIsReadTheSame compares what the checker takes for granted with
// what the parser reads.
func TestWhatIsMadeUpIsReadTheSame(t *testing.T) {
	traffic := newTraffic(5, 150, at, "run")
	unparsed, syslog := 0, 0
	for range 200 {
		for _, one := range traffic.next() {
			r := recordOf(one, 0, traffic.now)
			got, want := read(&r), one.line
			if value, isText := one.wire.Value.(example.Text); isText && strings.HasPrefix(string(value), "<") {
				syslog++
				got.Text = want.Text // It has the latency in it.
			}
			if got.Text = want.Text; want.Time.IsZero() {
				unparsed++
			} else {
				require.WithinDuration(t, want.Time, got.Time, 0)
				got.Time = want.Time
			}
			require.Equal(t, want, got)
		}
	}
	require.Positive(t, unparsed)
	require.Greater(t, syslog, 1000)
}
