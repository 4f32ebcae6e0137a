package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/examples/internal/example"
)

func TestFilesAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	require.NoError(t, os.WriteFile(path, []byte("one\r\n2026-01-02 11:00:00 two\n\n"+strings.Repeat("x", 3*maxText)+"\nend"), 0o600))
	text, err := readText(path, maxFiles)
	require.NoError(t, err)
	all := linesOf(path, text, "run")
	require.Len(t, all, 4, "an empty line is none")
	require.Equal(t, example.Text("one"), all[0].wire.Value)
	require.False(t, all[1].line.Time.IsZero())
	require.Len(t, all[2].wire.Value, maxText, "a long line is cut")
	require.Equal(t, example.Text("end"), all[3].wire.Value)
	for n, one := range all {
		require.Equal(t, path, one.wire.Key)
		require.Equal(t, int64(n+1), one.line.Seq)
		require.Equal(t, path+"@run", one.line.Source)
	}
}

func TestWhatCannotBeReadIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"b.log.gz": "\x1f\x8b\x08\x00", "e.log": strings.Repeat("long\n", maxFiles/5+1)} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "c.log"), 0o700))
	require.NoError(t, os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "d.log")))
	var told bytes.Buffer
	require.NoError(t, sendFiles(t.Context(), &shipper{}, filepath.Join(dir, "*"), &told))
	for _, name := range []string{"b.log.gz", "c.log", "d.log", "e.log"} {
		require.Contains(t, told.String(), name)
	}
	require.ErrorContains(t, sendFiles(t.Context(), &shipper{}, "[", &told), "-files")
	require.NoError(t, sendFiles(t.Context(), &shipper{}, "", &told))
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
