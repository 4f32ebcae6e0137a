package dialect

import (
	"net/http"

	"sluice/internal/httpserver"
)

const rest2Description = "With a content type of the REST Proxy (application/vnd.kafka.json.v2+json, …binary… or …text…) the body is a batch of records, answered 200 with the outcome of each: " +
	"`error_code` 50002 says that Kafka does not take the record, 50003 that it may have been written."

// The bodies, for the schema. In the JSON format keys and values are any JSON,
// kept byte for byte; in the others they are strings. The schema's generator
// does not see embedded fields, so what they share is written out.
type (
	rest2JSONRequest struct {
		Records       []rest2JSONRecord `json:"records" minItems:"1"`
		KeySchema     *onlyNull         `json:"key_schema,omitempty" doc:"Only null: there is no schema registry."`
		KeySchemaID   *onlyNull         `json:"key_schema_id,omitempty" doc:"Only null: there is no schema registry."`
		ValueSchema   *onlyNull         `json:"value_schema,omitempty" doc:"Only null: there is no schema registry."`
		ValueSchemaID *onlyNull         `json:"value_schema_id,omitempty" doc:"Only null: there is no schema registry."`
	}
	rest2JSONRecord struct {
		Key       any           `json:"key,omitempty" doc:"The record's key: any JSON, kept byte for byte; null is the null key."`
		Value     any           `json:"value,omitempty" doc:"The record's value: any JSON, kept byte for byte; null is a tombstone."`
		Partition *int32        `json:"partition,omitempty" nullable:"true" minimum:"0" doc:"The partition; that of the path, or chosen by the key, by default."`
		Timestamp *int64        `json:"timestamp,omitempty" nullable:"true" minimum:"0" maximum:"9223372036854" doc:"Unix milliseconds; now by default."`
		Headers   []rest2Header `json:"headers,omitempty" nullable:"true" doc:"The record's headers."`
	}
	rest2BinaryRequest struct {
		Records       []rest2BinaryRecord `json:"records" minItems:"1"`
		KeySchema     *onlyNull           `json:"key_schema,omitempty" doc:"Only null: there is no schema registry."`
		KeySchemaID   *onlyNull           `json:"key_schema_id,omitempty" doc:"Only null: there is no schema registry."`
		ValueSchema   *onlyNull           `json:"value_schema,omitempty" doc:"Only null: there is no schema registry."`
		ValueSchemaID *onlyNull           `json:"value_schema_id,omitempty" doc:"Only null: there is no schema registry."`
	}
	rest2BinaryRecord struct {
		Key       *string       `json:"key,omitempty" nullable:"true" doc:"The record's key in base64; null is the null key."`
		Value     *string       `json:"value,omitempty" nullable:"true" doc:"The record's value in base64; null is a tombstone."`
		Partition *int32        `json:"partition,omitempty" nullable:"true" minimum:"0" doc:"The partition; that of the path, or chosen by the key, by default."`
		Timestamp *int64        `json:"timestamp,omitempty" nullable:"true" minimum:"0" maximum:"9223372036854" doc:"Unix milliseconds; now by default."`
		Headers   []rest2Header `json:"headers,omitempty" nullable:"true" doc:"The record's headers."`
	}
	rest2TextRequest struct {
		Records       []rest2TextRecord `json:"records" minItems:"1"`
		KeySchema     *onlyNull         `json:"key_schema,omitempty" doc:"Only null: there is no schema registry."`
		KeySchemaID   *onlyNull         `json:"key_schema_id,omitempty" doc:"Only null: there is no schema registry."`
		ValueSchema   *onlyNull         `json:"value_schema,omitempty" doc:"Only null: there is no schema registry."`
		ValueSchemaID *onlyNull         `json:"value_schema_id,omitempty" doc:"Only null: there is no schema registry."`
	}
	rest2TextRecord struct {
		Key       *string       `json:"key,omitempty" nullable:"true" doc:"The record's key, written as UTF-8; null is the null key."`
		Value     *string       `json:"value,omitempty" nullable:"true" doc:"The record's value, written as UTF-8; null is a tombstone."`
		Partition *int32        `json:"partition,omitempty" nullable:"true" minimum:"0" doc:"The partition; that of the path, or chosen by the key, by default."`
		Timestamp *int64        `json:"timestamp,omitempty" nullable:"true" minimum:"0" maximum:"9223372036854" doc:"Unix milliseconds; now by default."`
		Headers   []rest2Header `json:"headers,omitempty" nullable:"true" doc:"The record's headers."`
	}
	rest2Header struct {
		Key   string  `json:"key" doc:"The header's name."`
		Value *string `json:"value,omitempty" nullable:"true" doc:"The header's value in base64; null is the null value."`
	}
)

