package dialect

import (
	"net/http"
	"reflect"

	"sluice/internal/httpserver"

	"github.com/danielgtaylor/huma/v2"
)

// What a Go type cannot say of JSON, for the schema.

// onlyNull is null.
type onlyNull struct{}

// Schema is part of huma.SchemaProvider.
func (onlyNull) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: "null"} }

// timeOrMillis is a time as RFC 3339 or in Unix milliseconds.
type timeOrMillis struct{}

// Schema is part of huma.SchemaProvider.
func (timeOrMillis) Schema(r huma.Registry) *huma.Schema {
	millis := r.Schema(reflect.TypeFor[int64](), false, "")
	first, last := 0.0, float64(maxTimestamp)
	millis.Minimum, millis.Maximum = &first, &last
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString, Format: "date-time"}, millis}}
}

// cloudEvent is a CloudEvent in structured mode. It may have attributes beside
// those that the specification names.
type cloudEvent struct {
	_           struct{} `additionalProperties:"true"`
	ID          string   `json:"id" minLength:"1"`
	Source      string   `json:"source" minLength:"1" format:"uri-reference"`
	SpecVersion string   `json:"specversion" enum:"1.0"`
	Type        string   `json:"type" minLength:"1"`
	Subject     string   `json:"subject,omitempty" minLength:"1"`
	Time        string   `json:"time,omitempty" format:"date-time"`
	DataSchema  string   `json:"dataschema,omitempty" minLength:"1" format:"uri"`
	ContentType string   `json:"datacontenttype,omitempty" doc:"Kept in the record's header content-type."`
	Key         string   `json:"partitionkey,omitempty" doc:"Becomes the record's key, too."`
	Data        any      `json:"data,omitempty" doc:"The record's value: the JSON as it came, or the text of a string whose content type is not JSON."`
	Base64      string   `json:"data_base64,omitempty" encoding:"base64" doc:"The record's value; not beside data."`
}

// lineWritten is the result of a line that Kafka has.
type lineWritten struct {
	Line      int   `json:"line" doc:"From 1."`
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
}

// documentUpload describes the answers to NDJSON.
func documentUpload(doc *httpserver.Doc) {
	doc.Answers[http.StatusMultiStatus] = httpserver.Answer{Description: "NDJSON: not every line was written.", Body: uploadAnswer{}}
	ok := doc.Answers[http.StatusOK]
	if ok.Bodies == nil {
		ok.Bodies = map[string]any{}
	}
	summary := httpserver.OneOf{uploadAnswer{}}
	if other := ok.Bodies["application/json"]; other != nil {
		summary = append(summary, other)
	}
	ok.Bodies["application/json"] = summary
	ok.Bodies["application/x-ndjson"] = httpserver.OneOf{lineWritten{}, lineAnswer{}, uploadAnswer{}}
	doc.Answers[http.StatusOK] = ok
}
