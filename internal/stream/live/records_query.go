package live

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"sluice/internal/httpserver"
	"sluice/internal/stream"
)

// defaultLimit is how many records a page has at most where the client does not
// say.
const defaultLimit = 100

// pageQuery reads the parameters of a page.
func (a *API) pageQuery(r *http.Request) (stream.PageRequest, *httpserver.Problem) {
	in := newReading(r, a.filters)
	q := stream.PageRequest{Topic: r.PathValue("topic"), Selection: in.selection(), Values: in.form(), Limit: in.limit()}
	q.Cursor, _ = in.one("last_event_id")
	if header := r.Header.Get("Last-Event-Id"); header != "" {
		q.Cursor = header
	}
	q.From = stream.Earliest
	if from, offset := in.bound("from", q.Selection); offset != nil {
		q.FromOffset = offset
	} else if from != nil {
		q.From = *from
	}
	q.To, q.ToOffset = in.bound("to", q.Selection)
	return q, in.end()
}

func (in *reading) limit() int {
	text, ok := in.one("limit")
	if !ok {
		return defaultLimit
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > stream.MaxPage {
		in.fault("limit", fmt.Sprintf("is not a number from 1 to %d", stream.MaxPage))
	}
	return n
}

// bound reads where pages begin or end: what a stream's from may be, or an
// offset of the only partition. Both are nil where there is none.
func (in *reading) bound(name string, s stream.Selection) (*stream.From, *int64) {
	if len(in.values[name]) == 0 {
		in.known = append(in.known, name)
		return nil, nil
	}
	if offset, err := strconv.ParseInt(in.values.Get(name), 10, 64); err == nil && offset >= 0 {
		in.one(name)
		if s.Partition == nil {
			in.fault(name, "is an offset, which needs a partition")
		}
		return nil, &offset
	}
	from := in.from(name, time.Now())
	return &from, nil
}
