package redrive

import (
	"net/http"

	"sluice/internal/httpserver"
)

const docTag = "dead letters"

var (
	groupParam = httpserver.Param{Name: "group", Description: "The consumer group that has given the records up."}
	idParam    = httpserver.Param{Name: "id", Description: "The redrive's id, as its start has answered."}
)

// answers are those of an endpoint: success, what it may refuse, and what every
// one of them may.
func answers(code int, success httpserver.Answer, refusals map[int]string) map[int]httpserver.Answer {
	all := map[int]httpserver.Answer{code: success}
	for code, description := range map[int]string{
		http.StatusForbidden:           "This principal has not the right, Kafka does not let this service do it, or a page of another origin asked.",
		http.StatusUnprocessableEntity: "A parameter or field is unknown or wrong; every one is listed.",
		http.StatusBadGateway:          "Kafka refused for good.",
	} {
		all[code] = httpserver.Answer{Description: description, Problem: true}
	}
	for code, description := range refusals {
		all[code] = httpserver.Answer{Description: description, Problem: true}
	}
	all[http.StatusServiceUnavailable] = httpserver.Answer{
		Description: "Kafka does not answer, or this process is stopping.", Problem: true,
		Headers: map[string]string{"Retry-After": "Seconds to wait."},
	}
	return all
}

func listDoc() httpserver.Doc {
	return httpserver.Doc{
		ID: "listDeadLetters", Summary: "List the dead letters of a group", Tag: docTag,
		Description: "A page of the backlog: the dead letters that were not redriven. The first page has a summary of all. Needs the right to read the topics of the original records, and with payloads to operate on them.",
		Path:        []httpserver.Param{groupParam},
		Query: []httpserver.Param{
			{Name: "topic", Description: "The topic of the original records; all that may be read by default."},
			{Name: "limit", Type: "integer", Description: "How many letters the page has, at most: 50 by default, up to 1000. A page ends early at 8 MiB."},
			{Name: "from", Description: "Where the page begins: next of the page before."},
			{Name: "payloads", Type: "boolean", Description: "With values and headers."},
		},
		Answers: answers(http.StatusOK, httpserver.Answer{Description: "A page of the backlog.", Body: List{}}, map[int]string{
			http.StatusNotFound: "There is no dead-letter topic of the group, or of the group and topic.",
		}),
	}
}

func startDoc() httpserver.Doc {
	doc := httpserver.Doc{
		ID: "startRedrive", Summary: "Redrive dead letters", Tag: docTag,
		Description: "Writes dead letters to the topic from which the group handles them again, with a receipt for each; those that have one are passed over, so that an interrupted redrive is simply started again. A group has one redrive at a time: another replica's is taken over. Needs the right to operate on the topics of the original records, and is an audit line of the log.",
		Path:        []httpserver.Param{groupParam},
		Body:        startBody{},
		NoBody:      true,
		BodyExample: map[string]any{"topic": "orders", "class": "exhausted", "rate": 100, "dry_run": true},
		Answers: answers(http.StatusAccepted, httpserver.Answer{
			Description: "It is running.", Body: Redrive{},
			Headers: map[string]string{"Location": "Where its status is."},
		}, map[int]string{
			http.StatusBadRequest:            "The body is not a JSON object, or was cut off.",
			http.StatusNotFound:              "There is no dead-letter topic of the group, or of the group and topic.",
			http.StatusConflict:              "A redrive of the group is running here; the detail has its id. Or topics are missing that Sluice may not make.",
			http.StatusRequestEntityTooLarge: "The body is over 64 KiB.",
			http.StatusUnsupportedMediaType:  "The body is not JSON.",
		}),
	}
	doc.Answers[http.StatusOK] = httpserver.Answer{Description: "The result of a dry run.", Body: Redrive{}}
	return doc
}

func getDoc() httpserver.Doc {
	return httpserver.Doc{
		ID: "getRedrive", Summary: "The status of a redrive", Tag: docTag,
		Description: "Any replica tells it; a dry run is known only to the one that has run it. Needs the right to read the topics.",
		Path:        []httpserver.Param{groupParam, idParam},
		Answers: answers(http.StatusOK, httpserver.Answer{Description: "Its status.", Body: Redrive{}}, map[int]string{
			http.StatusNotFound: "There is no such redrive of the group.",
		}),
	}
}

func stopDoc() httpserver.Doc {
	return httpserver.Doc{
		ID: "stopRedrive", Summary: "Stop a redrive", Tag: docTag,
		Description: "It ends between two batches, on whatever replica it runs. What was redriven stays redriven. One that has ended stays as it is. Needs the right to operate on the topics, and is an audit line of the log.",
		Path:        []httpserver.Param{groupParam, idParam},
		Answers: answers(http.StatusOK, httpserver.Answer{Description: "Its status; running while its last batch is being written.", Body: Redrive{}}, map[int]string{
			http.StatusNotFound: "There is no such redrive of the group.",
		}),
	}
}
