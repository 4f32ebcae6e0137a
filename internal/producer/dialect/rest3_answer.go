package dialect

import (
	"net/http"
	"strconv"

	"sluice/internal/producer"
)

// The error codes of the dialect that say more than a status. Those of
// outcomes are the same as in version 2.
const (
	rest3Unauthorized = 40101
	rest3Forbidden    = 40301 // by us or by Kafka
	rest3NoTopic      = 40401
	rest3NoPartition  = 40402
	rest3BadBatch     = 42208
	rest3Refused      = 50002 // for good
	rest3Unknown      = 50003 // it may have been written
	rest3NotWritten   = 50302 // never handed over; safe to send again
)

// rest3Fault is an error of the dialect: of a record, or of a whole request.
type rest3Fault struct {
	code    int
	message string
}

// badRecord is the error of a record that is wrong in itself.
func badRecord(message string) *rest3Fault { return &rest3Fault{http.StatusBadRequest, message} }

// rest3Outcome is the one place that maps the writer's reasons to the codes of
// the dialect.
func rest3Outcome(err *producer.Error) *rest3Fault {
	if err.Outcome == producer.Unknown {
		return &rest3Fault{rest3Unknown, err.Detail} // Its detail says that it may have been written.
	}
	switch err.Reason {
	case producer.TooLarge:
		return badRecord(err.Detail)
	case producer.NoTopic:
		return &rest3Fault{rest3NoTopic, err.Detail}
	case producer.NoPartition:
		return &rest3Fault{rest3NoPartition, err.Detail}
	case producer.Forbidden:
		return &rest3Fault{rest3Forbidden, err.Detail}
	case producer.Limited:
		return &rest3Fault{http.StatusTooManyRequests, err.Detail}
	case producer.Invalid, producer.Refused:
		return &rest3Fault{rest3Refused, err.Detail}
	case producer.NotStarted, producer.Draining, producer.Busy, producer.Away, producer.Late, producer.Failed:
	}
	return &rest3Fault{rest3NotWritten, err.Detail + "; the record was not written"}
}

// append writes the fault as the dialect's error body.
func (f *rest3Fault) append(dst []byte) []byte {
	return append(f.appendMembers(append(dst, '{')), '}')
}

func (f *rest3Fault) appendMembers(dst []byte) []byte {
	dst = append(dst, `"error_code":`...)
	dst = strconv.AppendInt(dst, int64(f.code), 10)
	dst = append(dst, `,"message":`...)
	return appendString(dst, f.message)
}

// rest3Note is what the answer to a record says beside where the record is.
type rest3Note struct {
	// fault is the code of a record that was wrong in itself, 0 for others.
	fault      int32
	key, value rest3Data
}

// rest3Data is a key or a value, for the answer: its size in Kafka.
type rest3Data struct {
	format rest3Format
	size   int32
}

// rest3Format is how a key or value is written in JSON.
type rest3Format uint8

// The formats; rest3None is of a record that has no key, or no value.
const (
	rest3None rest3Format = iota
	rest3Binary
	rest3JSON
	rest3String
	rest3Schema // one that needs a schema
)

var rest3Formats = map[string]rest3Format{
	"BINARY": rest3Binary, "JSON": rest3JSON, "STRING": rest3String,
	"AVRO": rest3Schema, "JSONSCHEMA": rest3Schema, "PROTOBUF": rest3Schema,
}

var rest3FormatNames = [...]string{rest3Binary: "BINARY", rest3JSON: "JSON", rest3String: "STRING"}

// rest3Answerer writes the answers to the records of a request.
type rest3Answerer struct{ where []byte }

// newRest3Answerer prepares what all answers have in common. The cluster is
// what the client wrote into the path, so it is quoted.
func newRest3Answerer(cluster, topic string) rest3Answerer {
	where := append([]byte(nil), `"error_code":200,"cluster_id":`...)
	where = appendString(where, cluster)
	where = append(where, `,"topic_name":"`...)
	where = append(where, topic...) // A legal name needs no escape.
	return rest3Answerer{append(where, `","partition_id":`...)}
}

// appendWritten writes the members of the answer to a record that Kafka has.
func (a rest3Answerer) appendWritten(dst []byte, n *rest3Note, at producer.Place) []byte {
	dst = append(dst, a.where...)
	dst = strconv.AppendInt(dst, int64(at.Partition), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, at.Offset, 10)
	if !at.Timestamp.IsZero() {
		dst = append(dst, `,"timestamp":`...)
		dst = appendTimestamp(dst, at.Timestamp)
	}
	dst = n.key.append(dst, `,"key":{"type":"`)
	return n.value.append(dst, `,"value":{"type":"`)
}

func (d rest3Data) append(dst []byte, start string) []byte {
	if d.format == rest3None {
		return dst
	}
	dst = append(dst, start...)
	dst = append(dst, rest3FormatNames[d.format]...)
	dst = append(dst, `","size":`...)
	dst = strconv.AppendInt(dst, int64(d.size), 10)
	return append(dst, '}')
}

// faultOf is the fault of a record that has failed.
func (n *rest3Note) faultOf(err *producer.Error) *rest3Fault {
	if n.fault != 0 {
		return &rest3Fault{int(n.fault), err.Detail}
	}
	return rest3Outcome(err)
}
