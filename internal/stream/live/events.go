package live

import (
	"net/http"

	"sluice/internal/httpserver"
	"sluice/internal/stream"
)

// events answers with a stream of Server-Sent Events.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	q, p := a.streamQuery(r)
	var who reader
	if p == nil {
		who, p = a.who(r)
	}
	if p == nil {
		p = who.mayRead(q.topics...)
	}
	if p != nil {
		p.Write(w)
		return
	}
	if r.Method == http.MethodHead {
		newSSE(w)
		return
	}
	// It lasts for longer than a request may take to come.
	httpserver.ExtendRead(w, 0)
	feed, err := a.hub.Open(r.Context(), who.request(q, stream.SSE))
	if err != nil {
		refuseStream(w, r, q, err)
		return
	}
	defer feed.Close()
	if gaps := feed.Gaps(); q.strict && len(gaps) > 0 {
		gap(gaps).Write(w)
		return
	}
	sink := newSSE(w)
	if sink.Flush() != nil {
		return
	}
	// They are kept for as long as the stream, which is most of what an idle one
	// costs beside its connection.
	clear(w.Header())
	clear(r.Header)
	// The error is that the client has gone, or what it was told.
	_ = feed.Run(r.Context(), sink)
}

// refuseStream answers a stream that cannot begin.
func refuseStream(w http.ResponseWriter, r *http.Request, q query, err error) {
	if r.Context().Err() != nil {
		return // Nobody is there any more.
	}
	p, bye := refusal(err, q.topics)
	if bye == nil || q.strict {
		p.Write(w)
		return
	}
	s := newSSE(w)
	// A client that has gone is told nothing.
	_ = s.Event("bye", "", []byte(`{"reason":"`+bye.Reason+`"}`))
	_ = s.Flush()
}