// The answers, for the schema.
type (
	rest2Answer struct {
		Offsets       []rest2Offset `json:"offsets" doc:"What became of each record, in the order of the request."`
		KeySchemaID   *onlyNull     `json:"key_schema_id" doc:"Always null."`
		ValueSchemaID *onlyNull     `json:"value_schema_id" doc:"Always null."`
	}
	rest2Offset struct {
		Partition *int32  `json:"partition" doc:"Null where the record was not reported as written."`
		Offset    *int64  `json:"offset" doc:"Null where the record was not reported as written."`
		ErrorCode *int32  `json:"error_code" doc:"Null: Kafka has the record. 50002: it does not take it. 50003: the record may have been written, or, where the text says so, it was not and can be sent again."`
		Error     *string `json:"error" doc:"The error in words."`
	}
	rest2Failure struct {
		ErrorCode int32  `json:"error_code" doc:"The HTTP status, or the dialect's own code, of five digits."`
		Message   string `json:"message" doc:"What is wrong."`
	}
)

func (rest2) describe(doc *httpserver.Doc) {
	if doc.Bodies == nil {
		doc.Bodies = map[string]any{}
	}
	for media, format := range rest2Formats {
		switch format {
		case rest2JSON:
			doc.Bodies[media] = rest2JSONRequest{}
		case rest2Binary:
			doc.Bodies[media] = rest2BinaryRequest{}
		case rest2Text:
			doc.Bodies[media] = rest2TextRequest{}
		case rest2Schema: // Always refused.
		}
	}
	documentREST2(doc, http.StatusOK, "The outcome of each record.", rest2Answer{}, rest2Media)
	for status, description := range map[int]string{
		http.StatusBadRequest:            "The body is malformed, has a key or value that the content type does not have, or was cut off.",
		http.StatusUnauthorized:          "There is no credential, or a wrong one (40101).",
		http.StatusForbidden:             "This principal may not write to the topic, or Kafka does not let us (40301).",
		http.StatusNotFound:              "The topic (40401) or the partition (40402) does not exist.",
		http.StatusNotAcceptable:         "The client takes no content type that the answer can have.",
		http.StatusRequestEntityTooLarge: "The body is over its limit, or has too many records.",
		http.StatusUnsupportedMediaType:  "The content type or encoding is not taken.",
		http.StatusUnprocessableEntity:   "There are no records, something is unknown or wrong, or a schema is needed (42201, 42202).",
		http.StatusTooManyRequests:       "The principal's rate limit or its share of the in-flight budget is used up (42901).",
		http.StatusServiceUnavailable:    "Nothing was handed to Kafka (50302); safe to send again after Retry-After.",
	} {
		documentREST2(doc, status, description, rest2Failure{}, rest2Media)
	}
}

// documentREST2 adds an answer of the dialect to those that the endpoint has.
func documentREST2(doc *httpserver.Doc, status int, description string, body any, media []string) {
	answer, known := doc.Answers[status]
	if !known {
		answer.Description = description
	}
	if answer.Bodies == nil {
		answer.Bodies = map[string]any{}
	}
	for _, m := range media {
		answer.Bodies[m] = body
	}
	if answer.Headers == nil {
		switch status {
		case http.StatusUnauthorized:
			answer.Headers = map[string]string{"WWW-Authenticate": "What to authenticate with."}
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			answer.Headers = map[string]string{"Retry-After": "Seconds to wait."}
		}
	}
	doc.Answers[status] = answer
}
