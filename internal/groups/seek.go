package groups

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"sluice/internal/kafka"
)

// ErrActive means that a group has members, and its offsets are theirs.
var ErrActive = errors.New("the group is active")

// Seek says where a group is to go on in partitions of a topic.
type Seek struct {
	Group, Topic string
	// Partitions are all of the topic's where there are none.
	Partitions []int32
	To         Target
}

// Plan is what a Seek would do.
type Plan struct {
	Group, Topic string
	// New says that Kafka does not know the group: it will start there.
	New bool
	// Moves are sorted by partition.
	Moves []Move

	topicID kadm.TopicID
}

// Move is what a Seek does in a partition.
type Move struct {
	Partition int32
	// From is the offset that the group has, or -1; To the one that it gets.
	From, To int64
	// Start and End bound what can be read.
	Start, End int64
	// BehindAll says that a time was asked for and no record is as late, so
	// that To is the end.
	BehindAll bool
}

// Plan finds out what a seek would do, and changes nothing. The error is
// ErrActive when the group has members, kafka.ErrUnknownTopic, or one of
// Inspect's, or says which partition or offset does not exist.
func (i *Inspector) Plan(ctx context.Context, s Seek) (*Plan, error) {
	if err := validName(s.Group); err != nil {
		return nil, err
	}
	if !topicName.MatchString(s.Topic) {
		return nil, fmt.Errorf("%w: %q is not a topic's name", kafka.ErrUnknownTopic, s.Topic)
	}
	d, commits, err := i.ask(ctx, s.Group)
	if err != nil {
		return nil, err
	}
	if err := stopped(s.Group, d); err != nil {
		return nil, err
	}
	topics, missing, err := i.topics(ctx, []string{s.Topic})
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%w %q", kafka.ErrUnknownTopic, s.Topic)
	}
	plan := &Plan{Group: s.Group, Topic: s.Topic, New: !d.exists && len(commits) == 0, topicID: topics[s.Topic].ID}
	places, err := s.places(slices.Sorted(maps.Keys(topics[s.Topic].Partitions)))
	if err != nil {
		return nil, err
	}
	plan.Moves, err = i.moves(ctx, s.To, places, commits, plan.topicID)
	return plan, err
}

// places returns the partitions that are sought.
func (s Seek) places(all []int32) ([]place, error) {
	wanted := slices.Clone(s.Partitions)
	if len(wanted) == 0 {
		wanted = all
	}
	slices.Sort(wanted)
	var places []place
	for _, p := range slices.Compact(wanted) {
		if !slices.Contains(all, p) {
			return nil, fmt.Errorf("topic %s has no partition %d, only 0 to %d", s.Topic, p, len(all)-1)
		}
		places = append(places, place{s.Topic, p})
	}
	return places, nil
}

// stopped returns an error that names the members, unless there are none.
func stopped(group string, d description) error {
	if len(d.members) == 0 {
		if d.state == stateEmpty || d.state == stateDead {
			return nil
		}
		return fmt.Errorf("%w: group %q is %s; try again when its members are gone", ErrActive, group, d.state)
	}
	const shown = 5
	var names []string
	for n, m := range d.members {
		if n == shown {
			names = append(names, fmt.Sprintf("and %d more", len(d.members)-shown))
			break
		}
		names = append(names, fmt.Sprintf("%q", m.String()))
	}
	return fmt.Errorf("%w: group %q has members, %d in all: %s. Stop them first; "+
		"one that was killed, or is static (group.instance.id), is gone when its session time-out has passed",
		ErrActive, group, len(d.members), strings.Join(names, ", "))
}

func (i *Inspector) moves(ctx context.Context, to Target, places []place, commits kadm.OffsetResponses, topicID kadm.TopicID) ([]Move, error) {
	var times map[place]listed
	var wg sync.WaitGroup
	if to.kind == toTime {
		wg.Go(func() { times = i.list(ctx, places, to.moment()) })
	}
	starts, ends, err := i.bounds(ctx, places)
	wg.Wait()
	if err != nil {
		return nil, err
	}
	var moves []Move
	for _, p := range places {
		start, end, at := starts[p], ends[p], times[p]
		if err := cmp.Or(start.err, end.err, at.err); err != nil {
			return nil, asked(fmt.Sprintf("list offsets of %s/%d", p.topic, p.partition), err)
		}
		move := Move{Partition: p.partition, From: -1, Start: start.offset, End: end.offset}
		if c, ok := commits.Lookup(p.topic, p.partition); ok && c.Err == nil && kafka.OfTopic(c.Metadata, topicID) {
			move.From = c.At
		}
		if move.To, move.BehindAll, err = to.resolve(p, start.offset, end.offset, at); err != nil {
			return nil, err
		}
		moves = append(moves, move)
	}
	return moves, nil
}

// Commit does what the plan says. Kafka takes the offsets only while the group
// has no members: the error is ErrActive when one has joined since. An error
// names the partitions that were not moved.
func (i *Inspector) Commit(ctx context.Context, p *Plan) error {
	offsets := kadm.Offsets{}
	for _, m := range p.Moves {
		offsets.Add(kadm.Offset{
			Topic: p.Topic, Partition: m.Partition, At: m.To, LeaderEpoch: -1, Metadata: kafka.TopicNote(p.topicID),
		})
	}
	answers, err := i.control.Admin().CommitOffsets(ctx, p.Group, offsets)
	if err != nil {
		return asked("commit offsets; look whether they were taken", err)
	}
	var errs []error
	for _, m := range p.Moves {
		a, ok := answers.Lookup(p.Topic, m.Partition)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("commit offset of %s/%d: %w", p.Topic, m.Partition, errNoAnswer))
		case hasMembers(a.Err):
			return fmt.Errorf("%w: a member has joined group %q meanwhile, and no offset was moved: %w", ErrActive, p.Group, a.Err)
		case a.Err != nil:
			errs = append(errs, fmt.Errorf("commit offset of %s/%d: %w", p.Topic, m.Partition, a.Err))
		}
	}
	return errors.Join(errs...)
}

// hasMembers reports whether a commit was refused because it is not from a
// member.
func hasMembers(err error) bool {
	return errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) ||
		errors.Is(err, kerr.RebalanceInProgress) || errors.Is(err, kerr.StaleMemberEpoch)
}
