package webhook_test

import (
	"net/http"
	"net/url"
	"strings"
)

// What follows stands in docs/webhooks.md.

// header is a header of a record; a nil value is Kafka's null.
type header struct {
	name  string
	value []byte
}

// readKey is what a receiver does to get the record's key. ok is false where
// the key was left out.
func readKey(h http.Header) (key []byte, ok bool, err error) {
	if values := h.Values("kafka-key"); len(values) > 0 {
		key, err := url.PathUnescape(values[0])
		return []byte(key), true, err
	}
	return nil, h.Get("kafka-key-omitted") == "", nil
}

// readHeaders is what a receiver does to get the record's headers exactly.
func readHeaders(h http.Header) ([]header, error) {
	spelling := map[string]string{}
	for name := range strings.SplitSeq(h.Get("kafka-headers-spelling"), ",") {
		spelling[strings.ToLower(name)] = name
	}
	var all []header
	for field, lines := range h {
		name, ok := strings.CutPrefix(strings.ToLower(field), "kafka-header-")
		if !ok {
			continue
		}
		if exact, ok := spelling[name]; ok {
			name = exact
		}
		for value := range strings.SplitSeq(strings.Join(lines, ","), ",") {
			bytes, err := url.PathUnescape(strings.TrimSpace(value))
			if err != nil {
				return nil, err
			}
			all = append(all, header{name, []byte(bytes)})
		}
	}
	for _, line := range h.Values("kafka-headers") {
		for entry := range strings.SplitSeq(line, ",") {
			name, value, hasValue := strings.Cut(strings.TrimSpace(entry), "=")
			name, err := url.PathUnescape(name)
			if err != nil {
				return nil, err
			}
			if !hasValue {
				all = append(all, header{name, nil})
				continue
			}
			bytes, err := url.PathUnescape(value)
			if err != nil {
				return nil, err
			}
			all = append(all, header{name, []byte(bytes)})
		}
	}
	return all, nil
}
