package load

import (
	"encoding/base64"
	"fmt"
	"slices"
)

// Head is what stands before a request's body.
type Head struct {
	Host, Path, ContentType string
	// Key, where set, is sent as a bearer token.
	Key string
}

// lines returns the request line and the headers, without the one that tells
// the body's length and without the empty line.
func (h Head) lines() string {
	text := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n", h.Path, h.Host, h.ContentType)
	if h.Key != "" {
		text += "Authorization: Bearer " + h.Key + "\r\n"
	}
	return text
}

// Body is a request's body with a place for the id of each of its records.
type Body struct {
	Bytes []byte
	// IDs are the positions of the ids in Bytes.
	IDs []int
	// Base64 says that the ids stand in base64, where each begins a group of
	// four characters.
	Base64 bool
}

// Request is a request that is written out beforehand: to send it costs the
// generator the ids and a system call.
type Request struct {
	raw    []byte
	ids    []int
	base64 bool
}

// NewRequest writes a request out.
func NewRequest(h Head, b Body) *Request {
	head := fmt.Sprintf("%sContent-Length: %d\r\n\r\n", h.lines(), len(b.Bytes))
	r := &Request{raw: append([]byte(head), b.Bytes...), base64: b.Base64}
	for _, at := range b.IDs {
		r.ids = append(r.ids, len(head)+at)
	}
	return r
}

// Records is how many records the request carries.
func (r *Request) Records() int64 { return int64(len(r.ids)) }

func (r *Request) clone() *Request {
	return &Request{raw: slices.Clone(r.raw), ids: r.ids, base64: r.base64}
}

// stamp gives the records the ids of a sender, from seq on.
func (r *Request) stamp(sender int, seq int64) {
	if !r.base64 {
		for i, at := range r.ids {
			PutID(r.raw[at:], sender, seq+int64(i))
		}
		return
	}
	var id [IDSize]byte
	for i, at := range r.ids {
		PutID(id[:], sender, seq+int64(i))
		base64.StdEncoding.Encode(r.raw[at:], id[:])
	}
}
