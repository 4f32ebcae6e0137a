package redrive

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/record"
)

// receipt says of a dead letter that it was redriven. Its key is the letter's
// partition and offset, <partition>:<offset>.
type receipt struct {
	Redrive   string    `json:"redrive"`
	Time      time.Time `json:"time"`
	Principal string    `json:"principal"`
	// TopicID is that of the dead-letter topic: one that is deleted and made
	// again has other letters at the same offsets.
	TopicID string `json:"topic_id"`
}

// receiptPartition is where receipts and statuses are, so that compaction sees
// all records of one key.
const receiptPartition = 0

func receiptKey(partition int32, offset int64) []byte {
	key := strconv.AppendInt(nil, int64(partition), 10)
	return strconv.AppendInt(append(key, ':'), offset, 10)
}

// parseReceiptKey reports false for a key that receiptKey never returns.
func parseReceiptKey(key string) (partition int, offset int64, ok bool) {
	left, right, ok := strings.Cut(key, ":")
	p, err := strconv.ParseInt(left, 10, 32)
	o, err2 := strconv.ParseInt(right, 10, 64)
	return int(p), o, ok && err == nil && err2 == nil && p >= 0 && o >= 0
}

// maxUnfinished bounds the statuses that are kept while receipts are read.
const maxUnfinished = 100

// ledger is what the redrives topic of a source says.
type ledger struct {
	letters  []span // of the dead-letter topic; what is outside is not kept
	topicID  record.TopicID
	redriven []offsets
	// unfinished are the redrives that say they are running, by id.
	unfinished map[string]Redrive
}

// has reports whether a letter has its receipt.
func (l *ledger) has(partition int32, offset int64) bool { return l.redriven[partition].has(offset) }

// readLedger reads the receipts of a source, up to what there is now. With
// everything, open transactions are waited for; with committed, what is behind
// one does not count.
func (c *cluster) readLedger(ctx context.Context, s *source, letters []span, level isolation) (*ledger, error) {
	l := &ledger{
		letters: letters, topicID: s.dlq.id,
		redriven: make([]offsets, len(letters)), unfinished: map[string]Redrive{},
	}
	if s.redrives == nil {
		return l, nil
	}
	spans, err := c.spans(ctx, s.redrives, level)
	if err != nil {
		return nil, err
	}
	for partition, span := range spans {
		err := c.reader(s.redrives, int32(partition), span).each(ctx,
			func(r *kgo.Record) error { l.take(r); return nil },
			func() error { return nil })
		if err != nil {
			return nil, err
		}
	}
	return l, nil
}

// take reads one record. What is neither a receipt nor a status is not ours and
// says nothing.
func (l *ledger) take(r *kgo.Record) {
	key := string(r.Key)
	if id, ok := strings.CutPrefix(key, statusPrefix); ok {
		status, ok := parseStatus(id, r.Value)
		if ok && status.State == Running && len(l.unfinished) < maxUnfinished {
			l.unfinished[id] = status
		} else {
			delete(l.unfinished, id)
		}
		return
	}
	partition, offset, ok := parseReceiptKey(key)
	if !ok || partition >= len(l.letters) || !l.letters[partition].has(offset) {
		return
	}
	var said receipt
	if err := json.Unmarshal(r.Value, &said); err != nil || said.TopicID != l.topicID.String() {
		// A tombstone takes a receipt back, too.
		l.redriven[partition].remove(offset)
		return
	}
	l.redriven[partition].add(offset)
}
