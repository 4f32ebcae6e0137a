package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// letters lists the dead letters of a group, as anybody can over HTTP.
type letters struct {
	client *http.Client
	url    string
	via    string
}

// newLetters lists those of a group, the first thousand. The tasks of the crawl
// have this proxy.
func newLetters(serviceB, group, via string) letters {
	return letters{
		via:    via,
		client: &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{}},
		url:    serviceB + "/groups/" + url.PathEscape(group) + "/dead-letters?limit=1000&payloads=true",
	}
}

// urls returns the URL of each dead letter, "" where it is no task of the crawl.
// It is an error when they cannot be told just now.
func (l letters) urls(ctx context.Context) (urls []string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // It was read.
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound: // There are none yet.
		return nil, nil
	default:
		return nil, fmt.Errorf("service B has answered %s", resp.Status)
	}
	var list struct {
		Letters []struct{ Payload struct{ Value string } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, err
	}
	for _, letter := range list.Letters {
		var t task
		if err := json.Unmarshal([]byte(letter.Payload.Value), &t); err != nil || t.Via != l.via {
			t.URL = ""
		}
		urls = append(urls, t.URL)
	}
	return urls, nil
}
