package openapi_test

import (
	"net/http"
	"strings"
)

// reads are the endpoints that tell what there is, and the content types of
// their answers.
var reads = map[string][]string{
	"/topics":                          {v2, v2Old, jsonMedia},
	"/topics/{topic}":                  {v2, v2Old, jsonMedia},
	"/topics/{topic}/partitions":       {v2, v2Old, jsonMedia},
	partition:                          {v2, v2Old, jsonMedia},
	partition + "/offsets":             {v2, v2Old, jsonMedia},
	"/brokers":                         {v2, v2Old, jsonMedia},
	"/v3/clusters":                     {jsonMedia},
	"/v3/clusters/{id}":                {jsonMedia},
	"/v3/clusters/{id}/topics":         {jsonMedia},
	"/v3/clusters/{id}/topics/{topic}": {jsonMedia},
}

// readExchanges are one of each of them, with a status.
func readExchanges(status int, accept ...string) []exchange {
	var all []exchange
	for template, media := range reads {
		path := strings.NewReplacer("{topic}", "events", "{partition}", "1", "{id}", "c1").Replace(template)
		all = append(all, exchange{
			method: http.MethodGet, template: template, path: path, headers: of("", accept...), status: status, media: media[0],
		})
	}
	return all
}

// metadataExchanges are what a server with a cluster answers.
func metadataExchanges() []exchange {
	all := readExchanges(http.StatusOK)
	all = append(all, readExchanges(http.StatusNotAcceptable, "Accept", "text/html")...)
	for _, e := range readExchanges(http.StatusForbidden, "Host", "elsewhere.example") {
		e.name, e.media = "another host's name", problemMedia
		all = append(all, e)
	}
	for _, e := range readExchanges(http.StatusUnprocessableEntity) {
		e.name = "a parameter"
		all = append(all, e.with("?a=b"))
		if strings.Contains(e.template, "{topic}") {
			e.name = "a bad topic"
			all = append(all, e.to(strings.Replace(e.path, "events", "a%20b", 1)))
		}
	}
	for _, e := range readExchanges(http.StatusNotFound) {
		if strings.Contains(e.template, "{topic}") {
			e.name = "no such topic"
			all = append(all, e.to(strings.Replace(e.path, "events", "nowhere", 1)))
		}
		if strings.Contains(e.template, "{partition}") {
			for _, number := range []string{"4", "-1", "x", "99999999999999999999"} {
				e.name = "no such partition " + number
				all = append(all, e.to(strings.Replace(e.path, "partitions/1", "partitions/"+number, 1)))
			}
		}
		if strings.Contains(e.template, "{id}") {
			e.name = "no such cluster"
			all = append(all, e.to(strings.Replace(e.path, "c1", "c2", 1)))
		}
	}
	for template, offered := range reads {
		for _, media := range offered {
			path := strings.NewReplacer("{topic}", "events", "{partition}", "1", "{id}", "c1").Replace(template)
			all = append(all,
				exchange{name: "as " + media, method: http.MethodGet, template: template, path: path, headers: of("", "Accept", media), status: 200, media: media},
				exchange{name: "as " + media, method: http.MethodGet, template: template, path: path + "?a=b", headers: of("", "Accept", media), status: 422, media: media})
		}
	}
	return all
}

// healthExchanges are those of a server that is ready.
func healthExchanges() []exchange {
	get := func(path string, status int, media string, headers ...string) exchange {
		template, _, _ := strings.Cut(path, "?")
		return exchange{name: path, method: http.MethodGet, template: template, path: path, headers: of("", headers...), status: status, media: media}
	}
	all := []exchange{
		get("/healthz", 200, jsonMedia), get("/readyz", 200, jsonMedia), get("/readyz?for=traffic", 200, jsonMedia),
		get("/readyz?for=me", 422, problemMedia), get("/metrics", 200, "text/plain"),
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		all = append(all, get(path, 403, problemMedia, "Host", "elsewhere.example"))
	}
	return all
}
