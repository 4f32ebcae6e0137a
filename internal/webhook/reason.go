package webhook

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"sluice/record"
)

// reason says why a connection has failed. Only errors are quoted whose text
// is not the endpoint's: those of net/http quote the bytes that were no HTTP,
// and these may be what we have sent.
func reason(err error) string {
	if bad, ok := errors.AsType[*net.DNSError](err); ok {
		return "has a name that cannot be looked up: " + brief(bad.Error())
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "has a certificate that is not trusted: " + brief(bad.Err.Error())
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "does not speak TLS at this port: is webhook.url an http:// one?"
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return "ended the connection: " + brief(alert.Error())
	}
	if bad, ok := errors.AsType[*net.OpError](err); ok && bad.Op == "dial" {
		return "could not be connected to: " + brief(bad.Error())
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return "lost the connection: " + number.Error()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "closed the connection before it answered"
	}
	return "lost the connection, or its answer is not HTTP"
}

// brief makes a text safe to print and short. A certificate, say, has names
// that the endpoint has chosen.
func brief(s string) string {
	const most = 300
	text := record.AppendText(nil, []byte(s))
	if len(text) > most {
		return strings.ToValidUTF8(string(text[:most]), "") + "…"
	}
	return string(text)
}
