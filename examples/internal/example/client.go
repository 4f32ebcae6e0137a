package example

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Client talks to both services over HTTP, as any program of somebody else's
// would. It may be used by many goroutines, and not be copied.
type Client struct {
	// A and B are the base URLs of the services: http://127.0.0.1:8000.
	A, B string
	// Input ends when no more input is to be sent.
	Input context.Context

	log  *slog.Logger // nil for none
	once sync.Once
	http *http.Client
}

// Close ends the connections that are idle.
func (c *Client) Close() { c.client().CloseIdleConnections() }

func (c *Client) client() *http.Client {
	c.once.Do(func() {
		c.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, ForceAttemptHTTP2: false}}
	})
	return c.http
}

// warn tells what is tried again.
func (c *Client) warn(ctx context.Context, message string, attrs ...slog.Attr) {
	if c.log != nil {
		c.log.LogAttrs(ctx, slog.LevelWarn, message, attrs...) //nolint:sloglint // The callers' are static.
	}
}

// The pauses before another attempt: the first, and the longest.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 2 * time.Second
)

// wait waits for the pause, or what the service has asked for where that is
// longer, and returns the next pause.
func wait(ctx context.Context, pause, asked time.Duration) (time.Duration, error) {
	timer := time.NewTimer(max(pause, asked))
	defer timer.Stop()
	select {
	case <-timer.C:
		return min(2*pause, maxPause), nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// retryAfter is what an answer asks for, at most ten seconds.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, 10*time.Second)
}

// maxAnswer is what is read of an answer that is not a stream.
const maxAnswer = 1 << 20

// readAll reads such an answer.
func readAll(answer *http.Response) ([]byte, error) {
	return io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
}

// topicList is what service B answers to GET /topics.
type topicList struct {
	Topics []struct {
		Name       string `json:"name"`
		Partitions []struct {
			Start, End *int64
		} `json:"partitions"`
	} `json:"topics"`
}

// awaitTopics waits until service B shows all of the topics, each partition with
// a leader. It fails when one of them has records: those of an earlier run, which
// the checker knows nothing of.
func (c *Client) awaitTopics(ctx context.Context, names []string) error {
	return every(ctx, 100*time.Millisecond, func() (bool, error) {
		list, err := c.topics(ctx)
		if err != nil {
			return false, nil //nolint:nilerr // It is asked again, until ctx ends.
		}
		there := 0
		for _, t := range list.Topics {
			if !slices.Contains(names, t.Name) {
				continue
			}
			led := len(t.Partitions) > 0
			for _, p := range t.Partitions {
				led = led && p.Start != nil && p.End != nil
				if led && *p.End > *p.Start {
					return false, fmt.Errorf("the topic %s holds records of an earlier run, which the checker knows nothing of: choose another -prefix, or delete the topics", t.Name)
				}
			}
			if led {
				there++
			}
		}
		return there == len(names), nil
	})
}

func (c *Client) topics(ctx context.Context) (topicList, error) {
	var list topicList
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.B+"/topics", nil)
	if err != nil {
		return list, err
	}
	answer, err := c.client().Do(request)
	if err != nil {
		return list, err
	}
	defer func() { _ = answer.Body.Close() }() // It was read.
	body, err := readAll(answer)
	if err != nil || answer.StatusCode != http.StatusOK {
		return list, fmt.Errorf("GET /topics: %s", answer.Status)
	}
	return list, json.Unmarshal(body, &list)
}
