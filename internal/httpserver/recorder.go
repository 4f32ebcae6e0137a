package httpserver

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// recorder is a ResponseWriter that remembers the status and counts the bytes.
// What else the writer below can do is reached with http.ResponseController.
type recorder struct {
	http.ResponseWriter
	bytes  int64
	status int
	lent   bool // somebody has the writer below
}

// WriteHeader implements http.ResponseWriter. Informational answers precede the
// one that counts, except 101, which is the last.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// begun notes that an answer without an explicit status is a 200.
func (w *recorder) begun() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

// Write implements http.ResponseWriter.
func (w *recorder) Write(b []byte) (int, error) {
	w.begun()
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// WriteString implements io.StringWriter: the server's writer takes a string
// without a copy.
func (w *recorder) WriteString(s string) (int, error) {
	w.begun()
	n, err := io.WriteString(w.ResponseWriter, s)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom: the server's writer has a file sent by the
// kernel.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	w.begun()
	n, err := io.Copy(w.ResponseWriter, src)
	w.bytes += n
	return n, err
}

// FlushError is Flush for http.ResponseController.
func (w *recorder) FlushError() error {
	w.begun()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush implements http.Flusher, for those who ask for no more.
func (w *recorder) Flush() { _ = w.FlushError() }

// SetReadDeadline is for http.ResponseController. It would find the one below by
// itself, but what every request may do is no reason to think that the writer
// was lent.
func (w *recorder) SetReadDeadline(deadline time.Time) error {
	return http.NewResponseController(w.ResponseWriter).SetReadDeadline(deadline)
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter {
	w.lent = true
	return w.ResponseWriter
}

// answered is the status that the client saw; a panic before there was one is
// counted as a 500, though the server closes the connection instead.
func (w *recorder) answered(panicked bool) int {
	switch {
	case w.status != 0:
		return w.status
	case panicked:
		return http.StatusInternalServerError
	default:
		return http.StatusOK
	}
}

// release gives a recorder back for another request, unless the handler took
// more than writing from it or panicked: then something may still hold it, and
// must not write into somebody else's answer.
func (o *observer) release(rec *recorder, panicked bool) {
	if rec.lent || panicked {
		return
	}
	*rec = recorder{ResponseWriter: over{}}
	o.recorders.Put(rec)
}

// over is what a handler that writes after its end gets, as from the server's
// own writer: nothing but an error.
type over struct{}

var errOver = errors.New("the request was answered already")

func (over) Header() http.Header       { return http.Header{} }
func (over) Write([]byte) (int, error) { return 0, errOver }
func (over) WriteHeader(int)           {}
