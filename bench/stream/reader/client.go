package reader

import (
	"fmt"
	"time"
)

// client is one stream that is read.
type client struct {
	parser
	fd    int
	ready bool
	// numbers are the last of each partition, and sum is over all, of a client
	// that looks into its records; nil of another.
	numbers []int64
	sum     int64
}

// maxPartition bounds what a checked client remembers.
const maxPartition = 1000

func newClient(fd int, l *loop, checked bool) *client {
	c := &client{fd: fd}
	if checked {
		c.numbers = []int64{}
	}
	c.message = func(data []byte) error { return c.take(l, data) }
	c.control = func(name string, data []byte) error {
		switch name {
		case "ready":
			if !c.ready {
				c.ready = true
				l.ready.Add(1)
			}
		case "caughtup", "position":
		default:
			return fmt.Errorf("the stream says %q: %s", name, data)
		}
		return nil
	}
	return c
}

func (c *client) take(l *loop, data []byte) error {
	l.fresh++
	if c.numbers == nil {
		return nil
	}
	s, partition, err := readStamp(data)
	if err != nil {
		return err
	}
	if s.At > 0 {
		l.ages.add(time.Duration(l.now - s.At))
	}
	if partition >= maxPartition {
		return errForeign
	}
	for int64(len(c.numbers)) <= partition {
		c.numbers = append(c.numbers, -1)
	}
	if s.Number <= c.numbers[partition] {
		return fmt.Errorf("record %d of partition %d came after %d", s.Number, partition, c.numbers[partition])
	}
	c.numbers[partition] = s.Number
	c.sum += s.Number
	return nil
}

// verify returns what is wrong with a client that should have so many records.
func (c *client) verify(messages int64) error {
	if c.messages != messages {
		return fmt.Errorf("a client has %d records of %d", c.messages, messages)
	}
	if want := messages * (messages - 1) / 2; c.numbers != nil && c.sum != want {
		return fmt.Errorf("of %d records a client has others than were written: the sum of their numbers is %d, not %d", messages, c.sum, want)
	}
	return nil
}
