package live

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/internal/httpserver"
	"sluice/internal/stream"
)

const (
	// maxPages is how many pages are made at a time, and pagePatience how long
	// a client waits for its turn.
	maxPages     = 256
	pagePatience = 3 * time.Second

	ndjson = "application/x-ndjson"
	// The headers that say of a page what its JSON form has as members.
	nextHeader = "Sluice-Next-Cursor"
	endHeader  = "Sluice-End"
)

// RecordPage is a page as JSON, for the schema.
type RecordPage struct {
	Records []PageRecord `json:"records" doc:"The records; those of a partition in their order."`
	Next    string       `json:"next" doc:"The cursor of the next page: last_event_id. A stream can go on from it, too."`
	End     bool         `json:"end" doc:"Whether all that is committed, or all before to, was looked at. Without it there is more, also where a page is empty."`
}

// PageRecord is a record of a page or of a stream, for the schema.
type PageRecord struct {
	Topic       string             `json:"topic"`
	Partition   int32              `json:"partition"`
	Offset      int64              `json:"offset"`
	Timestamp   int64              `json:"timestamp" doc:"Milliseconds since 1970."`
	Key         *string            `json:"key" doc:"null where there is none."`
	KeyEncoding string             `json:"key_encoding,omitempty" enum:"base64" doc:"How the key is written where it is not text."`
	Headers     []PageRecordHeader `json:"headers"`
	Value       any                `json:"value" doc:"JSON as it is, text as a string, null for a tombstone; see the parameter values."`
	Encoding    string             `json:"encoding,omitempty" enum:"base64" doc:"How the value is written where it is neither JSON nor text."`
}

// PageRecordHeader is a header of a record, for the schema.
type PageRecordHeader struct {
	Key         string  `json:"key"`
	KeyEncoding string  `json:"key_encoding,omitempty" enum:"base64" doc:"How the key is written where it is not text."`
	Value       *string `json:"value"`
	Encoding    string  `json:"encoding,omitempty" enum:"base64" doc:"How the value is written where it is not text."`
}

// records answers with a page of records.
func (a *API) records(w http.ResponseWriter, r *http.Request) {
	q, p := a.pageQuery(r)
	var who reader
	if p == nil {
		who, p = a.who(r)
	}
	if p == nil {
		p = who.mayRead(q.Topic)
	}
	if p != nil {
		p.Write(w)
		return
	}
	q.Selection, q.Principal = who.narrow(q.Selection), who.identity.Principal()
	turn := time.NewTimer(pagePatience)
	defer turn.Stop()
	select {
	case a.pages <- struct{}{}:
		defer func() { <-a.pages }()
	case <-turn.C:
		later("too many pages are read at once").Write(w)
		return
	case <-r.Context().Done():
		return
	}
	page, err := a.hub.Page(r.Context(), q)
	if err != nil {
		refusePage(w, r, q.Topic, err)
		return
	}
	writePage(w, r, page)
}

// refusePage answers where there is no page.
func refusePage(w http.ResponseWriter, r *http.Request, topic string, err error) {
	if r.Context().Err() != nil {
		return // Nobody is there any more.
	}
	gone, isGone := errors.AsType[*stream.GoneError](err)
	switch {
	case isGone:
		// The next cursor lets a program go on that can do without.
		w.Header().Set(nextHeader, gone.Next)
		gap(gone.Gaps).Write(w)
	case errors.Is(err, stream.ErrBadCursor):
		wrong([]httpserver.FieldError{{Location: "query.last_event_id", Message: err.Error()}}).Write(w)
	case errors.Is(err, stream.ErrNoPartition):
		wrong([]httpserver.FieldError{{Location: "query.partition", Message: err.Error()}}).Write(w)
	case errors.Is(err, stream.ErrNoOffset):
		wrong([]httpserver.FieldError{{Location: "query.from", Message: err.Error()}}).Write(w)
	default:
		p, _ := refusal(err, []string{topic})
		p.Write(w)
	}
}

// gap is the answer to a program that wants no gap, or whose page would begin
// with one.
func gap(gaps []stream.Gap) *httpserver.Problem {
	p := httpserver.NewProblem(http.StatusGone, "the cursor cannot be resumed without a gap: "+gaps[0].Reason)
	for _, gap := range gaps {
		p.Errors = append(p.Errors, httpserver.FieldError{Location: "query.last_event_id", Message: gap.String()})
	}
	return p
}

func writePage(w http.ResponseWriter, r *http.Request, page *stream.Page) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept")
	h.Set(nextHeader, page.Next)
	h.Set(endHeader, strconv.FormatBool(page.End))
	if wantsLines(r) {
		h.Set("Content-Type", ndjson)
		writeAll(w, lines(page))
		return
	}
	tail, err := json.Marshal(struct {
		Next string `json:"next"`
		End  bool   `json:"end"`
	}{page.Next, page.End})
	if err != nil {
		// A text and a boolean always marshal.
		httpserver.NewProblem(http.StatusInternalServerError, "the page cannot be written").Write(w)
		return
	}
	h.Set("Content-Type", "application/json")
	writeAll(w, []byte(`{"records":[`), list(page), []byte("],"), tail[1:], []byte("\n"))
}

// lines and list put what belongs there behind each record.
func lines(page *stream.Page) []byte { return joined(page, '\n', "\n") }
func list(page *stream.Page) []byte  { return joined(page, ',', "") }

func joined(page *stream.Page, between byte, last string) []byte {
	all := make([]byte, 0, len(page.Records)+len(page.Ends))
	from := 0
	for i, end := range page.Ends {
		all = append(all, page.Records[from:end]...)
		if from = end; i < len(page.Ends)-1 {
			all = append(all, between)
		} else {
			all = append(all, last...)
		}
	}
	return all
}

// wantsLines reports whether the client asks for NDJSON.
func wantsLines(r *http.Request) bool {
	for accepted := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		kind, params, err := mime.ParseMediaType(accepted)
		if err == nil && (kind == ndjson || kind == "application/jsonl") && params["q"] != "0" {
			return true
		}
	}
	return false
}
