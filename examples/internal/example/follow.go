package example

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// silence is after how long without a word a stream counts as broken: service B
// says something every 15 seconds.
const silence = 45 * time.Second

// Follow reads topics from their beginning, as service B streams them: committed
// records only, each once and in the order of its partition. It reconnects with
// the cursor until ctx ends, for which it returns nil. An error of f ends it, as
// does a gap: records that are not there any more. A topic that is not there yet
// is waited for, and keeps all of them waiting.
func (c *Client) Follow(ctx context.Context, topics []string, f func(Event) error) error {
	query := url.Values{"topic": topics, "from": {"earliest"}, "slow": {"close"}}
	s := &follower{client: c, target: c.B + "/events?" + query.Encode(), f: f, next: map[place]int64{}}
	for pause := firstPause; ; {
		retry, err := s.stream(ctx, func() { pause = firstPause })
		if over, ok := errors.AsType[finalError](err); ok {
			return fmt.Errorf("follow %v: %w", topics, over.error)
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // That the stream has ended is what was wanted.
		}
		c.warn(ctx, "a stream is opened again", slog.Any("topics", topics), slog.Any("error", err))
		if pause, err = wait(ctx, pause, retry); err != nil {
			return nil //nolint:nilerr // It is that of ctx.
		}
	}
}

// finalError is one that no new stream would mend.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

type place struct {
	topic     string
	partition int32
}

// follower is one Follow.
type follower struct {
	client *Client
	target string
	f      func(Event) error
	cursor string
	next   map[place]int64 // the offsets behind what f has had
}

// stream reads one stream to its end, and returns when service B wants to be
// asked again. alive is called when it has begun.
func (s *follower) stream(ctx context.Context, alive func()) (retry time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.target, nil)
	if err != nil {
		return 0, finalError{err}
	}
	request.Header.Set("Accept", "text/event-stream")
	if s.cursor != "" {
		request.Header.Set("Last-Event-Id", s.cursor)
	}
	answer, err := s.client.client().Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }() // It ends with the stream.
	if answer.StatusCode != http.StatusOK {
		return 0, refused(answer)
	}
	events := newSSEReader(answer.Body)
	for {
		e, err := events.next(func() { watchdog.Reset(silence) })
		if err != nil {
			return events.retry, err
		}
		// What f does is not the service's silence.
		watchdog.Stop()
		if err := s.take(e); err != nil {
			return events.retry, err
		}
		watchdog.Reset(silence)
		alive()
		if e.id != "" {
			s.cursor = e.id
		}
	}
}

// refused is the error of a stream that was not begun. No repeat mends a wrong
// request or a missing right; a topic may come.
func refused(answer *http.Response) error {
	body, _ := readAll(answer) // What there is of it.
	var problem struct{ Detail string }
	_ = json.Unmarshal(body, &problem) // The status says enough.
	err := fmt.Errorf("service B has answered %d: %s", answer.StatusCode, problem.Detail)
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity:
		return finalError{err}
	}
	return err
}

// take takes an event.
func (s *follower) take(e sseEvent) error {
	switch e.name {
	case "message":
	case "gap":
		return finalError{fmt.Errorf("records are missing in the stream: %s", e.data)}
	case "bye":
		return fmt.Errorf("service B has ended the stream: %s", e.data)
	default: // ready, caughtup, position, stalled and what may be added.
		return nil
	}
	var record Event
	if err := json.Unmarshal([]byte(e.data), &record); err != nil {
		return finalError{fmt.Errorf("service B has sent what is no record: %w", err)}
	}
	at := place{record.Topic, record.Partition}
	if record.Offset < s.next[at] {
		return nil // It came before the connection broke.
	}
	if err := s.f(record); err != nil {
		return finalError{err}
	}
	s.next[at] = record.Offset + 1
	return nil
}
