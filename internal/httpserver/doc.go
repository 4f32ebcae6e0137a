package httpserver

import "net/http"

// Doc describes an endpoint in the OpenAPI schema, and says who may use it.
type Doc struct {
	ID, Summary, Description, Tag string

	// Path describes parameters of the path, those in {braces}. One that is not
	// listed is a string without a description.
	Path           []Param
	Query, Headers []Param

	// Body is a value of the type that the request's JSON body has, and
	// BodyExample is shown in the interactive docs.
	Body        any
	BodyExample any
	// NoBody says that a request may do without a body.
	NoBody bool
	// Bodies are what an endpoint with other wire formats takes, beside Body:
	// content type → a value of the type for its schema, or nil for any bytes.
	Bodies map[string]any

	Answers map[int]Answer

	// Open says that no credential is needed.
	Open bool
	// Tickets says that a ticket in the query parameter ticket does instead of
	// a credential, and narrows what may be read. The endpoint need not know:
	// the identity in its context is what the ticket lets.
	Tickets bool
	// WebSocket says that the endpoint is one: a page of an origin that is not
	// trusted is refused, which browsers do not do for us.
	WebSocket bool
	// Refuse answers what is refused before the endpoint sees it, for want of
	// a credential, in the endpoint's own words. Headers that belong to the
	// status are set already. With nil the problem is written as it is.
	Refuse func(http.ResponseWriter, *http.Request, *Problem)
}

// Param is a parameter of the path or the query, or a request header. A header
// whose name holds "*" or "<name>" stands for all that begin alike.
type Param struct {
	Name, Description string
	// Type is string (the default), integer or boolean.
	Type string
	// Pattern is a regular expression, and Enum a list, of what it may be.
	Pattern string
	Enum    []any
	// Required says that it may not be absent; one of the path never may.
	Required bool
}

// Answer describes what an endpoint answers with one status: JSON of the type
// of Body, a Problem, or a ContentType without a schema; and Bodies, where it
// answers in several wire formats: content type → a value of the type for its
// schema, or nil for text that has none.
type Answer struct {
	Description string
	Body        any
	Problem     bool
	ContentType string
	Bodies      map[string]any
	Headers     map[string]string // name → description
}
