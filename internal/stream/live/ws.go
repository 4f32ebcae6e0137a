package live

import (
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"sluice/internal/httpserver"
)

// subprotocol is the only one that is spoken over WebSocket.
const subprotocol = "live.v1.json"

// socket answers with a WebSocket. Browsers tell their pages nothing of a
// handshake that is refused, so what is wrong with the request beyond that is
// said over the WebSocket. Whether a page of the origin may open it was decided
// before (httpserver.Doc.WebSocket).
func (a *API) socket(w http.ResponseWriter, r *http.Request) {
	if p := handshake(w, r); p != nil {
		p.Write(w)
		return
	}
	who, refused := a.who(r)
	corked := &corkedWriter{ResponseWriter: w, pieces: &a.pieces}
	// Without compression: it takes some hundred kilobytes a client, and makes
	// for each one anew what is made once for all.
	conn, err := websocket.Accept(corked, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol}, InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return // It was answered.
	}
	conn.SetReadLimit(maxFrame)
	s := &session{api: a, who: who, conn: conn, cork: corked.cork, topic: r.PathValue("topic")}
	s.run(r, refused)
}

// handshake returns what is wrong with a request that is to become a WebSocket.
func handshake(w http.ResponseWriter, r *http.Request) *httpserver.Problem {
	if !hasToken(r.Header["Upgrade"], "websocket") || !hasToken(r.Header["Connection"], "Upgrade") {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		return httpserver.NewProblem(http.StatusUpgradeRequired, "this endpoint is a WebSocket, and takes HTTP/1.1 with Upgrade: websocket; /events is for plain HTTP")
	}
	if !hasToken(r.Header["Sec-Websocket-Protocol"], subprotocol) {
		return httpserver.NewProblem(http.StatusBadRequest, "the WebSocket has to offer the subprotocol "+subprotocol+`, as in new WebSocket(url, "`+subprotocol+`")`)
	}
	return nil
}

func hasToken(values []string, token string) bool {
	for v := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if strings.EqualFold(strings.TrimSpace(v), token) {
			return true
		}
	}
	return false
}
