package example

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

const (
	// maxLines and maxBytes bound a request.
	maxLines = 2000
	maxBytes = 4 << 20
	// attemptTime is how long a request may take, more than any of service A's
	// own deadlines: when it is over, the rest is in doubt.
	attemptTime = 60 * time.Second
)

// Write writes the lines in order through service A, as a stream of records of
// which each has its own key, time, headers and answer, and returns when each is
// acknowledged. What was refused for a reason that passes, or is in doubt, is
// sent again, from the first such line of a key on, until ctx ends: each line is
// in the topic at least once, and the lines of a key are in order but for such
// repetitions. A line without a key is repeated alone.
//
// A topic that is not there is waited for. A line that no repeat could mend, such
// as one that is too large, is an error, and the lines behind it may or may not
// have been written. A nil Value is a tombstone.
func (c *Client) Write(ctx context.Context, topic string, lines ...Line) error {
	pending := make([]pendingLine, len(lines))
	for i, l := range lines {
		text, err := l.encode()
		if err != nil {
			return fmt.Errorf("write to %s: line %d: %w", topic, i+1, err)
		}
		pending[i] = pendingLine{key: l.Key, text: text}
	}
	for len(pending) > 0 {
		n, size := 0, 0
		for n < len(pending) && n < maxLines && (n == 0 || size+len(pending[n].text) <= maxBytes) {
			size += len(pending[n].text)
			n++
		}
		if err := c.writeAll(ctx, topic, pending[:n:n]); err != nil {
			return fmt.Errorf("write to %s: %w", topic, err)
		}
		pending = pending[n:]
	}
	return nil
}

// pendingLine is a line that was not acknowledged yet.
type pendingLine struct {
	key  string
	text []byte
	done bool
}

// writeAll sends lines until each was acknowledged.
func (c *Client) writeAll(ctx context.Context, topic string, lines []pendingLine) error {
	for pause := firstPause; ; {
		asked, why, err := c.attempt(ctx, topic, lines)
		if err != nil {
			return err
		}
		if lines = unwritten(lines); len(lines) == 0 {
			return nil
		}
		c.warn(ctx, "lines are sent again", slog.String("topic", topic), slog.Int("lines", len(lines)), slog.Any("error", why))
		if pause, err = wait(ctx, pause, asked); err != nil {
			return errors.Join(err, why)
		}
	}
}

// unwritten are the lines that have to be sent again.
func unwritten(lines []pendingLine) []pendingLine {
	var rest []pendingLine
	broken := map[string]bool{}
	for _, l := range lines {
		if l.done && !broken[l.key] {
			continue
		}
		if l.key != "" {
			broken[l.key] = true
		}
		l.done = false
		rest = append(rest, l)
	}
	return rest
}

// attempt sends the lines once, and marks those that were acknowledged. why is
// the first reason of one that was not, and asked the pause that service A wants.
// The error is one that no repeat mends.
func (c *Client) attempt(ctx context.Context, topic string, lines []pendingLine) (asked time.Duration, why, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	texts := make([]io.Reader, len(lines))
	size := int64(0)
	for i, l := range lines {
		texts[i] = bytes.NewReader(l.text)
		size += int64(len(l.text))
	}
	target := c.A + "/v3/clusters/any/topics/" + url.PathEscape(topic) + "/records"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, io.MultiReader(texts...))
	if err != nil {
		return 0, nil, err
	}
	request.ContentLength = size
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.client().Do(request)
	if err != nil {
		return 0, err, nil // In doubt, unless nobody listens, which is the same to us.
	}
	defer func() { _ = answer.Body.Close() }() // What is left of it does not count.
	results := json.NewDecoder(answer.Body)
	if answer.StatusCode != http.StatusOK {
		var told result
		_ = results.Decode(&told) // The status says enough.
		why = told.fault(answer.StatusCode)
		if transient(answer.StatusCode, told.ErrorCode) {
			return retryAfter(answer.Header), why, nil
		}
		return 0, nil, why
	}
	for i := range lines {
		var told result
		if err := results.Decode(&told); err != nil {
			if why == nil {
				why = fmt.Errorf("no answer to a line: %w", err)
			}
			return 0, why, nil
		}
		switch {
		case told.ErrorCode == http.StatusOK:
			lines[i].done = true
		case !transient(http.StatusOK, told.ErrorCode):
			return 0, nil, told.fault(http.StatusOK)
		case why == nil:
			why = told.fault(http.StatusOK)
		}
	}
	return 0, why, nil
}

// result is what service A answers to one record, or to a whole request that it
// refuses.
type result struct {
	ErrorCode int    `json:"error_code"`
	Message   string `json:"message"`
}

func (r result) fault(status int) error {
	return fmt.Errorf("service A has answered %d: error %d: %s", status, r.ErrorCode, r.Message)
}

// The error codes of the dialect that a repeat may mend; see docs/writing.md.
const (
	codeNoTopic    = 40401 // it may be about to be made
	codeUnknown    = 50003
	codeNotWritten = 50302
)

// transient reports whether what was answered may be different the next time.
func transient(status, code int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	switch code {
	case codeNoTopic, codeUnknown, codeNotWritten, http.StatusTooManyRequests:
		return true
	}
	return false
}
