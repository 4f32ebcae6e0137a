package httpserver

import (
	"io"
	"net/http"
	"time"
)

const (
	// discardFor and discardMost bound what is read of a body that nobody
	// wants.
	discardFor  = 5 * time.Second
	discardMost = 16 << 20
	// ownDiscard is what the server itself reads of a body that was not read,
	// before it answers.
	ownDiscard = 256 << 10
)

// AnswerUnread answers a request whose body was not read to its end, and then
// reads and throws away what comes for a short while: a client that is still
// sending when the connection closes sees a reset instead of the answer.
func AnswerUnread(w http.ResponseWriter, r *http.Request, answer func()) {
	switch {
	case r.ContentLength == 0, r.Header.Get("Expect") != "", r.ProtoMajor != 1:
		answer()
	case r.ContentLength > 0 && r.ContentLength <= ownDiscard:
		// The server does it, and keeps the connection where that went well.
		answer()
	default:
		// Without full duplex the server ends the body at the first flush.
		_ = http.NewResponseController(w).EnableFullDuplex() // Where it cannot be had, the server drains a little by itself.
		AnswerInFullDuplex(w, r, answer)
	}
}

// AnswerInFullDuplex is AnswerUnread for a request in full duplex, where the
// server would take what is left of the body for the next request: one that
// somebody has smuggled in. So the connection ends with this answer. It reports
// whether the body was read to its end; where it was not and the answer had
// begun before, the caller must abort.
func AnswerInFullDuplex(w http.ResponseWriter, r *http.Request, answer func()) (read bool) {
	w.Header().Set("Connection", "close")
	answer()
	_ = http.NewResponseController(w).Flush()
	ExtendRead(w, discardFor)
	n, err := io.Copy(io.Discard, io.LimitReader(r.Body, discardMost))
	return err == nil && n < discardMost
}
