package openapi_test

import (
	"net/http"
	"slices"
	"strings"
)

// The paths of service B.
const (
	groups   = "/groups"
	oneGroup = "/groups/{group}"
	letters  = "/groups/{group}/dead-letters"
	redrives = "/groups/{group}/redrives"
	redrive  = "/groups/{group}/redrives/{id}"
)

// get makes an exchange without a body.
func get(template, path string, status int, headers ...string) exchange {
	e := exchange{name: path, method: http.MethodGet, template: template, path: path, headers: of("", headers...), status: status, media: problemMedia}
	if status == http.StatusOK {
		e.media = jsonMedia
	}
	return e
}

// post makes an exchange of the endpoint that starts redrives.
func post(name, body string, status int, headers ...string) exchange {
	e := exchange{
		name: name, method: http.MethodPost, template: redrives, path: "/groups/g/redrives",
		headers: of(jsonMedia, headers...), body: body, status: status, media: problemMedia,
	}
	if status < 300 {
		e.media = jsonMedia
	}
	return e
}

// remove makes an exchange of the endpoint that stops one.
func remove(path string, status int, headers ...string) exchange {
	e := get(redrive, path, status, headers...)
	e.method = http.MethodDelete
	return e
}

// redriveOperations are one good request of each operation on dead letters,
// which is answered what every one of them may be.
func redriveOperations(status int, running string, headers ...string) []exchange {
	return []exchange{
		get(letters, "/groups/g/dead-letters", status, headers...),
		post("all", `{}`, status, headers...),
		get(redrive, running, status, headers...),
		remove(running, status, headers...),
	}
}

func groupExchanges() []exchange {
	return []exchange{
		get("/", "/", 200), get("/", "/", 403, "Host", "elsewhere.example"),
		get(groups, "/groups", 200),
		get(groups, "/groups?a=b", 422),
		get(groups, "/groups", 403, "Host", "elsewhere.example"),
		get(oneGroup, "/groups/g", 200),
		get(oneGroup, "/groups/nobody", 404),
		get(oneGroup, "/groups/a%2Fb%00", 404), // Kafka takes any name.
		get(oneGroup, "/groups/%ff", 422),
		get(oneGroup, "/groups/"+strings.Repeat("x", 256), 422),
		get(oneGroup, "/groups/g?a=b", 422),
		get(oneGroup, "/groups/g", 403, "Host", "elsewhere.example"),
	}
}

func letterExchanges() []exchange {
	list := func(query string, status int) exchange { return get(letters, "/groups/g/dead-letters"+query, status) }
	return []exchange{
		list("", 200), list("?topic=events&limit=2", 200), list("?limit=1000&payloads=true", 200),
		list("?from=events/0/1", 200), list("?payloads=false", 200),
		list("?limit=0", 422), list("?limit=1001", 422), list("?limit=-1", 422), list("?limit=x", 422),
		list("?limit=99999999999999999999", 422), list("?payloads=maybe", 422), list("?from=here", 422),
		list("?from=events/-1/0", 422), list("?topic=a%20b", 422), list("?topic=events&topic=events", 422),
		list("?topik=events", 422), list("?%zz", 422),
		list("?topic=nowhere", 404),
		get(letters, "/groups/nobody/dead-letters", 404),
		get(letters, "/groups/a%2Fb/dead-letters", 404),
	}
}

