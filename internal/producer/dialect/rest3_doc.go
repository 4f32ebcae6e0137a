package dialect

import (
	"maps"
	"net/http"
	"strconv"

	"sluice/internal/httpserver"
)

// rest3RecordBody is a record, for the schema.
type rest3RecordBody struct {
	Partition *int32            `json:"partition_id,omitempty" minimum:"0" doc:"The partition; chosen by the key by default."`
	Headers   []rest3HeaderBody `json:"headers,omitempty" nullable:"true"`
	Key       *rest3DataBody    `json:"key,omitempty" doc:"Null by default."`
	Value     *rest3DataBody    `json:"value,omitempty" doc:"Null by default."`
	Timestamp string            `json:"timestamp,omitempty" format:"date-time" doc:"Between 1970 and 2262-04-11; now by default."`
}

type rest3HeaderBody struct {
	Name  string  `json:"name"`
	Value *string `json:"value,omitempty" nullable:"true" encoding:"base64" doc:"Base64; null by default."`
}

type rest3DataBody struct {
	Type string `json:"type" enum:"BINARY,JSON,STRING" doc:"How data is written: as base64, as JSON that is kept byte for byte, or as text."`
	Data any    `json:"data" doc:"Null is a null key, or a tombstone."`
}

// rest3BatchBody is a batch, for the schema.
type rest3BatchBody struct {
	Entries []rest3EntryBody `json:"entries" minItems:"1"`
}

// rest3EntryBody is a record with an id. Schemas are made of exported members
// only, so that what it has in common with a record is written again.
type rest3EntryBody struct {
	ID        string            `json:"id" pattern:"^[A-Za-z0-9_-]{1,80}$" doc:"Tells the entries of a batch apart."`
	Partition *int32            `json:"partition_id,omitempty" minimum:"0" doc:"The partition; chosen by the key by default."`
	Headers   []rest3HeaderBody `json:"headers,omitempty" nullable:"true"`
	Key       *rest3DataBody    `json:"key,omitempty" doc:"Null by default."`
	Value     *rest3DataBody    `json:"value,omitempty" doc:"Null by default."`
	Timestamp string            `json:"timestamp,omitempty" format:"date-time" doc:"Between 1970 and 2262-04-11; now by default."`
}

// rest3RecordAnswer is the answer to a streamed record, for the schema.
type rest3RecordAnswer struct {
	ErrorCode int              `json:"error_code" doc:"200 when Kafka has the record with acks=all. 400: the record is malformed or over its limit, or what follows is not JSON, after which the stream ends. 40301: Kafka does not let us write to the topic. 40401, 40402: no such topic, partition. 422: a schema is asked for. 429: the limit of this principal is used up. 50002: refused for good. 50003: it may have been written. 50302: it was not written; safe to send again."`
	Message   string           `json:"message,omitempty" doc:"Of an error."`
	Cluster   string           `json:"cluster_id,omitempty" doc:"The one of the path."`
	Topic     string           `json:"topic_name,omitempty"`
	Partition *int32           `json:"partition_id,omitempty"`
	Offset    *int64           `json:"offset,omitempty"`
	Timestamp string           `json:"timestamp,omitempty" format:"date-time" doc:"Absent where the topic's brokers stamp records themselves."`
	Key       *rest3DataAnswer `json:"key,omitempty" doc:"Absent where the record has none."`
	Value     *rest3DataAnswer `json:"value,omitempty" doc:"Absent where the record has none."`
}

type rest3DataAnswer struct {
	Type string `json:"type" enum:"BINARY,JSON,STRING"`
	Size int    `json:"size" doc:"Bytes in Kafka."`
}

// rest3BatchAnswer is the answer to a batch, for the schema.
type rest3BatchAnswer struct {
	Successes []rest3SuccessAnswer `json:"successes"`
	Failures  []rest3FailureAnswer `json:"failures"`
}

type rest3SuccessAnswer struct {
	ID        string           `json:"id"`
	ErrorCode int              `json:"error_code" enum:"200"`
	Cluster   string           `json:"cluster_id" doc:"The one of the path."`
	Topic     string           `json:"topic_name"`
	Partition int32            `json:"partition_id"`
	Offset    int64            `json:"offset"`
	Timestamp string           `json:"timestamp,omitempty" format:"date-time" doc:"Absent where the topic's brokers stamp records themselves."`
	Key       *rest3DataAnswer `json:"key,omitempty" doc:"Absent where the record has none."`
	Value     *rest3DataAnswer `json:"value,omitempty" doc:"Absent where the record has none."`
}

