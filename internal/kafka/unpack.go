package kafka

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxUnpacked bounds what a batch may unpack to. A batch of a megabyte can hold
// gigabytes of zeros, and anybody may ask for it.
const maxUnpacked = 64 << 20

// Unpacker decompresses batches that were fetched without a consuming client,
// up to a limit, which the client's own decompressor does not have.
type Unpacker struct{}

// Decompress implements kgo.Decompressor.
func (Unpacker) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	switch codec {
	case kgo.CodecGzip:
		r, err := gzip.NewReader(bytes.NewReader(src))
		if err != nil {
			return nil, err
		}
		return readAll(r)
	case kgo.CodecLz4:
		return readAll(lz4.NewReader(bytes.NewReader(src)))
	case kgo.CodecZstd:
		r, err := zstd.NewReader(bytes.NewReader(src),
			zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxUnpacked))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return readAll(r)
	case kgo.CodecSnappy:
		// It cannot pack a byte into less than a twentieth of one.
		if len(src) > maxUnpacked/32 {
			return nil, errTooLarge
		}
		return kgo.DefaultDecompressor().Decompress(src, codec)
	case kgo.CodecNone:
		return src, nil
	}
	return nil, fmt.Errorf("unknown compression %d", codec)
}

var errTooLarge = fmt.Errorf("the batch that it is in unpacks to more than %d MiB", maxUnpacked>>20)

func readAll(r io.Reader) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if len(out) > maxUnpacked {
		return nil, errTooLarge
	}
	return out, err
}
