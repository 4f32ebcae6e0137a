package broker

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// logStart is where a partition's log starts, as it was written down before
// the records in front of it were deleted. kfake knows the end of a log from
// its last record only: a partition that is empty when the broker starts would
// begin again at offset 0, and consumers that had read further would skip what
// comes next.
type logStart struct {
	topic     string
	partition int32
	offset    int64
	dir       string // of the partition's files
}

// noteFile is the file's name beside the segments; kfake ignores it.
const noteFile = "log-start-offset"

// partitionDir is where kfake keeps a partition.
func partitionDir(data, topic string, partition int32) string {
	return filepath.Join(data, "partitions", fmt.Sprintf("%s-%d", url.PathEscape(topic), partition))
}

// write replaces the note in one step. It is not flushed to the disk: like the
// records, it survives a kill of the process.
func (s logStart) write() error {
	tmp := filepath.Join(s.dir, noteFile+".tmp")
	if err := os.WriteFile(tmp, strconv.AppendInt(nil, s.offset, 10), 0o600); err != nil {
		return fmt.Errorf("note the log start: %w", err)
	}
	if err := os.Rename(tmp, filepath.Join(s.dir, noteFile)); err != nil {
		return fmt.Errorf("note the log start: %w", err)
	}
	return nil
}

// readLogStarts reads all notes of a data folder.
func readLogStarts(data string) ([]logStart, error) {
	notes, err := filepath.Glob(filepath.Join(escapeGlob(data), "partitions", "*", noteFile))
	if err != nil {
		return nil, fmt.Errorf("find the log starts: %w", err)
	}
	var starts []logStart
	for _, note := range notes {
		s := logStart{dir: filepath.Dir(note)}
		text, err := os.ReadFile(note) //nolint:gosec // a file of our own folder
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read a log start: %w", err)
		}
		if s.offset, err = strconv.ParseInt(string(text), 10, 64); err != nil || s.offset < 1 {
			return nil, fmt.Errorf("%s holds no offset", note)
		}
		base := filepath.Base(s.dir)
		dash := strings.LastIndexByte(base, '-')
		partition, err := strconv.ParseInt(base[dash+1:], 10, 32)
		if err != nil || dash < 0 {
			return nil, fmt.Errorf("%s is not a partition's folder", s.dir)
		}
		s.partition = int32(partition)
		if s.topic, err = url.PathUnescape(base[:dash]); err != nil {
			return nil, fmt.Errorf("%s is not a partition's folder: %w", s.dir, err)
		}
		starts = append(starts, s)
	}
	return starts, nil
}

// escapeGlob makes a path match itself only.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// seed gives each partition with no record before its log start one that says
// where the log ends: a transaction marker, which no client shows. It is below
// the log start, so that restore deletes it as soon as kfake has read it.
func seed(starts []logStart) error {
	for _, s := range starts {
		segments, err := filepath.Glob(filepath.Join(escapeGlob(s.dir), "*.dat"))
		if err != nil {
			return fmt.Errorf("find the segments: %w", err)
		}
		if hasSegmentBefore(segments, s.offset) {
			continue
		}
		name := filepath.Join(s.dir, strconv.FormatInt(s.offset-1, 10)+".dat")
		if err := os.WriteFile(name, marker(s.offset-1), 0o600); err != nil {
			return fmt.Errorf("mark the end of a log: %w", err)
		}
	}
	return nil
}

// hasSegmentBefore reports whether a segment, named after its first offset,
// starts before offset.
func hasSegmentBefore(segments []string, offset int64) bool {
	for _, name := range segments {
		first, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(name), ".dat"), 10, 64)
		if err == nil && first < offset {
			return true
		}
	}
	return false
}

// marker is a batch of one control record, a commit of no transaction, in the
// form in which Kafka and kfake store it.
func marker(offset int64) []byte {
	record := kmsg.Record{
		Key:   (&kmsg.ControlRecordKey{Type: kmsg.ControlRecordKeyTypeCommit}).AppendTo(nil),
		Value: (&kmsg.EndTxnMarker{}).AppendTo(nil),
	}
	record.Length = int32(len(record.AppendTo(nil)) - 1) //nolint:gosec // a few bytes; the length does not count itself
	batch := kmsg.RecordBatch{
		FirstOffset:   offset,
		Magic:         2,
		Attributes:    0x0030, // control and transactional
		ProducerID:    -1,
		ProducerEpoch: -1,
		FirstSequence: -1,
		NumRecords:    1,
		Records:       record.AppendTo(nil),
	}
	raw := batch.AppendTo(nil)
	batch.Length = int32(len(raw) - 12)                                            //nolint:gosec // a few bytes
	batch.CRC = int32(crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli))) //nolint:gosec // the protocol's own representation
	return batch.AppendTo(nil)
}
