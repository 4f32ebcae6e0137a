package webhook

import (
	"net/http"
	"strconv"
	"strings"

	"sluice/record"
)

// The bounds of what a record may put into the headers of its request. Servers
// refuse a request with more than they like, and then the record could not be
// delivered at all: 8 KiB a line (nginx, Apache, gunicorn), 100 lines (Apache,
// gunicorn) and 16 KiB in all (Node.js) are their usual limits. What has no room
// is counted in a header; it is still in Kafka.
const (
	maxHeaderBytes = 12 << 10
	maxHeaderLine  = 8_000
	maxOwnLines    = 50
	// maxOwnName keeps the line kafka-headers-spelling below maxHeaderLine.
	maxOwnName = 64
)

// The names of the request headers that say what a record is. Those of Kafka's
// headers are only ever behind ownPrefix or inside a value, so that no record
// can forge one of these.
const (
	topicHeader     = "kafka-topic"
	partitionHeader = "kafka-partition"
	offsetHeader    = "kafka-offset"
	timestampHeader = "kafka-timestamp"
	tombstoneHeader = "kafka-tombstone"
	keyHeader       = "kafka-key"
	keyOmitted      = "kafka-key-omitted"
	ownPrefix       = "kafka-header-"
	listHeader      = "kafka-headers"
	spellingHeader  = "kafka-headers-spelling"
	headersOmitted  = "kafka-headers-omitted"
)

// headerWriter writes a record's key and headers as request headers:
//
//   - a header with a name of letters, digits and hyphens as a line of its own,
//     kafka-header-<name>, one for each value. Since names in HTTP have no
//     case, kafka-headers-spelling lists the names that have capitals;
//   - every other one as an entry <name>=<value> of the list kafka-headers, or
//     <name> alone where its value is null. That is also for a name that has a
//     null among its values, that differs from another one only in its case, or
//     that comes when there are enough lines.
//
// Names in lists and all values are escaped as escape says. The order of the
// values of a name is kept.
type headerWriter struct {
	header   http.Header
	left     int // bytes
	own      int // lines of ownPrefix
	folded   map[string]bool
	spelling []string
	list     []string // the lines of listHeader
	omitted  int
}

// writeRecord puts into h what a record is, apart from its value.
func writeRecord(h http.Header, r *record.Record) {
	w := &headerWriter{header: h, left: maxHeaderBytes, folded: map[string]bool{}}
	w.set(topicHeader, escape(r.Topic))
	w.set(partitionHeader, strconv.Itoa(int(r.Partition)))
	w.set(offsetHeader, strconv.FormatInt(r.Offset, 10))
	w.set(timestampHeader, strconv.FormatInt(r.Timestamp.UnixMilli(), 10))
	if r.Value == nil {
		w.set(tombstoneHeader, "true")
	}
	w.writeKey(r.Key)
	for _, n := range group(r.Headers) {
		w.write(n)
	}
	for _, line := range w.list {
		w.add(listHeader, line)
	}
	if len(w.spelling) > 0 {
		w.set(spellingHeader, strings.Join(w.spelling, ","))
	}
	if w.omitted > 0 {
		w.set(headersOmitted, strconv.Itoa(w.omitted))
	}
}

// set and add take the names as they are: in small letters.
func (w *headerWriter) set(name, value string) { w.header[name] = []string{value} }
func (w *headerWriter) add(name, value string) { w.header[name] = append(w.header[name], value) }

// lineCost is what a line takes of the limits of servers.
func lineCost(name, value string) int { return len(name) + len(": ") + len(value) + len("\r\n") }

// writeKey writes the key: no line for null, an empty one for an empty key.
func (w *headerWriter) writeKey(key []byte) {
	if key == nil {
		return
	}
	if len(key) <= maxHeaderLine {
		if value := escape(string(key)); lineCost(keyHeader, value) <= maxHeaderLine {
			w.left -= lineCost(keyHeader, value)
			w.set(keyHeader, value)
			return
		}
	}
	w.set(keyOmitted, strconv.Itoa(len(key)))
}

