package broker

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
)

// errLocked means that another process holds the lock of a data folder.
var errLocked = errors.New("locked by another process")

// folder is a data folder, held by this process alone. kfake writes most of
// it; what is added are a lock file and a note beside each partition's files
// that says where its log starts.
type folder struct {
	path   string
	lock   *os.File
	starts []logStart // as they were when the folder was opened
}

// openFolder creates the folder where it is missing, locks it, and prepares
// what kfake would read wrongly.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("broker.data: the folder %q cannot be created; name another with --broker-data: %w", path, err)
	}
	f := &folder{path: path}
	if err := f.acquire(); err != nil {
		return nil, err
	}
	var err error
	if f.starts, err = readLogStarts(path); err == nil {
		err = seed(f.starts)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("broker.data: the folder %q cannot be prepared: %w", path, err), f.Close())
	}
	return f, nil
}

// acquire takes the lock file and writes the process id into it, for the error
// message of whoever comes second.
func (f *folder) acquire() error {
	file, err := os.OpenFile(filepath.Join(f.path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("broker.data: the folder %q cannot be written to; name another with --broker-data: %w", f.path, err)
	}
	if err := lock(file); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(file, 20))
		_ = file.Close()
		if errors.Is(err, errLocked) {
			return fmt.Errorf("broker.data: the folder %q is in use by another process (pid %s): stop that one, or give this one a folder of its own with --broker-data: %w",
				f.path, strings.TrimSpace(string(owner)), err)
		}
		return fmt.Errorf("broker.data: the folder %q cannot be locked; name another with --broker-data: %w", f.path, err)
	}
	f.lock = file
	_ = file.Truncate(0)
	_, _ = fmt.Fprintf(file, "%d\n", os.Getpid())
	return nil
}

// restore deletes again what had been deleted before a crash: kfake writes the
// start of a log down only when it is closed.
func (f *folder) restore(cluster *kfake.Cluster, log *slog.Logger) {
	for _, s := range f.starts {
		info := cluster.PartitionInfo(s.topic, s.partition)
		if info == nil || s.offset <= info.LogStartOffset || s.offset > info.HighWatermark {
			continue
		}
		if err := cluster.DeleteRecords(s.topic, s.partition, s.offset); err != nil {
			log.Warn("log start not restored", slog.String("topic", s.topic), slog.Int("partition", int(s.partition)), slog.String("error", err.Error()))
		}
	}
	f.starts = nil
}

// noteLogStart writes down that a partition's log starts at offset. It fails
// for a partition that has never had a record.
func (f *folder) noteLogStart(topic string, partition int32, offset int64) error {
	return logStart{topic, partition, offset, partitionDir(f.path, topic, partition)}.write()
}

// Close gives the folder back. A nil folder is that of the memory mode.
func (f *folder) Close() error {
	if f == nil {
		return nil
	}
	return f.lock.Close()
}
