package dialect

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/internal/httpserver"
	"sluice/internal/producer"

	"github.com/twmb/franz-go/pkg/kgo"
)

// params are what a request says of its records beside the body: query
// parameters, and request headers that begin with Kafka-. Whatever is unknown,
// malformed or said twice in two ways is collected.
type params struct {
	query  url.Values
	errors []httpserver.FieldError

	key       []byte // nil: null
	partition int32
	timestamp time.Time
	headers   []kgo.RecordHeader
}

// The parameters of a record; a format may take others, too.
var recordParams = []string{"key", "partition", "timestamp", "timeout"}

// newParams reads what the request says. The query parameters that are taken
// beside the ones of every request are named.
func newParams(c *call, taken ...string) *params {
	p := &params{partition: producer.AnyPartition}
	query, err := url.ParseQuery(c.request.URL.RawQuery)
	if err != nil {
		p.wrong("query", "is malformed")
	}
	p.query = query
	for name, values := range query {
		switch {
		case name != "timeout" && !slices.Contains(taken, name):
			p.wrong("query."+name, "unknown parameter")
		case len(values) > 1:
			p.wrong("query."+name, "is given more than once")
		}
	}
	p.timeout(c)
	p.readHeaders(c.request.Header, taken)
	if slices.Contains(taken, "key") {
		p.readKey()
	}
	if slices.Contains(taken, "partition") {
		p.readPartition()
	}
	if slices.Contains(taken, "timestamp") {
		p.readTimestamp()
	}
	slices.SortFunc(p.errors, func(a, b httpserver.FieldError) int { return strings.Compare(a.Location, b.Location) })
	return p
}

// problem is the answer when something was wrong, else nil.
func (p *params) problem() *httpserver.Problem {
	if len(p.errors) == 0 {
		return nil
	}
	return refusal(http.StatusUnprocessableEntity, "a parameter or header is unknown or wrong", p.errors...)
}

func (p *params) wrong(location, message string) {
	p.errors = append(p.errors, httpserver.FieldError{Location: location, Message: message})
}

// The headers that say the same as query parameters of the same meaning.
const (
	keyHeader       = "Kafka-Key"
	keyBase64Header = "Kafka-Key-Base64"
	partitionHeader = "Kafka-Partition"
	timestampHeader = "Kafka-Timestamp"
	headerPrefix    = "Kafka-Header-"
)

// readHeaders takes the record headers, and turns the others into what the
// query would have said.
func (p *params) readHeaders(h http.Header, taken []string) {
	for name, values := range h {
		if !strings.HasPrefix(name, "Kafka-") {
			continue
		}
		location := "header." + name
		if rest, ok := strings.CutPrefix(name, headerPrefix); ok && rest != "" {
			p.recordHeader(location, strings.ToLower(rest), values)
			continue
		}
		parameter, known := map[string]string{
			keyHeader: "key", keyBase64Header: "key", partitionHeader: "partition", timestampHeader: "timestamp",
		}[name]
		switch {
		case !known || !slices.Contains(taken, parameter):
			p.wrong(location, "unknown header")
		case len(values) > 1:
			p.wrong(location, "is given more than once")
		default:
			value, ok := p.unescape(location, values[0])
			if name == keyBase64Header && ok {
				var decoded []byte
				if decoded, ok = decodeBase64(value); !ok {
					p.wrong(location, "is not base64")
				}
				value = string(decoded)
			}
			if !ok {
				continue
			}
			if said, twice := p.query[parameter]; twice && said[0] != value {
				p.wrong(location, "differs from another value of the request's "+parameter)
				continue
			}
			p.query[parameter] = []string{value}
		}
	}
}

func (p *params) recordHeader(location, name string, values []string) {
	if err := producer.CheckHeader(name); err != nil {
		p.wrong(location, err.Error())
		return
	}
	for _, value := range values {
		if text, ok := p.unescape(location, value); ok {
			p.headers = append(p.headers, kgo.RecordHeader{Key: name, Value: []byte(text)})
		}
	}
	// A map has no order, and a record should not depend on chance.
	slices.SortStableFunc(p.headers, func(a, b kgo.RecordHeader) int { return strings.Compare(a.Key, b.Key) })
}

