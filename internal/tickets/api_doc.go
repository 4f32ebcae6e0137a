package tickets

import (
	"net/http"

	"sluice/internal/httpserver"
)

const docTag = "browsers"

// Register adds the endpoints to service B.
func (a *API) Register(s *httpserver.Server) {
	s.Handle(http.MethodPost, "/tickets", http.HandlerFunc(a.ticket), ticketDoc())
	s.Handle(http.MethodPost, "/session", http.HandlerFunc(a.begin), beginDoc())
	s.Handle(http.MethodDelete, "/session", http.HandlerFunc(a.end), endDoc())
}

// answers are those of an endpoint without a body: success, and what every one
// may refuse.
func answers(code int, success httpserver.Answer) map[int]httpserver.Answer {
	return map[int]httpserver.Answer{
		code:                             success,
		http.StatusBadRequest:            {Description: "The body was cut off, or came too slowly.", Problem: true},
		http.StatusRequestEntityTooLarge: {Description: "The body is over 16 KiB.", Problem: true},
		http.StatusUnprocessableEntity:   {Description: "There is a parameter, or a body: the endpoint takes neither.", Problem: true},
	}
}

func ticketDoc() httpserver.Doc {
	doc := httpserver.Doc{
		ID: "makeTicket", Summary: "Make a ticket", Tag: docTag,
		Description: "A ticket opens a WebSocket or an EventSource in a browser, which can send no header with them: `?ticket=`. It is bound to the principal and its credential, the topics, the filter and the origin of the page, and can be used for 30 seconds, on any replica. A program may ask for one on behalf of a page, and so show it less than it may read itself.",
		Body:        ticketBody{},
		BodyExample: map[string]any{"topics": []string{"orders"}, "filter": `value.customer == "42"`, "origin": "https://app.example"},
		Answers:     answers(http.StatusOK, httpserver.Answer{Description: "The ticket.", Body: Ticket{}}),
	}
	doc.Answers[http.StatusBadRequest] = httpserver.Answer{Description: "The body is not a JSON object, or was cut off.", Problem: true}
	doc.Answers[http.StatusUnprocessableEntity] = httpserver.Answer{Description: "A field, a parameter or a header is unknown or wrong; every one is listed.", Problem: true}
	doc.Answers[http.StatusForbidden] = httpserver.Answer{Description: "This principal may not read one of the topics, or a page of another origin asked.", Problem: true}
	doc.Answers[http.StatusUnsupportedMediaType] = httpserver.Answer{Description: "The body is not JSON.", Problem: true}
	return doc
}

func beginDoc() httpserver.Doc {
	return httpserver.Doc{
		ID: "beginSession", Summary: "Begin a session", Tag: docTag, NoBody: true,
		Description: "Puts the request's credential into a cookie, sealed, so that the pages of this service can use EventSource. It ends after 12 hours, or with the credential. Browsers keep the cookie only from https and from localhost, and send it to this host's own pages only.",
		Answers: answers(http.StatusOK, httpserver.Answer{
			Description: "It has begun.", Body: Session{},
			Headers: map[string]string{"Set-Cookie": "The session: HttpOnly, Secure, SameSite=Strict."},
		}),
	}
}

func endDoc() httpserver.Doc {
	return httpserver.Doc{
		ID: "endSession", Summary: "End the session of this browser", Tag: docTag, NoBody: true, Open: true,
		Description: "The browser forgets the cookie. It needs no credential, so that a session that has ended can be thrown away, too.",
		Answers: answers(http.StatusNoContent, httpserver.Answer{
			Description: "It is forgotten.",
			Headers:     map[string]string{"Set-Cookie": "An empty one."},
		}),
	}
}
