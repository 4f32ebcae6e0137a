package openapi_test

import (
	"net/http"
	"strings"
)

const (
	produce   = "/produce"
	topic     = "/topics/{topic}"
	partition = "/topics/{topic}/partitions/{partition}"
	records   = "/v3/clusters/{cluster}/topics/{topic}/records"
	batch     = "/v3/clusters/{cluster}/topics/{topic}/records:batch"

	jsonMedia    = "application/json"
	problemMedia = "application/problem+json"
	linesMedia   = "application/x-ndjson"
	eventMedia   = "application/cloudevents+json"
	v2           = "application/vnd.kafka.v2+json"
	v2JSON       = "application/vnd.kafka.json.v2+json"
	v2Binary     = "application/vnd.kafka.binary.v2+json"
	v2Text       = "application/vnd.kafka.text.v2+json"
	v2Old        = "application/vnd.kafka+json"
)

// of makes the headers of a content type, and others in pairs.
func of(contentType string, others ...string) map[string]string {
	headers := map[string]string{}
	if contentType != "" {
		headers["Content-Type"] = contentType
	}
	for i := 0; i < len(others); i += 2 {
		headers[others[i]] = others[i+1]
	}
	return headers
}

// write makes an exchange of a write endpoint, in the topic events and the
// cluster c1.
func write(name, template, contentType, body string, status int, media string) exchange {
	path := strings.NewReplacer("{topic}", "events", "{partition}", "1", "{cluster}", "c1").Replace(template)
	return exchange{name: name, method: http.MethodPost, template: template, path: path, headers: of(contentType), body: body, status: status, media: media}
}

// with changes one.
func (e exchange) with(query string, headers ...string) exchange {
	e.path += query
	for i := 0; i < len(headers); i += 2 {
		e.headers[headers[i]] = headers[i+1]
	}
	return e
}

func (e exchange) to(path string) exchange { e.path = path; return e }

// refusedBySchema says that the schema of the request tells that it is wrong.
func (e exchange) refusedBySchema() exchange { e.wrong = true; return e }

// simple are requests of each write endpoint that are good, of which each
// other server answers what it must.
func simple(status int, problem, rest string) []exchange {
	return []exchange{
		write("simple", produce, jsonMedia, `{"content":"x"}`, status, problem),
		write("raw", topic, "text/plain", "x", status, problem),
		write("lines", topic, linesMedia, "1\n", status, problem),
		write("event", topic, eventMedia, `{"id":"1","source":"/s","specversion":"1.0","type":"t"}`, status, problem),
		write("v2", topic, v2JSON, `{"records":[{"value":1}]}`, status, rest),
		write("v2", partition, v2JSON, `{"records":[{"value":1}]}`, status, rest),
		write("v3", records, jsonMedia, `{"value":{"type":"JSON","data":1}}`, status, jsonMedia),
		write("v3", batch, jsonMedia, `{"entries":[{"id":"1","value":{"type":"JSON","data":1}}]}`, status, jsonMedia),
	}
}

func produceExchanges() []exchange {
	w := func(name, body string, status int) exchange {
		media := problemMedia
		if status == http.StatusOK {
			media = jsonMedia
		}
		return write(name, produce, jsonMedia, body, status, media)
	}
	return []exchange{
		w("all fields", `{"content":"ä","topic":"events","key":"k","partition":1,"timestamp":"2024-01-01T00:00:00Z","headers":{"a":"b"}}`, 200),
		w("milliseconds", `{"content":"","timestamp":1700000000000}`, 200),
		write("no content type", produce, "", `{"content":"x"}`, 200, jsonMedia),
		w("malformed", `{"content":`, 400),
		w("no content", `{}`, 422).refusedBySchema(),
		w("content is a number", `{"content":1}`, 422).refusedBySchema(),
		w("an unknown field", `{"content":"x","partiton":1}`, 422).refusedBySchema(),
		w("a negative partition", `{"content":"x","partition":-1}`, 422).refusedBySchema(),
		w("a bad topic", `{"content":"x","topic":"a b"}`, 422).refusedBySchema(),
		w("a time that is none", `{"content":"x","timestamp":true}`, 422).refusedBySchema(),
		w("a time after 2262", `{"content":"x","timestamp":9223372036855}`, 422).refusedBySchema(),
		w("a header that is a number", `{"content":"x","headers":{"a":1}}`, 422).refusedBySchema(),
		w("an array", `[]`, 422).refusedBySchema(),
		w("a parameter", `{"content":"x"}`, 422).with("?key=a"),
		w("no such topic", `{"content":"x","topic":"nowhere"}`, 404),
		w("no such partition", `{"content":"x","partition":4}`, 404),
		w("a body over the limit", `{"content":"`+strings.Repeat("x", 4<<10)+`"}`, 413),
		w("a record over the limit", `{"content":"`+strings.Repeat("x", 3<<10)+`"}`, 413),
		write("another content type", produce, "text/plain", "x", 415, problemMedia),
		w("a foreign page", `{"content":"x"}`, 403).with("", "Sec-Fetch-Site", "cross-site"),
		w("an idempotency key", `{"content":"x"}`, 400).with("", "Idempotency-Key", "1"),
	}
}

