package consumer

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/deadletter"
)

// letterBytes is how much of a mailbox is with the client at a time; a larger
// letter is there alone. The client makes batches of what it has, and a topic of
// dead letters takes at least this much in one.
const letterBytes = 64 << 10

// mailbox has the dead letters of one topic on their way, so that a topic for
// which there is something to wait for holds up no other. The lock of letters
// guards it.
type mailbox struct {
	*letters
	source, topic string // they are of one, and go to the other

	queue   []*burial
	pumping bool
	aloft   int           // bytes with the client
	room    chan struct{} // of capacity 1: aloft has become less
	known   bool          // nothing is wrong with the topic, as far as we know
	tried   bool          // something was
}

func newMailbox(w *letters, source string) *mailbox {
	return &mailbox{
		letters: w, source: source, topic: deadletter.Topic(source, w.group.config.Group),
		room: make(chan struct{}, 1),
	}
}

// pump hands letters over to the client until none is left.
func (m *mailbox) pump() {
	for b := m.next(); b != nil; b = m.next() {
		if b.partition.isFenced() {
			continue // Somebody else has the record now.
		}
		if err := m.ensure(); err != nil {
			m.failed(b, err, true) // It may be made yet.
			continue
		}
		r := b.record(m.topic)
		if b.fit == enlarged {
			if err := m.enlarge(r); err != nil {
				m.failed(b, err, !refused(err))
				continue
			}
		}
		if !m.board(b, size(r)) {
			continue // The group is closed, and its partitions with it.
		}
		m.kafka().TryProduce(m.group.base, r, func(_ *kgo.Record, err error) {
			m.land(b)
			switch {
			case err == nil:
				b.partition.buried(b)
			case errors.Is(err, kerr.MessageTooLarge) && (b.fit == asItIs || b.fit == alone && m.group.deps.Create):
				b.fit++
				m.send(b)
			default:
				m.know(false)
				m.failed(b, err, !refused(err))
			}
		})
	}
}

func (m *mailbox) next() *burial {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		m.pumping = false
		m.queue = nil
		return nil
	}
	b := m.queue[0]
	m.queue[0] = nil
	m.queue = m.queue[1:]
	return b
}

// board waits until there is room for the letter, or the group is closed.
func (m *mailbox) board(b *burial, bytes int) bool {
	b.weight = min(bytes, letterBytes)
	if b.fit != asItIs {
		b.weight = letterBytes
	}
	for {
		m.mu.Lock()
		if m.aloft+b.weight <= letterBytes {
			m.aloft += b.weight
			m.mu.Unlock()
			return true
		}
		m.mu.Unlock()
		select {
		case <-m.room:
		case <-m.group.base.Done():
			return false
		}
	}
}

func (m *mailbox) land(b *burial) {
	m.mu.Lock()
	m.aloft -= b.weight
	m.mu.Unlock()
	select {
	case m.room <- struct{}{}:
	default:
	}
}

// failed ends a burial that did not succeed.
func (m *mailbox) failed(b *burial, err error, again bool) {
	if m.group.base.Err() == nil {
		b.partition.unburied(b, err, again)
	}
}

// isKnown reports whether nothing is wrong with the topic, and otherwise whether
// something has failed before.
func (m *mailbox) isKnown() (known, tried bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known, m.tried
}

func (m *mailbox) know(known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known, m.tried = known, !known
}