// unescape takes the percent-encoding off a header's value, which is UTF-8.
func (p *params) unescape(location, value string) (string, bool) {
	text, err := url.PathUnescape(value)
	if err != nil {
		p.wrong(location, "is not percent-encoded correctly; a percent sign is %25")
		return "", false
	}
	if !utf8.ValidString(text) {
		p.wrong(location, "is not UTF-8")
		return "", false
	}
	return text, true
}

func (p *params) readKey() {
	if values, ok := p.query["key"]; ok {
		p.key = append([]byte{}, values[0]...)
	}
}

func (p *params) readPartition() {
	values, ok := p.query["partition"]
	if !ok {
		return
	}
	n, err := strconv.ParseInt(values[0], 10, 32)
	if err != nil || n < 0 {
		p.wrong("query.partition", "must be a whole number from 0 to 2147483647")
		return
	}
	p.partition = int32(n)
}

func (p *params) readTimestamp() {
	values, ok := p.query["timestamp"]
	if !ok {
		return
	}
	at, ok := parseTimestamp(values[0])
	if !ok {
		p.wrong("query.timestamp", timestampRule)
	}
	p.timestamp = at
}

const timestampRule = "must be RFC 3339 or Unix milliseconds, from 1970 to 2262-04-11"

// parseTimestamp reads RFC 3339 or Unix milliseconds.
func parseTimestamp(text string) (time.Time, bool) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return timestamp(ms)
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, false
	}
	return timestamp(at.UnixMilli())
}

// shortestTimeout is the least deadline that a request may ask for.
const shortestTimeout = 10 * time.Millisecond

// timeout shortens the deadline of the request.
func (p *params) timeout(c *call) {
	values, ok := p.query["timeout"]
	if !ok {
		return
	}
	d, err := time.ParseDuration(values[0])
	if err != nil || d < shortestTimeout || d > c.timeout {
		p.wrong("query.timeout", "must be a duration from "+shortestTimeout.String()+" to "+c.timeout.String()+", such as 2s")
		return
	}
	c.timeout = d
}

// decodeBase64 takes the standard alphabet, with its padding or without.
func decodeBase64(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false // The library skips them.
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		decoded, err = base64.RawStdEncoding.Strict().DecodeString(text)
	}
	return decoded, err == nil
}

// apply fills a record with what the request says of every one.
func (p *params) apply(r *kgo.Record) {
	r.Key, r.Partition, r.Timestamp = p.key, p.partition, p.timestamp
	r.Headers = append(r.Headers, p.headers...)
}

// document describes the parameters in the schema.
func documentRecordParams(doc *httpserver.Doc) {
	doc.Query = append(doc.Query,
		httpserver.Param{Name: "key", Description: "The record's key; empty is the empty key, absent is null."},
		httpserver.Param{Name: "partition", Type: "integer", Description: "The partition; chosen by the key by default."},
		httpserver.Param{Name: "timestamp", Description: "RFC 3339 or Unix milliseconds; now by default."},
		httpserver.Param{Name: "timeout", Description: "Shortens the deadline of the request, such as 2s."},
	)
	doc.Headers = append(doc.Headers,
		httpserver.Param{Name: keyHeader, Description: "As the parameter key, percent-encoded where needed."},
		httpserver.Param{Name: keyBase64Header, Description: "The key's bytes in base64."},
		httpserver.Param{Name: partitionHeader, Type: "integer", Description: "As the parameter partition."},
		httpserver.Param{Name: timestampHeader, Description: "As the parameter timestamp."},
		httpserver.Param{Name: headerPrefix + "*", Description: "A header of the record, whose name is the rest of this one's in lower case; percent-encoded where needed."},
	)
}