func topicExchanges() []exchange {
	raw := func(name, body string, status int) exchange {
		return write(name, topic, "image/png", body, status, map[bool]string{true: jsonMedia, false: problemMedia}[status == 200])
	}
	lines := func(name, body string, status int) exchange {
		return write(name, topic, linesMedia, body, status, map[bool]string{true: jsonMedia, false: problemMedia}[status < 300])
	}
	event := func(name, body string, status int) exchange {
		return write(name, topic, eventMedia, body, status, map[bool]string{true: jsonMedia, false: problemMedia}[status == 200])
	}
	return []exchange{
		raw("raw", "\x89PNG", 200),
		raw("an empty value", "", 200),
		write("no content type", topic, "", "x", 200, jsonMedia),
		raw("a tombstone", "", 200).with("?key=k&tombstone=true"),
		raw("parameters", "x", 200).with("?key=k&partition=1&timestamp=1700000000000&timeout=2s"),
		raw("headers", "x", 200).with("", "Kafka-Key", "k", "Kafka-Partition", "1", "Kafka-Timestamp", "1700000000000", "Kafka-Header-Trace", "1"),
		raw("a key of bytes", "x", 200).with("", "Kafka-Key-Base64", "AP8="),
		raw("not gzip", "x", 400).with("", "Content-Encoding", "gzip"),
		raw("an encoding", "x", 415).with("", "Content-Encoding", "br"),
		raw("an unknown parameter", "x", 422).with("?partiton=1"),
		raw("a bad topic", "x", 422).to("/topics/a%2fb"),
		raw("no such topic", "x", 404).to("/topics/nowhere"),
		raw("no such partition", "x", 404).with("?partition=4"),
		raw("too large", strings.Repeat("x", 5<<10), 413),
		raw("a foreign page", "x", 403).with("", "Origin", "https://elsewhere.example"),
		lines("lines", "1\n{}\n\"x\"\n", 200),
		lines("lines with keys", `{"a":{"b":1}}`+"\n", 200).with("?key_path=/a/b"),
		write("JSON lines", topic, "application/jsonl", "1\n", 200, jsonMedia),
		write("a result a line", topic, linesMedia, "1\n{\n2", 200, linesMedia).with("?results=each"),
		lines("a line that is bad", "1\n{\n", 207),
		lines("a line that is too long", "1\n\""+strings.Repeat("x", 3<<10)+"\"\n", 207),
		lines("only bad lines", "{\n[\n", 400),
		lines("a line without a key", "1\n", 422).with("?key_path=/a"),
		lines("no such topic", "1\n", 404).to("/topics/nowhere"),
		event("an event", `{"id":"1","source":"/s","specversion":"1.0","type":"t","subject":"s","time":"2024-01-01T00:00:00Z","dataschema":"https://s.example","datacontenttype":"text/plain","partitionkey":"k","more":1,"data":"x"}`, 200),
		event("an event of bytes", `{"id":"1","source":"/s","specversion":"1.0","type":"t","data_base64":"AP8="}`, 200),
		event("no id", `{"source":"/s","specversion":"1.0","type":"t"}`, 422).refusedBySchema(),
		event("an empty type", `{"id":"1","source":"/s","specversion":"1.0","type":""}`, 422).refusedBySchema(),
		event("another version", `{"id":"1","source":"/s","specversion":"0.3","type":"t"}`, 422).refusedBySchema(),
		event("a time that is none", `{"id":"1","source":"/s","specversion":"1.0","type":"t","time":"now"}`, 422).refusedBySchema(),
		event("an array", `[]`, 422).refusedBySchema(),
		event("malformed", `{"id"`, 400),
		raw("a binary event", "x", 200).with("", "ce-id", "1", "ce-source", "/s", "ce-specversion", "1.0", "ce-type", "t", "ce-more", "x"),
		raw("a binary event without a type", "x", 422).with("", "ce-id", "1", "ce-source", "/s", "ce-specversion", "1.0"),
		write("a batch of events", topic, "application/cloudevents-batch+json", `[]`, 415, problemMedia),
	}
}

