package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/consumer"
	"sluice/record"
)

func TestLogWritesALineARecord(t *testing.T) {
	tests := []struct {
		name       string
		value      []byte
		text, json string
	}{
		{"text", []byte("Test message from Makefile"), "Test message from Makefile", `"Test message from Makefile"`},
		{"a line end", []byte("a\nMessage received: forged"), `a\x0aMessage received: forged`, `"a\u000aMessage received: forged"`},
		{"not UTF-8", []byte("\xff\xfe"), `\xff\xfe`, `"//4=","encoding":"base64"`},
		{"a tombstone", nil, "", "null"},
		{"empty", []byte{}, "", `""`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &record.Record{Topic: "test-topic", Partition: 3, Offset: 42, Value: tt.value}
			var text, js bytes.Buffer
			require.NoError(t, consumer.NewLog(&text, consumer.LogText).Handle(t.Context(), r))
			require.Equal(t, "Message received: "+tt.text+"\n", text.String())
			require.NoError(t, consumer.NewLog(&js, consumer.LogJSON).Handle(t.Context(), r))
			require.Equal(t, `{"msg":"Message received","value":`+tt.json+`,"topic":"test-topic","partition":3,"offset":42}`+"\n", js.String())
			require.True(t, json.Valid(js.Bytes()))
		})
	}
}

// writerFunc is a function that is an io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestLogHasNotHandledWhatItCouldNotWrite(t *testing.T) {
	r := &record.Record{Topic: "t", Partition: 1, Offset: 2, Value: []byte("v")}
	full := consumer.NewLog(writerFunc(func([]byte) (int, error) { return 0, errors.New("no space left") }), consumer.LogText)
	require.EqualError(t, full.Handle(t.Context(), r), "write the line of t/1 offset 2: no space left")
	short := consumer.NewLog(writerFunc(func(p []byte) (int, error) { return len(p) - 1, nil }), consumer.LogText)
	require.ErrorIs(t, short.Handle(t.Context(), r), io.ErrShortWrite)
}

// What a failed write has left on the line must not become part of the record
// that comes next, which is the same one again.
func TestLogBeginsANewLineAfterATornOne(t *testing.T) {
	var out bytes.Buffer
	cut := true
	log := consumer.NewLog(writerFunc(func(p []byte) (int, error) {
		if cut {
			out.Write(p[:10])
			return 10, errors.New("no space left")
		}
		return out.Write(p)
	}), consumer.LogText)
	r := &record.Record{Value: []byte("v")}
	require.Error(t, log.Handle(t.Context(), r))
	cut = false
	require.NoError(t, log.Handle(t.Context(), r))
	require.NoError(t, log.Handle(t.Context(), r))
	require.Equal(t, "Message re\nMessage received: v\nMessage received: v\n", out.String())
}

func TestLogIsOneWriteALineFromManyPartitions(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	log := consumer.NewLog(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, string(p))
		return len(p), nil
	}), consumer.LogText)
	var wg sync.WaitGroup
	for p := range 8 {
		wg.Go(func() {
			for i := range 100 {
				_ = log.Handle(t.Context(), &record.Record{Value: fmt.Appendf(nil, "%d-%d", p, i)})
			}
		})
	}
	wg.Wait()
	require.Len(t, lines, 800)
	for _, line := range lines {
		require.True(t, strings.HasPrefix(line, "Message received: ") && strings.Count(line, "\n") == 1, line)
	}
}

func TestLogTakesNoMemoryPerRecord(t *testing.T) {
	r := &record.Record{Topic: "test-topic", Value: []byte(strings.Repeat("message\n", 20))}
	for _, format := range []consumer.LogFormat{consumer.LogText, consumer.LogJSON} {
		log := consumer.NewLog(io.Discard, format)
		require.Zero(t, testing.AllocsPerRun(1000, func() { _ = log.Handle(context.Background(), r) }))
	}
}

func BenchmarkLog(b *testing.B) {
	for _, format := range []consumer.LogFormat{consumer.LogText, consumer.LogJSON} {
		b.Run(string(format), func(b *testing.B) {
			out, err := os.Create(filepath.Join(b.TempDir(), "out"))
			require.NoError(b, err)
			b.Cleanup(func() { _ = out.Close() })
			log := consumer.NewLog(out, format)
			r := &record.Record{Topic: "test-topic", Value: []byte(strings.Repeat("x", 100))}
			b.ReportAllocs()
			for b.Loop() {
				if err := log.Handle(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
