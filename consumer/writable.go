package consumer

import (
	"fmt"
	"time"
)

// The times that the Kafka client can write.
var (
	firstTime = time.Unix(0, -1<<63)
	lastTime  = time.Unix(0, 1<<63-1)
)

// writable tells of a time that the client would write as another one.
func writable(t time.Time) error {
	if t.IsZero() || !t.Before(firstTime) && !t.After(lastTime) {
		return nil
	}
	return fmt.Errorf("the time %s cannot be written, only one of the years 1678 to 2261; zero is now", t.UTC().Format(time.RFC3339))
}