// redriveExchanges are those of a server on which a redrive runs. The last ones
// stop it, and start others.
func redriveExchanges(running string) []exchange {
	const unknown = "/groups/g/redrives/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	return []exchange{
		get(redrive, running, 200), get(redrive, running+"?a=b", 422),
		get(redrive, unknown, 404), get(redrive, "/groups/g/redrives/x%00", 404),
		get(redrive, strings.Replace(running, "/g/", "/other/", 1), 404),
		remove(unknown, 404), remove(running+"?a=b", 422),
		remove(running, 403, "Sec-Fetch-Site", "cross-site"),
		post("malformed", `{"topic":`, 400), post("cut off", `{`, 400), post("a name twice", `{"limit":1,"limit":2}`, 400),
		post("not UTF-8", "{\"key\":\"\xff\"}", 400),
		post("an array", `[]`, 400).refusedBySchema(), post("null", `null`, 400).refusedBySchema(),
		post("a foreign page", `{}`, 403, "Origin", "https://elsewhere.example"),
		post("no dead letters", `{}`, 404).to("/groups/nobody/redrives"),
		post("one is running", `{}`, 409),
		post("too large", `{"key":"`+strings.Repeat("x", 64<<10)+`"}`, 413),
		post("another content type", `{}`, 415, "Content-Type", "text/plain"),
		post("no content type", `{}`, 415, "Content-Type", ""),
		post("an unknown field", `{"rat":1}`, 422).refusedBySchema(),
		post("a class that is none", `{"class":"bad"}`, 422).refusedBySchema(),
		post("an empty class", `{"class":""}`, 422).refusedBySchema(),
		post("a topic that is a number", `{"topic":1}`, 422).refusedBySchema(),
		post("an empty topic", `{"topic":""}`, 422).refusedBySchema(),
		post("a bad topic", `{"topic":"a b"}`, 422).refusedBySchema(),
		post("a time that is none", `{"since":"yesterday"}`, 422).refusedBySchema(),
		post("a time that is null", `{"until":null}`, 422).refusedBySchema(),
		post("times the other way round", `{"since":"2026-11-23T08:00:00Z","until":"2026-11-22T08:00:00Z"}`, 422),
		post("a key that is a number", `{"key":1}`, 422).refusedBySchema(),
		post("two keys", `{"key":"k","key_base64":"aw=="}`, 422),
		post("not base64", `{"key_base64":"!"}`, 422),
		post("no limit", `{"limit":0}`, 422).refusedBySchema(),
		post("half a letter", `{"limit":1.5}`, 422).refusedBySchema(),
		post("no rate", `{"rate":0}`, 422).refusedBySchema(),
		post("a negative rate", `{"rate":-1}`, 422).refusedBySchema(),
		post("a rate of next to nothing", `{"rate":0.0001}`, 422).refusedBySchema(),
		post("too high a rate", `{"rate":1000001}`, 422).refusedBySchema(),
		post("no replays", `{"max_replays":0}`, 422).refusedBySchema(),
		post("too many replays", `{"max_replays":1000001}`, 422).refusedBySchema(),
		post("a text for a switch", `{"dry_run":"true"}`, 422).refusedBySchema(),
		post("a parameter", `{}`, 422).with("?dry_run=true"),
		remove(running, 200), remove(running, 200), get(redrive, running, 200),
		post("a dry run with all fields", `{"topic":"events","since":"2020-01-01T00:00:00Z","until":"2030-01-01T00:00:00+01:00","key":"k","class":"permanent","limit":1,"rate":0.001,"max_replays":1000000,"dry_run":true}`, 200),
		post("a dry run with a key of bytes", `{"key_base64":"/w==","dry_run":true}`, 200),
		post("a dry run of everything", `{"dry_run":true}`, 200),
		post("no dead letters of the topic", `{"topic":"nowhere"}`, 404),
		post("everything", "", 202),
	}
}

// rightExchanges are those of principals that have not the right, and those
// that they have it for.
func rightExchanges(keys map[string]string, running string) []exchange {
	reader, writer := []string{"X-Api-Key", keys["reader"]}, []string{"X-Api-Key", keys["shop"]}
	// What a WebSocket's credential may not do is said over it.
	all := append(slices.Concat(redriveOperations(http.StatusForbidden, running, writer...), streamOperations(http.StatusForbidden, writer...), socketOperations(101, writer...)),
		get(oneGroup, "/groups/g", 403, writer...), get(groups, "/groups", 200, writer...), get("/", "/", 200, writer...))
	return append(all,
		get(groups, "/groups", 200, reader...), get(oneGroup, "/groups/g", 200, reader...),
		get(letters, "/groups/g/dead-letters", 200, reader...), get(letters, "/groups/g/dead-letters?payloads=true", 403, reader...),
		get(letters, "/groups/g/dead-letters?topic=other", 403, reader...),
		get(redrive, running, 200, reader...),
		post("to read is not to operate", `{}`, 403, reader...), post("nor for a dry run", `{"dry_run":true}`, 403, reader...),
		remove(running, 403, reader...),
		get(readable, "/topics", 200, reader...), get(readable, "/topics", 200, writer...),
		get(page, "/topics/events/records", 200, reader...), get(page, "/topics/others/records", 403, reader...),
		ask("a topic that may not be read", `{"topics":["events","others"]}`, 403, reader...),
		ask("a principal that may not read", `{"topics":["events"]}`, 403, writer...),
		get(state, state, 200, writer...), begin(session, 200, writer...))
}
