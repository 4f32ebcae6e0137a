//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/deadletter"
	"sluice/record"
)

// readBudget bounds the reading of one topic.
const readBudget = 3 * time.Minute

// readTopic hands over each record that a topic has now, and returns the ends
// of its partitions. A topic that does not exist has none.
func readTopic(ctx context.Context, brokers, topic string, use func(*kgo.Record)) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, readBudget)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.ClientID("nemesis-reader"),
		kgo.KeepControlRecords()) // A partition may end with the marker of a transaction.
	if err != nil {
		return nil, err
	}
	defer client.Close()
	listed, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", topic, err)
	}
	ends, offsets := map[int32]int64{}, map[int32]kgo.Offset{}
	for _, o := range listed[topic] {
		if errors.Is(o.Err, kerr.UnknownTopicOrPartition) {
			return ends, nil
		}
		if o.Err != nil {
			return nil, fmt.Errorf("read %s: %w", topic, o.Err)
		}
		ends[o.Partition] = o.Offset
		if o.Offset > 0 {
			offsets[o.Partition] = kgo.NewOffset().At(0)
		}
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets})
	for left := len(offsets); left > 0; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset >= ends[r.Partition] {
				return // Written since.
			}
			if !r.Attrs.IsControl() {
				use(r)
			}
			if r.Offset == ends[r.Partition]-1 {
				left--
			}
		})
	}
	return ends, nil
}

// readLog reads the records of the run.
func readLog(ctx context.Context, brokers, topic string) (log []written, ends map[int32]int64, err error) {
	var bad error
	ends, err = readTopic(ctx, brokers, topic, func(r *kgo.Record) {
		m, e := messageOf(r)
		if e != nil {
			bad = fmt.Errorf("%s/%d/%d is not a record of this run: %w", topic, r.Partition, r.Offset, e)
		}
		log = append(log, written{place{r.Partition, r.Offset}, m})
	})
	return log, ends, errors.Join(err, bad)
}

// messageOf reads a record of the writer's, or a dead letter with its value.
func messageOf(r *kgo.Record) (message, error) {
	m, err := parseMessage(string(r.Value))
	if err != nil {
		return m, err
	}
	key := noKey
	if r.Key != nil {
		key = string(r.Key)
	}
	if key != m.key {
		return m, fmt.Errorf("its key is %q and its value that of %q", key, m.key)
	}
	return m, nil
}

// readLetters reads the dead letters of the group.
func readLetters(ctx context.Context, brokers, topic, group string) ([]letter, error) {
	var letters []letter
	_, err := readTopic(ctx, brokers, deadletter.Topic(topic, group), func(r *kgo.Record) {
		letters = append(letters, letterOf(r, topic, group))
	})
	return letters, err
}

// letterOf reads a dead letter, and says what is wrong with one that is none.
func letterOf(r *kgo.Record, topic, group string) letter {
	l := letter{at: place{r.Partition, r.Offset}}
	m, err := messageOf(r)
	if err != nil {
		l.wrong = err.Error()
		return l
	}
	headers := make([]record.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = record.Header(h)
	}
	original, says, ok := deadletter.Split(headers)
	switch {
	case !ok:
		l.wrong = "its headers are not those of a dead letter"
	case len(original) > 0:
		l.wrong = fmt.Sprintf("it has %d headers that its record did not have", len(original))
	case says.Topic != topic || says.Group != group || says.Handler != "nemesis":
		l.wrong = fmt.Sprintf("it says topic %q, group %q, handler %q", says.Topic, says.Group, says.Handler)
	case says.Replays != 0:
		l.wrong = fmt.Sprintf("it says that it was redriven %d times", says.Replays)
	}
	l.written = written{place{says.Partition, says.Offset}, m}
	l.class, l.attempts = says.Class, says.Attempts
	return l
}
