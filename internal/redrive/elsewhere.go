package redrive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/deadletter"
)

// recall finds the status of a redrive in Kafka.
func (s *Service) recall(ctx context.Context, group, id string) (Redrive, error) {
	client, err := s.connect()
	if err != nil {
		return Redrive{}, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, recallTimeout)
	defer cancel()
	status, _, err := newCluster(client).recall(ctx, group, id)
	return status.judged(time.Now()), err
}

// confirm asks Kafka who has ended a redrive of this process that was taken
// over: whoever stops one from another replica takes it over first, and says so
// a moment later.
func (s *Service) confirm(ctx context.Context, r Redrive) Redrive {
	if r.State != TakenOver {
		return r
	}
	if said, err := s.recall(ctx, r.Group, r.ID); err == nil && said.State == Stopped {
		r.State, r.Error = said.State, said.Error
	}
	return r
}

// recallTimeout bounds the search for a status: it reads the receipts that were
// written since.
const recallTimeout = 15 * time.Second

// recall returns the last status of a redrive, and the topic that it is in.
func (c *cluster) recall(ctx context.Context, group, id string) (Redrive, *topic, error) {
	unknown := fmt.Errorf("%w: %q of group %q; a dry run is known only to the process that has run it", ErrUnknown, id, group)
	identity, ok := parseIdentity(id)
	if !ok || !groupName.MatchString(group) {
		return Redrive{}, nil, unknown
	}
	all, _, err := c.topics(ctx)
	if err != nil {
		return Redrive{}, nil, err
	}
	suffix := deadletter.Redrives("", group)
	for name, home := range all {
		origin, ok := strings.CutSuffix(name, suffix)
		if !ok || sum(origin) != identity.home {
			continue
		}
		status, err := c.lastStatus(ctx, home, id, identity.offset)
		switch {
		case errors.Is(err, ErrUnknown):
		case err != nil:
			return Redrive{}, nil, err
		case status.Group == group:
			return status, home, nil
		}
	}
	return Redrive{}, nil, unknown
}

// lastStatus reads a redrives topic from an offset on.
func (c *cluster) lastStatus(ctx context.Context, home *topic, id string, from int64) (last Redrive, err error) {
	first, err := c.offset(ctx, home, receiptPartition, earliest, committed)
	if err != nil {
		return last, err
	}
	end, err := c.offset(ctx, home, receiptPartition, latest, committed)
	if err != nil {
		return last, err
	}
	found := false
	err = c.reader(home, receiptPartition, span{max(first, from), end}).each(ctx, func(r *kgo.Record) error {
		if string(r.Key) == statusPrefix+id {
			if status, ok := parseStatus(id, r.Value); ok {
				last, found = status, true
			}
		}
		return nil
	}, func() error { return nil })
	if err == nil && !found {
		err = ErrUnknown
	}
	return last, err
}

// stopElsewhere stops a redrive of another process: it takes the transactional
// id of the group away from it, so that nothing that it writes from here on
// counts, and writes that it was stopped. Where another redrive has taken over
// from it a moment ago, that one ends instead, and is simply run again.
func (s *Service) stopElsewhere(ctx context.Context, status Redrive, caller Caller) (Redrive, error) {
	client, err := s.connect(transactional(status.Group)...)
	if err != nil {
		return Redrive{}, err
	}
	defer client.Close()
	w := &writer{client: client, patience: recallTimeout}
	if err := w.take(ctx); err != nil {
		return Redrive{}, err
	}
	// It may have ended by itself before it was cut off.
	status, home, err := newCluster(client).recall(ctx, status.Group, status.ID)
	if err != nil || status.State != Running {
		return status, err
	}
	status.State = Stopped
	status.Error = fmt.Sprintf("%s by %s", errStopped, named(caller.Name))
	status.Updated = time.Now().UTC()
	status.Ended = status.Updated
	record, err := newStatus(home, status)
	if err != nil {
		return Redrive{}, err
	}
	return status, w.write(ctx, []*kgo.Record{record})
}
