package live

import (
	"errors"
	"net/http"

	"github.com/coder/websocket"

	"sluice/internal/httpserver"
	"sluice/internal/stream"
)

// The codes with which a WebSocket is closed, beside those of RFC 6455: 1008
// for who may not, 1009 for a frame that is too large, 1012 for a replica that
// stops, 1013 for what may succeed later. After 4000 to 4499 a client may come
// again, after 4500 to 4999 it need not.
const (
	// closeReplayed: it has replayed as much as one stream may, and goes on
	// from its cursor with the next.
	closeReplayed websocket.StatusCode = 4001
	// closeSlow: it has fallen behind too far, and has asked for this.
	closeSlow websocket.StatusCode = 4002
	// closeSilent: it has not said in time what it wants.
	closeSilent websocket.StatusCode = 4008
	// closeFrame: it has sent a frame that is none of ours.
	closeFrame websocket.StatusCode = 4500
	// closeFilter: its filter takes too much time.
	closeFilter websocket.StatusCode = 4510
	// closeStatus and the status of a problem above 400 are its code: 4504 is
	// an unknown topic, 4522 a parameter or filter that is wrong.
	closeStatus websocket.StatusCode = 4500
)

// rejected is the error of a subscription that cannot be.
type rejected struct{ problem *httpserver.Problem }

func (r *rejected) Error() string { return r.problem.Detail }

var (
	errSilent     = errors.New(`no subscription has come within 10 s: send {"subscribe":[{"topic":"..."}]} first`)
	errBinary     = errors.New("frames have to be text")
	errUnexpected = errors.New("one frame subscribes, and no other may follow")
)

// closing returns the code and the reason to close with.
func closing(err error) (websocket.StatusCode, string) {
	if r, ok := errors.AsType[*rejected](err); ok {
		if r.problem.Status == http.StatusForbidden || r.problem.Status == http.StatusUnauthorized {
			return websocket.StatusPolicyViolation, reason(r.Error())
		}
		return closeStatus + websocket.StatusCode(r.problem.Status) - http.StatusBadRequest, reason(r.Error())
	}
	if bye, ok := errors.AsType[*stream.Bye](err); ok {
		return closingBye(bye), bye.Reason
	}
	switch {
	case errors.Is(err, errSilent):
		return closeSilent, reason(err.Error())
	case errors.Is(err, errBinary):
		return websocket.StatusUnsupportedData, reason(err.Error())
	case errors.Is(err, errUnexpected):
		return closeFrame, reason(err.Error())
	}
	// The client has gone, or does not read.
	return websocket.StatusGoingAway, ""
}

func closingBye(bye *stream.Bye) websocket.StatusCode {
	switch bye.Reason {
	case stream.ByeDrain:
		return websocket.StatusServiceRestart
	case stream.ByeAuth:
		return websocket.StatusPolicyViolation
	case stream.ByeFilterCost:
		return closeFilter
	case stream.ByeReplayLimit:
		return closeReplayed
	case stream.ByeSlow:
		return closeSlow
	}
	return websocket.StatusTryAgainLater
}

// maxReason is how long the reason of a close may be.
const maxReason = 123

// reason shortens what does not fit, at a character's end. The frame before has
// all of it.
func reason(text string) string {
	if len(text) <= maxReason {
		return text
	}
	cut := maxReason - len("…")
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}
