package example

import (
	"context"
	"log/slog"
)

// Run is Main without the process around it.
var Run = run

// AwaitTopics is what the input waits for.
func AwaitTopics(ctx context.Context, c *Client, names ...string) error {
	return c.awaitTopics(ctx, names)
}

// Logged returns the client with a log.
func Logged(c *Client, log *slog.Logger) *Client {
	c.log = log
	return c
}

// Unwritten are the keys and texts that have to be sent again, of lines that were
// acknowledged or not.
func Unwritten(keys, texts []string, done []bool) []string {
	lines := make([]pendingLine, len(keys))
	for i := range keys {
		lines[i] = pendingLine{key: keys[i], text: []byte(texts[i]), done: done[i]}
	}
	var again []string
	for _, l := range unwritten(lines) {
		again = append(again, string(l.text))
	}
	return again
}
