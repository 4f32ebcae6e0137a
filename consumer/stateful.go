package consumer

import (
	"context"
	"errors"
	"fmt"

	"sluice/record"
)

// Stateful is a handler that remembers: a Transform with a state for each
// partition. The state is a table, a compacted topic that has as many partitions
// as the handler's topic: what Handle returns for it changes the state in the
// same transaction as the other results and the position, so the state is never
// ahead of what was handled and never behind. The handler has one topic.
//
// When a member is given a partition, Open makes an empty state, Restore is
// called for each record that the table's partition of the same number holds,
// and only then Handle, for the records of this partition. Whatever takes the
// partition away, a crash too, ends this state; whoever gets it next restores
// its own.
//
// A key's state is where the key's records are. So partitions that are added to
// the handler's topic later are not handled until the table has them too, which
// somebody has to decide who knows what becomes of the keys that move.
//
// Redriven dead letters are written to the end of the topic again, where their
// state is; other groups that read the topic see them a second time.
type Stateful struct {
	// Table is the topic of the state. It is created, compacted, where the
	// program may create topics.
	Table string
	// Open makes the empty state of a partition. It is called from many
	// goroutines, for different partitions.
	Open func(partition int32) State
}

// State is what a Stateful remembers of one partition that it was given.
type State interface {
	// Restore takes in a record of the table: what Handle has returned for it
	// earlier, in the order in which it was committed. Of several with one key
	// the last counts, and others may be missing; a nil Value says that the key
	// is not there any more. An error is told, and the partition is restored
	// anew a little later, with a new state.
	Restore(r *record.Record) error
	// Handle is as Transform says. A result for the table goes to the partition
	// of the same number, whatever its key. With OrderPartition, the default, it
	// is called for one record at a time and needs no lock; with OrderKey, what
	// it makes of a record must depend on states of the record's key only.
	// OrderNone is refused.
	//
	// When it returns an error, the state must be as it was before. A panic, or
	// a result that Kafka refuses, stops the partition until it is assigned
	// anew, since nobody knows what the state is then.
	Handle(ctx context.Context, r *record.Record) ([]record.Record, error)
}

// validate checks what the group needs.
func (s Stateful) validate(c Config) error {
	switch {
	case !topicName.MatchString(s.Table):
		return fmt.Errorf("consumer.handlers[%s]: table %q is not a topic's name", c.Name, s.Table)
	case len(c.Topics) != 1:
		return fmt.Errorf("consumer.handlers[%s]: a handler with a state has one topic, since its states are by partition", c.Name)
	case c.Topics[0] == s.Table:
		return fmt.Errorf("consumer.handlers[%s]: topic %s cannot be the handler's table, too", c.Name, s.Table)
	case c.Order == OrderNone:
		return fmt.Errorf("consumer.handlers[%s]: with order none, an earlier state of a key could be written behind a later one: use %s or %s", c.Name, OrderPartition, OrderKey)
	case s.Open == nil:
		return fmt.Errorf("consumer.handlers[%s]: a consumer.Stateful needs Open", c.Name)
	}
	return nil
}

// Handle fails: the group calls the states itself.
func (s Stateful) Handle(context.Context, *record.Record) error {
	return Permanent(errors.New("a consumer.Stateful has to be given to the group itself, not inside another handler"))
}
