package dialect

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"sluice/internal/httpserver"
	"sluice/internal/producer"

	"github.com/klauspost/compress/zstd"
)

const (
	// gzipRoom is what a gzip decoder holds, about.
	gzipRoom = 48 << 10
	// zstdWindow is the largest window that is taken: the one that RFC 9659
	// has every sender of the encoding stay within.
	zstdWindow = 8 << 20
	zstdRoom   = 256 << 10 // beside the window
)

// contentEncoding returns the encoding of the body, or "" for none.
func contentEncoding(r *http.Request) (string, *httpserver.Problem) {
	values := r.Header["Content-Encoding"]
	if len(values) == 0 {
		return "", nil
	}
	switch encoding := strings.ToLower(strings.TrimSpace(strings.Join(values, ", "))); encoding {
	case "", "identity":
		return "", nil
	case "gzip", "x-gzip":
		return "gzip", nil
	case "zstd":
		return encoding, nil
	}
	return "", refusal(http.StatusUnsupportedMediaType, "the content encoding is not taken: gzip and zstd are")
}

// decoded returns the body without its content encoding. The decoder's memory
// is charged to the batch, the decoded bytes are the reader's to bound.
func (c *call) decoded(b *producer.Batch, body io.Reader) (io.Reader, func(), *httpserver.Problem) {
	switch c.encoding {
	case "gzip":
		if err := b.Grow(gzipRoom); err != nil {
			return nil, nil, problem(err)
		}
		reader, err := gzip.NewReader(body)
		if err != nil {
			return nil, nil, c.cutOff(err)
		}
		return reader, func() {}, nil
	case "zstd":
		return c.zstd(b, body)
	}
	return body, func() {}, nil
}

// zstd charges the window that the first frame asks for, before it is there.
func (c *call) zstd(b *producer.Batch, body io.Reader) (io.Reader, func(), *httpserver.Problem) {
	buffered := bufio.NewReaderSize(body, 4<<10)
	start, _ := buffered.Peek(zstd.HeaderMaxSize) // Short ones are whole, or wrong.
	var header zstd.Header
	if err := header.Decode(start); err != nil {
		return nil, nil, refusal(http.StatusBadRequest, "the request body is not valid zstd")
	}
	window := header.WindowSize
	if header.SingleSegment {
		window = min(header.FrameContentSize, zstdWindow)
	}
	if window > zstdWindow {
		return nil, nil, refusal(http.StatusBadRequest, "the zstd window is over 8 MiB, which RFC 9659 does not allow")
	}
	window = max(window, 1<<10)
	if err := b.Grow(int64(window) + zstdRoom); err != nil {
		return nil, nil, problem(err)
	}
	reader, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(window))
	if err != nil {
		return nil, nil, c.cutOff(err)
	}
	return reader, reader.Close, nil
}

// cut reports whether the body ended before its end, or came too slowly.
func cut(err error) bool {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	_, network := errors.AsType[net.Error](err)
	return network
}
