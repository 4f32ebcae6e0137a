package dialect_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"sluice/internal/access"
	"sluice/internal/producer"
	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"

	"github.com/stretchr/testify/require"
)

func TestREST2WhatTheWriterSaysOfRecords(t *testing.T) {
	no := func(r producer.Reason) *producer.Error { return producer.Refusal(r, "no") }
	unknown := &producer.Error{Reason: producer.Failed, Outcome: producer.Unknown, Detail: "lost"}
	w := producertest.New(t, nil).Writer
	for name, c := range map[string]struct {
		results      []*producer.Error
		status, code int // of the whole
	}{
		"all written":                        {[]*producer.Error{nil, nil}, 0, 0},
		"one too large":                      {[]*producer.Error{nil, no(producer.TooLarge)}, 0, 0},
		"all too large":                      {[]*producer.Error{no(producer.TooLarge), no(producer.TooLarge)}, 0, 0},
		"one unknown":                        {[]*producer.Error{unknown, no(producer.Away)}, 0, 0},
		"all away":                           {[]*producer.Error{no(producer.Away), no(producer.Away)}, 503, 50302},
		"too large and away":                 {[]*producer.Error{no(producer.TooLarge), no(producer.Away)}, 503, 50302},
		"no partition, and away":             {[]*producer.Error{no(producer.NoPartition), no(producer.Draining)}, 503, 50302},
		"late":                               {[]*producer.Error{no(producer.Late)}, 503, 50302},
		"limited":                            {[]*producer.Error{no(producer.Limited)}, 429, 42901},
		"one of two has no such partition":   {[]*producer.Error{nil, no(producer.NoPartition)}, 0, 0},
		"no partition, and too large":        {[]*producer.Error{no(producer.NoPartition), no(producer.TooLarge)}, 0, 0},
		"no partition of any":                {[]*producer.Error{no(producer.NoPartition), no(producer.NoPartition)}, 404, 40402},
		"the topic is gone":                  {[]*producer.Error{no(producer.NoTopic)}, 404, 40401},
		"forbidden":                          {[]*producer.Error{no(producer.Forbidden)}, 403, 40301},
		"away beside one that was written":   {[]*producer.Error{nil, no(producer.Away)}, 0, 0},
		"refused for good by Kafka, or late": {[]*producer.Error{no(producer.Refused), no(producer.Late)}, 503, 50302},
	} {
		status, code := dialect.REST2Whole(w, c.results...)
		require.Equal(t, [2]int{c.status, c.code}, [2]int{status, code}, name)
	}
	for _, reason := range []producer.Reason{producer.TooLarge, producer.Invalid, producer.Refused, producer.NoPartition, producer.NoTopic, producer.Forbidden} {
		code, text := dialect.REST2Record(no(reason))
		require.Equal(t, 50002, code)
		require.Equal(t, "no", text)
	}
	code, text := dialect.REST2Record(unknown)
	require.Equal(t, 50003, code)
	require.Equal(t, "lost; it may have been written", text)
	code, text = dialect.REST2Record(no(producer.Away))
	require.Equal(t, 50003, code, "of the dialect's codes, the one by which clients send again")
	require.Contains(t, text, "was not written")
}

func TestREST2WithoutACredential(t *testing.T) {
	c := newCatalog(t, lab(t).Writer, &access.Grant{Topics: []string{"*"}, Rights: []string{"write"}})
	for _, path := range []string{"/topics/events", "/topics/events/partitions/0"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+path, strings.NewReader(oneREST2))
		require.NoError(t, err)
		r.Header.Set("Content-Type", restJSON)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 401, resp.StatusCode)
		require.Equal(t, restV2, resp.Header.Get("Content-Type"))
		require.Contains(t, string(body), `"error_code":40101`)
		require.NotEmpty(t, resp.Header.Get("WWW-Authenticate"))
	}
}
