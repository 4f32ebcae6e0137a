package deadletter

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/record"
)

// Class is why a record was given up.
type Class string

// The classes.
const (
	// Decode: the handler could not read the record.
	Decode Class = "decode"
	// Permanent: the handler said that another attempt would fail, too.
	Permanent Class = "permanent"
	// Exhausted: the last attempt has failed.
	Exhausted Class = "exhausted"
	// Panic: the handler has panicked.
	Panic Class = "panic"
	// Timeout: the last attempt took too long.
	Timeout Class = "timeout"
)

// Classes are all of them.
var Classes = []Class{Decode, Permanent, Exhausted, Panic, Timeout}

// maxMessage bounds the error's text in a dead letter.
const maxMessage = 1024

// Letter is what the block says of a dead letter. All of it is text in Kafka.
type Letter struct {
	// Topic, TopicID, Partition, Offset and Timestamp are those of the record
	// when it was first read, also after it was redriven.
	Topic     string
	TopicID   record.TopicID
	Partition int32
	Offset    int64
	Timestamp time.Time
	// Group has given it up, by its handler Handler.
	Group, Handler string
	// Attempts is how often the handler was called for it since it was read
	// last.
	Attempts int
	Class    Class
	// Message is the last error: at most 1 KiB of valid UTF-8.
	Message string
	// FirstFailure and LastFailure are when the first and the last attempt
	// have failed since it was read last.
	FirstFailure, LastFailure time.Time
	// Replays is how often it was redriven.
	Replays int
}

// names are the block's, in its order. The first are those that Kafka's own
// dead letter queues use.
var names = [...]string{
	"__dlq.errors.topic",
	"__dlq.errors.partition",
	"__dlq.errors.offset",
	"__dlq.errors.group",
	"__dlq.errors.delivery.count",
	"__dlq.errors.message",
	"x-dlq-error-class",
	"x-dlq-handler",
	"x-dlq-first-failure",
	"x-dlq-last-failure",
	"x-dlq-original-timestamp",
	"x-dlq-topic-id",
	"x-dlq-replay-count",
}

// Append adds the block to the headers of the record.
func (l Letter) Append(headers []record.Header) []record.Header {
	values := [len(names)]string{
		l.Topic,
		strconv.Itoa(int(l.Partition)),
		strconv.FormatInt(l.Offset, 10),
		l.Group,
		strconv.Itoa(l.Attempts),
		shorten(l.Message),
		string(l.Class),
		l.Handler,
		stamp(l.FirstFailure),
		stamp(l.LastFailure),
		strconv.FormatInt(l.Timestamp.UnixMilli(), 10),
		l.TopicID.String(),
		strconv.Itoa(l.Replays),
	}
	all := make([]record.Header, 0, len(headers)+len(names))
	all = append(all, headers...)
	for i, name := range names {
		all = append(all, record.Header{Key: name, Value: []byte(values[i])})
	}
	return all
}

// Split takes the block off the headers of a dead letter, or of one that was
// redriven. It reports false where there is none that makes sense: then nothing
// here has written the record.
func Split(headers []record.Header) (original []record.Header, l Letter, ok bool) {
	n := len(headers) - len(names)
	if n < 0 {
		return headers, Letter{}, false
	}
	var values [len(names)]string
	for i, h := range headers[n:] {
		if h.Key != names[i] {
			return headers, Letter{}, false
		}
		values[i] = string(h.Value)
	}
	r := reader{ok: true}
	l = Letter{
		Topic:        values[0],
		Partition:    int32(r.number(values[1], 32)), //nolint:gosec // G115: it has at most 32 bits.
		Offset:       r.number(values[2], 64),
		Group:        values[3],
		Attempts:     int(r.number(values[4], 32)),
		Message:      values[5],
		Class:        Class(values[6]),
		Handler:      values[7],
		FirstFailure: r.time(values[8]),
		LastFailure:  r.time(values[9]),
		Timestamp:    time.UnixMilli(r.number(values[10], 64)),
		TopicID:      r.topicID(values[11]),
		Replays:      int(r.number(values[12], 32)),
	}
	if !r.ok {
		return headers, Letter{}, false
	}
	return headers[:n:n], l, true
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// shorten makes a message fit, and text.
func shorten(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxMessage {
		return s
	}
	end := maxMessage
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// reader reads the block's values; ok is false after one that is wrong.
type reader struct{ ok bool }

func (r *reader) number(s string, bits int) int64 {
	n, err := strconv.ParseInt(s, 10, bits)
	r.ok = r.ok && err == nil
	return n
}

func (r *reader) time(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	r.ok = r.ok && err == nil
	return t
}

func (r *reader) topicID(s string) record.TopicID {
	id, ok := record.ParseTopicID(s)
	r.ok = r.ok && ok
	return id
}