// v2Exchanges are those of both endpoints that speak the dialect.
func v2Exchanges(template string) []exchange {
	w := func(name, contentType, body string, status int) exchange {
		return write(name, template, contentType, body, status, v2)
	}
	all := []exchange{
		w("JSON", v2JSON, `{"records":[{"key":{"a":1},"value":[null],"partition":1,"timestamp":1700000000000,"headers":[{"key":"a","value":"eA=="},{"key":"b","value":null}]},{"value":null}]}`, 200),
		w("a schema that is null", v2JSON, `{"key_schema":null,"value_schema_id":null,"records":[{}]}`, 200),
		w("base64", v2Binary, `{"records":[{"key":"eA==","value":"eA=="}]}`, 200),
		w("plain", v2, `{"records":[{"value":"eA=="}]}`, 200),
		w("old", v2Old, `{"records":[{"value":"eA=="}]}`, 200),
		w("text", v2Text, `{"records":[{"key":null,"value":"x"}]}`, 200),
		w("a record that is too large", v2Text, `{"records":[{"value":"`+strings.Repeat("x", 3<<10)+`"},{"value":"x"}]}`, 200),
		w("a deadline", v2Text, `{"records":[{"value":"x"}]}`, 200).with("?timeout=5s"),
		w("malformed", v2JSON, `{"records":`, 400),
		w("records is an object", v2JSON, `{"records":{}}`, 400).refusedBySchema(),
		w("a record is a number", v2JSON, `{"records":[1]}`, 400).refusedBySchema(),
		w("not base64", v2Binary, `{"records":[{"value":"!"}]}`, 400),
		w("not a string", v2Text, `{"records":[{"value":1}]}`, 400).refusedBySchema(),
		w("a record without records", v2JSON, `{}`, 422).refusedBySchema(),
		w("no records", v2JSON, `{"records":[]}`, 422).refusedBySchema(),
		w("null", v2JSON, `null`, 422).refusedBySchema(),
		w("an unknown field", v2JSON, `{"records":[{"valu":1}]}`, 422).refusedBySchema(),
		w("a negative partition", v2JSON, `{"records":[{"partition":-1}]}`, 422).refusedBySchema(),
		w("a time after 2262", v2JSON, `{"records":[{"timestamp":9223372036855}]}`, 422).refusedBySchema(),
		w("a schema", v2JSON, `{"key_schema":"{}","records":[{}]}`, 422).refusedBySchema(),
		w("avro", "application/vnd.kafka.avro.v2+json", `{"records":[{"value":1}]}`, 422),
		w("no such topic", v2JSON, `{"records":[{"value":1}]}`, 404).to("/topics/nowhere" + strings.TrimPrefix(strings.Replace(template, "{partition}", "1", 1), topic)),
		w("no such partition", v2JSON, `{"records":[{"value":1,"partition":4}]}`, 404),
		w("HTML is wanted", v2JSON, `{"records":[{"value":1}]}`, 406).with("", "Accept", "text/html"),
		w("too large", v2JSON, `{"records":[{"value":"`+strings.Repeat("x", 5<<10)+`"}]}`, 413),
		w("another dialect", "application/vnd.kafka.v9+json", `{"records":[{"value":1}]}`, 415),
		w("an encoding", v2JSON, `{"records":[{"value":1}]}`, 415).with("", "Content-Encoding", "br"),
	}
	foreign := w("a foreign page", v2JSON, `{"records":[{"value":1}]}`, 403).with("", "Sec-Fetch-Site", "cross-site")
	foreign.media = problemMedia
	all = append(all, foreign)
	for _, media := range []string{v2, v2Old, jsonMedia} {
		ok := w("as "+media, v2JSON, `{"records":[{"value":1}]}`, 200).with("", "Accept", media)
		bad := w("as "+media, v2JSON, `{"records":[]}`, 422).with("", "Accept", media)
		ok.media, bad.media = media, media
		all = append(all, ok, bad)
	}
	return all
}

