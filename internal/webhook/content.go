package webhook

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"sluice/record"
)

// contentType returns what the value of a record is, or nothing for a tombstone
// that does not say it itself. The record's own header content-type comes
// first, if it is one.
func contentType(r *record.Record) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Key, "content-type") && isContentType(string(h.Value)) {
			return string(h.Value)
		}
	}
	switch {
	case r.Value == nil:
		return ""
	case !utf8.Valid(r.Value): // Before JSON, whose parser would let it pass.
		return "application/octet-stream"
	case json.Valid(r.Value):
		return "application/json"
	}
	return "text/plain; charset=utf-8"
}

// isContentType reports whether s can be sent as Content-Type as it is.
func isContentType(s string) bool {
	const most = 256
	if len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	media, _, err := mime.ParseMediaType(s)
	return err == nil && strings.Contains(media, "/")
}

// traceHeaders are the record's own in the form of a request.
func traceHeaders(r *record.Record) http.Header {
	h := http.Header{}
	for _, header := range r.Headers {
		switch header.Key {
		case "traceparent", "tracestate":
			h.Add(header.Key, string(header.Value))
		}
	}
	return h
}
