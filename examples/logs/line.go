package main

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/record"
)

const (
	maxText   = 8 << 10     // Bytes of a line that are looked at.
	maxSource = 200         // Bytes of a source's name.
	maxAhead  = time.Minute // How much later than its record a line may claim to be.
)

// The headers of a record of the topic raw. None of them has to be there.
const (
	headerSource = "source" // Who has sent the line,
	headerSeq    = "seq"    // which of its lines it is, from 1,
	headerZone   = "zone"   // and the offset, such as +01:00, of times that have none.
)

// line is what a record of the topic raw says.
type line struct {
	// Source and Seq are empty where the line has no number: then each that
	// comes counts.
	Source string
	Seq    int64
	// Time is when it happened. It is zero where the line does not say, or says
	// what cannot be: such a line is "unparsed".
	Time  time.Time
	Level level
	Text  string
	// Millis is how long something took; negative where the line does not say.
	Millis float64
}

// read reads a record. It never fails: what cannot be read is text.
func read(r *record.Record) line {
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Key] = text(h.Value)
	}
	return parse(text(r.Value), headers, r.Timestamp)
}

// parse reads a value: JSON, syslog of RFC 5424 and 3164, or any text with one
// of the common timestamps in it. at is the record's own timestamp, which gives
// syslog's dates their year.
func parse(value string, headers map[string]string, at time.Time) (l line) {
	value = strings.TrimSpace(value)
	for inner := ""; json.Unmarshal([]byte(value), &inner) == nil && value != "null"; {
		value = strings.TrimSpace(inner) // A line of text that was sent as JSON.
	}
	if strings.HasPrefix(value, "{") {
		l = parseObject(value)
	} else {
		zone, _ := time.Parse("Z07:00", headers[headerZone]) // UTC, where it is none.
		l = parseText(value, at, zone.Location())
	}
	source := headers[headerSource]
	if seq, err := strconv.ParseInt(headers[headerSeq], 10, 64); err == nil && seq > 0 && source != "" && len(source) <= maxSource {
		l.Source, l.Seq = source, seq
	}
	if l.Time.After(at.Add(maxAhead)) || l.Time.Unix() < 1 {
		l.Time = time.Time{}
	}
	return l
}

// parseObject reads a line in JSON.
func parseObject(value string) line {
	var fields struct {
		TS     string   `json:"ts"`
		Level  string   `json:"level"`
		Msg    string   `json:"msg"`
		Millis *float64 `json:"ms"`
	}
	if err := json.Unmarshal([]byte(value), &fields); err != nil {
		return line{Text: cut(value, maxText), Level: levelInfo, Millis: -1}
	}
	l := line{Level: levelOf(fields.Level), Text: cut(fields.Msg, maxText), Millis: -1}
	l.Time, _ = time.Parse(time.RFC3339Nano, fields.TS) // Zero, where it is none.
	if fields.Millis != nil && *fields.Millis >= 0 {
		l.Millis = *fields.Millis
	}
	return l
}

var (
	// priority, timestamp, (host, program, process, message id, structured data), message.
	rfc5424 = regexp.MustCompile(`^<(\d{1,3})>1 (\S+) \S+ \S+ \S+ \S+ (?:-|(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+) ?((?s:.*))$`)
	rfc3164 = regexp.MustCompile(`^<(\d{1,3})>((?s:.*))$`)
	word    = regexp.MustCompile(`(?i)\b(?:fatal|panic|critical|error|err|fail(?:ed|ure)?|warn(?:ing)?|debug|trace)\b`)
	millis  = regexp.MustCompile(`\b(\d{1,9}(?:\.\d{1,6})?) ?ms\b`)
)

// parseText reads a line of text. Times without an offset are those of zone.
func parseText(text string, at time.Time, zone *time.Location) line {
	text = cut(text, maxText)
	l := line{Millis: -1}
	if m := rfc5424.FindStringSubmatch(text); m != nil {
		l.Level, l.Text = syslogLevel(m[1]), m[3]
		l.Time, _ = time.Parse(time.RFC3339Nano, m[2]) // Zero, where it is "-".
	} else if m := rfc3164.FindStringSubmatch(text); m != nil {
		l.Level = syslogLevel(m[1])
		l.Time, l.Text = stamp(m[2], at, zone)
	} else {
		l.Time, l.Text = stamp(text, at, zone)
		l.Level = levelOf(word.FindString(cut(l.Text, 200)))
	}
	if m := millis.FindStringSubmatch(l.Text); m != nil {
		l.Millis, _ = strconv.ParseFloat(m[1], 64) // The expression lets numbers through.
	}
	return l
}

// syslogLevel reads a priority; the facility in it is left out.
func syslogLevel(digits string) level {
	priority, _ := strconv.Atoi(digits) // Three digits fit.
	return severities[priority%len(severities)]
}

// text is what service B shows of a key, a header or a value.
func text(b []byte) string {
	if !utf8.Valid(b) {
		return base64.StdEncoding.EncodeToString(b)
	}
	return string(b)
}

// cut returns at most n bytes of a text, which is then UTF-8.
func cut(text string, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