func v3Exchanges() []exchange {
	stream := func(name, body string, status int) exchange {
		return write(name, records, jsonMedia, body, status, jsonMedia)
	}
	several := func(name, body string, status int) exchange {
		return write(name, batch, jsonMedia, body, status, jsonMedia)
	}
	const whole = `"partition_id":1,"headers":[{"name":"a","value":"eA=="},{"name":"b","value":null},{"name":"c"}],"key":{"type":"BINARY","data":"eA=="},"value":{"type":"JSON","data":{"a":[1]}},"timestamp":"2024-01-01T00:00:00Z"`
	all := []exchange{
		stream("all fields", `{`+whole+`}`, 200),
		stream("several records", `{}{"value":{"type":"STRING","data":"x"}}`+"\n"+`{"key":{"type":"JSON","data":null}}`, 200),
		stream("no body", "", 422),
		stream("a parameter", `{}`, 422).with("?key=a"),
		several("all fields", `{"entries":[{"id":"1",`+whole+`},{"id":"2"}]}`, 207),
		several("an entry that is wrong", `{"entries":[{"id":"1"},{"id":"2","value":{"type":"BINARY","data":"!"}},{"id":"3","partition_id":9}]}`, 207),
		several("malformed", `{"entries":`, 400),
		several("entries is an object", `{"entries":{}}`, 400).refusedBySchema(),
		several("an array", `[]`, 400).refusedBySchema(),
		several("another field", `{"records":[]}`, 400).refusedBySchema(),
		several("an empty batch", `{"entries":[]}`, 422).refusedBySchema(),
		several("null", `null`, 422).refusedBySchema(),
		several("no entries", `{}`, 422).refusedBySchema(),
		several("no id", `{"entries":[{}]}`, 422).refusedBySchema(),
		several("an id that is a number", `{"entries":[{"id":1}]}`, 422).refusedBySchema(),
		several("an id with a space", `{"entries":[{"id":"a b"}]}`, 422).refusedBySchema(),
		several("two alike", `{"entries":[{"id":"1"},{"id":"1"}]}`, 422),
		several("eleven entries", `{"entries":[`+strings.Trim(strings.Repeat(`{"id":"1"},`, 11), ",")+`]}`, 422),
		several("too large", `{"entries":[{"id":"1","value":{"type":"STRING","data":"`+strings.Repeat("x", 5<<10)+`"}}]}`, 413),
	}
	for _, e := range []exchange{stream("", `{}`, 0), several("", `{"entries":[{"id":"1"}]}`, 0)} {
		for status, change := range map[int]func(exchange) exchange{
			400: func(e exchange) exchange { e.name = "not gzip"; return e.with("", "Content-Encoding", "gzip") },
			403: func(e exchange) exchange {
				e.name, e.media = "a foreign page", problemMedia
				return e.with("", "Sec-Fetch-Site", "cross-site")
			},
			415: func(e exchange) exchange {
				e.name = "another content type"
				return e.with("", "Content-Type", "text/plain")
			},
			422: func(e exchange) exchange {
				e.name = "a bad topic"
				return e.to(strings.Replace(e.path, "events", "a%20b", 1))
			},
		} {
			changed := e
			changed.headers = of(jsonMedia)
			changed.status = status
			all = append(all, change(changed))
		}
	}
	// What is wrong with a record is said in a body whose status is 200.
	for name, body := range map[string]string{
		"a record that is wrong":  `{"value":{"type":"BINARY","data":"!"}}{}`,
		"an unknown field":        `{"valu":1}`,
		"no such partition":       `{"partition_id":9}`,
		"a negative partition":    `{"partition_id":-1}`,
		"a type without data":     `{"value":{"type":"JSON"}}`,
		"a schema":                `{"value":{"type":"AVRO","data":1}}`,
		"not JSON":                `{}`,
		"a record that is no one": `1`,
		"a time that is none":     `{"timestamp":"now"}`,
		"a header without a name": `{"headers":[{"value":"eA=="}]}`,
		"too large":               `{"value":{"type":"STRING","data":"` + strings.Repeat("x", 3<<10) + `"}}`,
	} {
		if name == "not JSON" {
			body += `{"key":`
		}
		e := stream(name, body, 200)
		e.bodyIsWrong = true
		all = append(all, e)
	}
	return all
}
