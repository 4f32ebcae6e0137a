package webhook

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sluice/record"
)

// maxName bounds the handler's name in webhook-id, in bytes as it is sent.
const maxName = 200

// idSuffix is the end of webhook-id: the handler's name.
func idSuffix(name string) (string, error) {
	if name == "" {
		return "", errors.New("a webhook needs the name of its handler")
	}
	escaped := escapeID(name, "-_")
	if len(escaped) > maxName {
		return "", fmt.Errorf("the handler's name takes %d bytes of webhook-id, and may take %d: choose a shorter one", len(escaped), maxName)
	}
	return escaped, nil
}

// id returns webhook-id, <topic-id>-<partition>-<offset>-<handler>, which is
// the same for each attempt at a record and different for every other record.
// A topic's id has 22 characters, so that its hyphens do no harm; where the
// cluster has none, the topic's name takes its place, with its hyphens escaped:
// without it, records of two topics would look like repeats of one.
func id(r *record.Record, suffix string) string {
	topic := r.TopicID.String()
	if r.TopicID == (record.TopicID{}) {
		topic = escapeID(r.Topic, "_")
	}
	return topic + "-" + strconv.Itoa(int(r.Partition)) + "-" + strconv.FormatInt(r.Offset, 10) + "-" + suffix
}

// escapeID writes everything but ASCII letters, digits and the characters of
// also as %XX. The full stop is among them: it ends the id in what is signed.
func escapeID(s, also string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if isAlphanumeric(c) || strings.IndexByte(also, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString(percent(c))
	}
	return b.String()
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// percent is a byte in percent-encoding (RFC 3986, section 2.1).
func percent(c byte) string {
	const digits = "0123456789ABCDEF"
	return string([]byte{'%', digits[c>>4], digits[c&15]})
}
