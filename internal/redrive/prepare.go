package redrive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/deadletter"
	"sluice/internal/kafka"
)

const (
	// defaultMaxMessage is Kafka's, for a topic whose settings it keeps to
	// itself.
	defaultMaxMessage = 1048588
	// messageRoom is what a retry topic takes more than the dead letters' one:
	// a batch that is compressed anew is seldom of the same size.
	messageRoom = 64 << 10
	// batchHead is what a batch takes beside its records, and more.
	batchHead = 512
)

// The settings that what we write depends on.
const (
	maxMessage    = "max.message.bytes"
	cleanup       = "cleanup.policy"
	retentionTime = "retention.ms"
	retentionSize = "retention.bytes"
	forever       = "-1"
)

// wanted is a topic as a redrive needs it.
type wanted struct {
	name       string
	partitions int
	settings   map[string]string
	found      *topic
	wrong      map[string]string // of a topic that is there: settings to change
}

// prepare makes the topics that are written to, where create allows it, and
// looks them up. maxBatch is how much the records of one partition may take in
// a transaction before compression.
//
// A retry topic keeps everything for ever, as the dead letters' one does: a
// receipt says that its letter is in good hands, and a group that is down for
// longer than some retention would lose it. Receipts are compacted, not
// deleted: a letter whose receipt is gone would be redriven again.
func (c *cluster) prepare(ctx context.Context, s *source, group string, brokers int, create bool) (maxBatch int, err error) {
	settings, err := c.settings(ctx, s.dlq, s.retry, s.redrives)
	if err != nil {
		return 0, err
	}
	letters := number(settings[s.dlq.name], maxMessage, defaultMaxMessage)
	partitions := s.dlq.partitions
	if s.origin != nil {
		partitions = s.origin.partitions
	}
	retry := &wanted{
		name: deadletter.Retry(s.name, group), partitions: partitions, found: s.retry,
		settings: map[string]string{
			maxMessage: strconv.Itoa(min(letters+messageRoom, math.MaxInt32)),
			cleanup:    "delete", retentionTime: forever, retentionSize: forever,
		},
	}
	redrives := &wanted{
		name: deadletter.Redrives(s.name, group), partitions: 1, found: s.redrives,
		settings: map[string]string{cleanup: "compact", retentionTime: forever},
	}
	limit := letters + messageRoom
	if has, ok := settings[retry.name]; ok {
		limit = number(has, maxMessage, defaultMaxMessage)
		if limit < letters {
			limit = letters + messageRoom
			retry.change(maxMessage)
		}
		if strings.Contains(has[cleanup], "compact") {
			retry.change(cleanup)
		}
	}
	if has := settings[redrives.name][cleanup]; has != "" && has != "compact" {
		redrives.change(cleanup)
	}
	if err := c.mend(ctx, brokers, create, retry, redrives); err != nil {
		return 0, err
	}
	s.retry, s.redrives = retry.found, redrives.found
	return min(limit, maxTransaction) - batchHead, nil
}

func (w *wanted) change(setting string) {
	if w.wrong == nil {
		w.wrong = map[string]string{}
	}
	w.wrong[setting] = w.settings[setting]
}

// String says how the topic has to be.
func (w *wanted) String() string {
	how, settings := "change", w.wrong
	if w.found == nil {
		how, settings = fmt.Sprintf("%d partitions", w.partitions), w.settings
	}
	parts := []string{how}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		parts = append(parts, name+"="+settings[name])
	}
	return w.name + " (" + strings.Join(parts, ", ") + ")"
}

// mend makes the topics, or changes them, and waits until they can be used.
func (c *cluster) mend(ctx context.Context, brokers int, create bool, topics ...*wanted) error {
	var wrong []string
	for _, w := range topics {
		if w.found == nil || len(w.wrong) > 0 {
			wrong = append(wrong, w.String())
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	if !create {
		return &TopicsError{wrong}
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	admin := kadm.NewClient(c.client)
	for _, w := range topics {
		var err error
		if w.found == nil {
			err = w.make(ctx, admin, brokers)
		} else if len(w.wrong) > 0 {
			err = w.mend(ctx, admin)
		}
		if code, refused := errors.AsType[*kerr.Error](err); refused && !code.Retriable {
			return fmt.Errorf("topic %s: %w", w, err)
		} else if err != nil {
			return fmt.Errorf("%w: topic %s: %w", kafka.ErrAway, w, err)
		}
	}
	return c.await(ctx, topics)
}

func (w *wanted) make(ctx context.Context, admin *kadm.Client, brokers int) error {
	replication := max(1, min(3, brokers))
	inSync := strconv.Itoa(max(1, replication-1))
	settings := map[string]*string{"min.insync.replicas": &inSync}
	for name, value := range w.settings {
		settings[name] = &value
	}
	answer, err := admin.CreateTopic(ctx, int32(w.partitions), int16(replication), settings, w.name) //nolint:gosec // G115: a count of partitions fits.
	switch {
	case errors.Is(err, kerr.TopicAlreadyExists):
		return nil // Another redrive was faster.
	case err != nil && answer.ErrMessage != "":
		return fmt.Errorf("%w: %s", err, answer.ErrMessage)
	}
	return err
}

func (w *wanted) mend(ctx context.Context, admin *kadm.Client) error {
	changes := make([]kadm.AlterConfig, 0, len(w.wrong))
	for name, value := range w.wrong {
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	answers, err := admin.AlterTopicConfigs(ctx, changes, w.name)
	for _, a := range answers {
		err = errors.Join(err, a.Err)
	}
	return err
}

// await waits until all topics are shown with their leaders: one that was made
// a moment ago is not known to every broker.
func (c *cluster) await(ctx context.Context, topics []*wanted) error {
	for {
		all, _, err := c.topics(ctx)
		ready := err == nil
		for _, w := range topics {
			found := all[w.name]
			ready = ready && found != nil && c.led(ctx, found)
			w.found = found
		}
		if ready {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: topics that were made are not there yet: %w", kafka.ErrAway, errors.Join(ctx.Err(), err))
		case <-time.After(kafka.Backoff(1)):
		}
	}
}

func (c *cluster) led(ctx context.Context, t *topic) bool {
	for partition := range t.partitions {
		if _, err := c.leader(ctx, t, int32(partition)); err != nil {
			return false
		}
	}
	return true
}

// settings reads those of the topics that are there. A topic whose settings
// Kafka does not let us read has none in the answer.
func (c *cluster) settings(ctx context.Context, topics ...*topic) (map[string]map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	req := kmsg.NewPtrDescribeConfigsRequest()
	for _, t := range topics {
		if t != nil {
			resource := kmsg.NewDescribeConfigsRequestResource()
			resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, t.name
			req.Resources = append(req.Resources, resource)
		}
	}
	answer, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return nil, fmt.Errorf("%w: settings of topics: %w", kafka.ErrAway, err)
	}
	settings := map[string]map[string]string{}
	for _, resource := range answer.Resources {
		if resource.ErrorCode != 0 {
			continue
		}
		values := map[string]string{}
		for _, config := range resource.Configs {
			if config.Value != nil {
				values[config.Name] = *config.Value
			}
		}
		settings[resource.ResourceName] = values
	}
	return settings, nil
}

func number(settings map[string]string, name string, otherwise int) int {
	if n, err := strconv.ParseInt(settings[name], 10, 32); err == nil && n > 0 {
		return int(n)
	}
	return otherwise
}
