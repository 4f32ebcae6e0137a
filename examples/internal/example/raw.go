package example

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// Raw writes one value as it is, with the promise of Write. The content type says
// what it is to service A, which takes some of them for many records: choose
// application/octet-stream or text/plain for what is none. The key is absent when
// empty.
func (c *Client) Raw(ctx context.Context, topic, key, contentType string, value []byte) error {
	target := c.A + "/topics/" + url.PathEscape(topic)
	if key != "" {
		target += "?" + url.Values{"key": {key}}.Encode()
	}
	for pause := firstPause; ; {
		asked, why, err := c.raw(ctx, target, contentType, value)
		if err == nil && why == nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("write to %s: %w", topic, err)
		}
		c.warn(ctx, "a record is sent again", slog.String("topic", topic), slog.Any("error", why))
		if pause, err = wait(ctx, pause, asked); err != nil {
			return fmt.Errorf("write to %s: %w", topic, errors.Join(err, why))
		}
	}
}

// raw sends the value once. why is the reason to send it again, err one that no
// repeat mends.
func (c *Client) raw(ctx context.Context, target, contentType string, value []byte) (asked time.Duration, why, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(value))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", contentType)
	answer, err := c.client().Do(request)
	if err != nil {
		return 0, err, nil
	}
	defer func() { _ = answer.Body.Close() }() // What is left of it does not count.
	if answer.StatusCode == http.StatusOK {
		return 0, nil, nil // The status is only sent when Kafka has it.
	}
	body, _ := readAll(answer) // A part of it says nothing: it is unknown.
	var problem struct{ Detail, Written string }
	_ = json.Unmarshal(body, &problem) // As above.
	why = fmt.Errorf("service A has answered %d: %s", answer.StatusCode, problem.Detail)
	// What is refused for good says so, and does not say when to come again.
	if problem.Written == "no" && answer.Header.Get("Retry-After") == "" && answer.StatusCode != http.StatusNotFound {
		return 0, nil, why
	}
	return retryAfter(answer.Header), why, nil
}