// named are the values of one name, in their order.
type named struct {
	name    string
	values  []string
	null    []bool // per value
	anyNull bool
	size    int // bytes of the values
}

// group puts headers together by their names, which stay in the order in which
// they come first.
func group(headers []record.Header) []*named {
	var all []*named
	at := make(map[string]*named, len(headers))
	for _, h := range headers {
		n := at[h.Key]
		if n == nil {
			n = &named{name: h.Key}
			at[h.Key] = n
			all = append(all, n)
		}
		n.null = append(n.null, h.Value == nil)
		n.anyNull = n.anyNull || h.Value == nil
		n.values = append(n.values, string(h.Value))
		n.size += len(h.Value)
	}
	return all
}

// write writes all values of a name, or counts them as left out where they
// have no room: half of them could be taken for all.
func (w *headerWriter) write(n *named) {
	if n.size+len(n.name) > w.left || len(n.values) > w.left {
		w.omitted += len(n.values)
		return
	}
	fold := strings.ToLower(n.name)
	own := isOwnName(n.name) && !n.anyNull && !w.folded[fold] && w.own+len(n.values) <= maxOwnLines
	if own && w.writeOwn(n, fold) || !own && w.writeList(n) {
		return
	}
	w.omitted += len(n.values)
}

// writeOwn writes the values on lines of their own, if they have room.
func (w *headerWriter) writeOwn(n *named, fold string) bool {
	name := ownPrefix + fold
	var cost int
	values := make([]string, len(n.values))
	for i, value := range n.values {
		values[i] = escape(value)
		line := lineCost(name, values[i])
		if line > maxHeaderLine {
			return false
		}
		cost += line
	}
	if fold != n.name {
		cost += lineCost(spellingHeader, n.name) // Too much for all but the first.
	}
	if cost > w.left {
		return false
	}
	w.left -= cost
	w.own += len(values)
	w.folded[fold] = true
	if fold != n.name {
		w.spelling = append(w.spelling, n.name)
	}
	w.header[name] = values
	return true
}

// writeList adds the values to the list, if they have room.
func (w *headerWriter) writeList(n *named) bool {
	var cost int
	name := strings.ReplaceAll(escape(n.name), "=", percent('='))
	entries := make([]string, len(n.values))
	for i, value := range n.values {
		entries[i] = name
		if !n.null[i] {
			entries[i] += "=" + escape(value)
		}
		if lineCost(listHeader, entries[i]) > maxHeaderLine {
			return false
		}
		cost += len(entries[i]) + len(",")
	}
	if cost > w.left {
		return false
	}
	w.left -= cost
	for _, entry := range entries {
		last := len(w.list) - 1
		if last < 0 || lineCost(listHeader, w.list[last]+","+entry) > maxHeaderLine {
			w.list = append(w.list, entry)
			w.left -= lineCost(listHeader, "") // May go below 0: there are few such lines.
			continue
		}
		w.list[last] += "," + entry
	}
	return true
}

// isOwnName reports whether a name can be the end of a header's. Others would
// be names in HTTP, too, but servers drop them without a word: nginx does with
// all that is not a letter, a digit or a hyphen.
func isOwnName(s string) bool {
	if s == "" || len(s) > maxOwnName {
		return false
	}
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

// escape writes each byte of s that is not visible ASCII, and the characters
// `"`, `%` and `,`, as %XX. No value can so end its line or lose a space at its
// end, and proxies that join lines of one name by commas lose nothing. But for
// the comma it is what CloudEvents does in its HTTP binding.
func escape(s string) string {
	clean := true
	for i := range len(s) {
		clean = clean && !mustEscape(s[i])
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if mustEscape(s[i]) {
			b.WriteString(percent(s[i]))
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func mustEscape(c byte) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '%' || c == ',' }
