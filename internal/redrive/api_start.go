package redrive

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/deadletter"
	"sluice/internal/httpserver"
)

// maxBody bounds the body of a request.
const maxBody = 64 << 10

// startBody is the body of a request for a redrive, for the schema.
type startBody struct {
	Topic      string    `json:"topic,omitempty" pattern:"^[a-zA-Z0-9._-]{1,249}$" doc:"The topic of the original records; all of the group's by default."`
	Since      time.Time `json:"since,omitzero" doc:"Only letters whose last failure was then or later."`
	Until      time.Time `json:"until,omitzero" doc:"Only letters whose last failure was before."`
	Key        string    `json:"key,omitempty" doc:"Only letters with exactly this key; empty is the empty key."`
	KeyBase64  string    `json:"key_base64,omitempty" doc:"As key, for one that is not UTF-8."`
	Class      string    `json:"class,omitempty" enum:"decode,permanent,exhausted,panic,timeout" doc:"Only letters of this error class."`
	Limit      int64     `json:"limit,omitempty" minimum:"1" doc:"End after so many letters; no limit by default."`
	Rate       float64   `json:"rate,omitempty" minimum:"0.001" maximum:"1000000" doc:"Letters a second, on average; as fast as it goes by default."`
	MaxReplays int       `json:"max_replays,omitempty" minimum:"1" maximum:"1000000" doc:"Leave letters that were redriven so often before; 5 by default."`
	DryRun     bool      `json:"dry_run,omitempty" doc:"Count, and write nothing."`
}

// start begins a redrive. A dry run is answered with its result where that does
// not take long.
func (a *API) start(w http.ResponseWriter, r *http.Request) {
	status, code, err := a.begin(w, r)
	if err != nil {
		p := problem("body.", err)
		if code != 0 {
			p = httpserver.NewProblem(code, err.Error())
		}
		httpserver.AnswerUnread(w, r, func() { p.Write(w) })
		return
	}
	w.Header().Set("Location", "/groups/"+url.PathEscape(status.Group)+"/redrives/"+status.ID)
	writeJSON(w, code, status)
}

// begin returns the status code of its error where that is not the usual one.
func (a *API) begin(w http.ResponseWriter, r *http.Request) (_ Redrive, code int, err error) {
	if err := parameters(r, nil); err != nil {
		return Redrive{}, 0, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return Redrive{}, http.StatusRequestEntityTooLarge, errors.New("the request body is over the limit of 64 KiB")
	} else if err != nil {
		return Redrive{}, http.StatusBadRequest, errors.New("the request body was cut off or came too slowly")
	}
	q := Request{Group: r.PathValue("group")}
	if len(body) > 0 {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/json" {
			return Redrive{}, http.StatusUnsupportedMediaType, errors.New("the body has to be application/json")
		}
		if code, err := q.read(body); err != nil {
			return Redrive{}, code, err
		}
	}
	status, err := a.service.Start(r.Context(), q, caller(r))
	if err != nil || !q.DryRun {
		return status, codeOf(err, http.StatusAccepted), err
	}
	ctx, cancel := context.WithTimeout(r.Context(), dryRunFor)
	defer cancel()
	status, err = a.service.Wait(ctx, status.Group, status.ID)
	if err != nil {
		return status, http.StatusAccepted, nil // It goes on, and can be asked for.
	}
	return status, http.StatusOK, nil
}

func codeOf(err error, success int) int {
	if err != nil {
		return 0
	}
	return success
}

// read reads a body. Every field that is unknown or wrong is in the error.
func (q *Request) read(body []byte) (code int, err error) {
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return http.StatusBadRequest, errors.New("the body is not a JSON object in valid UTF-8 with each name once")
	}
	var wrong fieldErrors
	_, hasKey := fields["key"]
	for name, value := range fields {
		read, ok := bodyFields[name]
		message := "unknown field"
		if ok {
			message = read(q, value)
		}
		if name == "key_base64" && hasKey {
			message = "is not to be given beside key"
		}
		if message != "" {
			wrong = append(wrong, httpserver.FieldError{Location: "body." + name, Message: message})
		}
	}
	return 0, wrong.orNil()
}

// bodyFields are how the fields of a body are read; each returns what is wrong,
// or nothing. What would be "all of them" in a Request is not taken when it is
// written out: who says limit 0 does not want everything.
var bodyFields = map[string]func(*Request, jsontext.Value) string{
	"topic": func(q *Request, v jsontext.Value) string {
		if !decode(v, &q.Topic) || q.Topic == "" {
			return "has to be a topic's name"
		}
		return ""
	},
	"since": func(q *Request, v jsontext.Value) string { return instant(v, &q.Since) },
	"until": func(q *Request, v jsontext.Value) string { return instant(v, &q.Until) },
	"key": func(q *Request, v jsontext.Value) string {
		var key string
		if !decode(v, &key) {
			return "has to be a string; key_base64 takes any bytes"
		}
		q.Key = []byte(key)
		return ""
	},
	"key_base64": func(q *Request, v jsontext.Value) string {
		var key string
		if !decode(v, &key) {
			return "has to be a string"
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(key)
		if err != nil {
			return "is not base64"
		}
		q.Key = append([]byte{}, raw...)
		return ""
	},
	"class": func(q *Request, v jsontext.Value) string {
		var class string
		if !decode(v, &class) || class == "" {
			return "has to be an error class"
		}
		q.Class = deadletter.Class(class)
		return ""
	},
	"limit": func(q *Request, v jsontext.Value) string {
		if !decode(v, &q.Limit) || q.Limit < 1 {
			return "has to be a positive whole number"
		}
		return ""
	},
	"rate": func(q *Request, v jsontext.Value) string {
		if !decode(v, &q.Rate) || q.Rate <= 0 {
			return "has to be a positive number of letters a second"
		}
		return ""
	},
	"max_replays": func(q *Request, v jsontext.Value) string {
		if !decode(v, &q.MaxReplays) || q.MaxReplays < 1 {
			return "has to be a positive whole number"
		}
		return ""
	},
	"dry_run": func(q *Request, v jsontext.Value) string {
		if !decode(v, &q.DryRun) {
			return "has to be true or false"
		}
		return ""
	},
}

// decode reads a value, which may not be null: that would be as if it were not
// there.
func decode(v jsontext.Value, into any) bool {
	return v.Kind() != 'n' && json.Unmarshal(v, into) == nil
}

func instant(v jsontext.Value, into *time.Time) string {
	var said string
	if decode(v, &said) {
		if at, err := time.Parse(time.RFC3339, said); err == nil && !at.IsZero() {
			*into = at.UTC()
			return ""
		}
	}
	return "has to be a time as RFC 3339 writes it, such as 2026-11-23T08:00:00Z"
}