type rest3FailureAnswer struct {
	ID        string `json:"id"`
	ErrorCode int    `json:"error_code"`
	Message   string `json:"message"`
}

// rest3ErrorAnswer is the error of a whole request, for the schema.
type rest3ErrorAnswer struct {
	ErrorCode int    `json:"error_code" doc:"The status, or more: 40101, 40301, 42208, 50302."`
	Message   string `json:"message"`
}

// doc is what the endpoints have in common.
func (d *REST3) doc() httpserver.Doc {
	doc := httpserver.Doc{
		Tag:     "REST Proxy v3",
		Path:    []httpserver.Param{{Name: "cluster", Description: "Any: it is given back in the answers."}, topicParam},
		Refuse:  d.Refuse,
		Answers: map[int]httpserver.Answer{},
	}
	for code, description := range map[int]string{
		http.StatusBadRequest:           "The body's encoding is malformed, or the request has an idempotency key.",
		http.StatusUnauthorized:         "There is no credential, or a wrong one.",
		http.StatusForbidden:            "This principal may not write to the topic.",
		http.StatusUnsupportedMediaType: "The content type is not JSON, or the encoding is not taken.",
		http.StatusUnprocessableEntity:  "The path names no topic, a parameter was given, or the body is empty.",
		http.StatusTooManyRequests:      "This principal's share of the in-flight budget is used up; safe to send again after Retry-After.",
		http.StatusServiceUnavailable:   "Kafka is away, too much is in flight, or the service is being stopped. Nothing was read; safe to send again after Retry-After.",
	} {
		answer := httpserver.Answer{Description: description, Body: rest3ErrorAnswer{}}
		switch code {
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			answer.Headers = map[string]string{"Retry-After": "Seconds to wait."}
		case http.StatusUnauthorized:
			answer.Headers = map[string]string{"WWW-Authenticate": "What to authenticate with."}
		}
		doc.Answers[code] = answer
	}
	return doc
}

func (d *REST3) streamDoc() httpserver.Doc {
	doc := d.doc()
	delete(doc.Answers, http.StatusTooManyRequests) // A stream waits for its share.
	doc.ID, doc.Summary = "writeRest3Records", "Write records, streamed (REST Proxy v3)"
	doc.Description = "The body is any number of JSON objects that follow each other, for as long as the client sends them. " +
		"The answer is one object for each, in order, followed by \\r\\n, and written as soon as it is known: " +
		"a client that reads while it sends sees each at once. The status is 200 whatever happens to a record."
	doc.Body = rest3RecordBody{}
	doc.BodyExample = map[string]any{"key": map[string]any{"type": "STRING", "data": "greeting"}, "value": map[string]any{"type": "JSON", "data": map[string]any{"text": "Hello, Kafka"}}}
	doc.Answers[http.StatusOK] = httpserver.Answer{Description: "One such object for each record.", Body: rest3RecordAnswer{}}
	return doc
}

func (d *REST3) batchDoc() httpserver.Doc {
	doc := d.doc()
	doc.ID, doc.Summary = "writeRest3Batch", "Write a batch of records (REST Proxy v3)"
	doc.Description = "At most " + strconv.Itoa(d.entries) + " entries, each with an id, by which the answer tells which were written and which were not. The error codes are those of streamed records."
	doc.Body = rest3BatchBody{}
	doc.BodyExample = map[string]any{"entries": []any{map[string]any{"id": "1", "value": map[string]any{"type": "STRING", "data": "Hello, Kafka"}}}}
	maps.Copy(doc.Answers, map[int]httpserver.Answer{
		http.StatusMultiStatus:           {Description: "What became of each entry, even if all of them have failed.", Body: rest3BatchAnswer{}},
		http.StatusBadRequest:            {Description: "The body is not valid JSON, not a batch, or was cut off, or the request has an idempotency key.", Body: rest3ErrorAnswer{}},
		http.StatusRequestEntityTooLarge: {Description: "The body is over the limit.", Body: rest3ErrorAnswer{}},
		http.StatusUnprocessableEntity:   {Description: "error_code 42208: the batch is null, empty or too large, or an id is missing, not valid or not distinct. 422: the path names no topic, or a parameter was given.", Body: rest3ErrorAnswer{}},
	})
	return doc
}
