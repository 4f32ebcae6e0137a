package consumer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The client gives up its partitions when a heartbeat fails, whatever the
// reason, and already when no broker accepts a connection for a moment. But
// only the group decides whose they are: as long as it has not, and for no
// longer than the session lasts, they may still be ours. So partitions that are
// lost are first suspended: the handler goes on, nothing is committed. When the
// member is back under its old name and gets them again, nobody else had them,
// and they go on as if nothing had been. When the group has said that we are
// out, or gives them to somebody else, or the session is over, they are fenced.

// lost suspends partitions whose fate we do not know yet.
func (g *Group) lost(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	g.become(state{why: errors.New("rejoining the group")})
	for _, p := range g.pick(gone) {
		g.suspend(p)
	}
}

// suspend suspends a partition for as long as we can be sure of the session: it
// began to run out at the last heartbeat.
func (g *Group) suspend(p *partition) {
	resumed := p.suspend()
	session, _ := g.client.OptValue(kgo.SessionTimeout).(time.Duration)
	beat, _ := g.client.OptValue(kgo.HeartbeatInterval).(time.Duration)
	g.work.Go(func() {
		select {
		case <-resumed:
		case <-p.ctx.Done():
		case <-time.After(session - beat):
			if p.isSuspended() {
				g.lose([]*partition{p})
			}
		}
	})
}

// sessionEnds is a hook of the client: it hears, right after lost, what ended
// the session.
type sessionEnds struct{ *Group }

// OnGroupManageError implements kgo.HookGroupManageError.
func (g sessionEnds) OnGroupManageError(err error) {
	if _, verdict := errors.AsType[*kerr.Error](err); verdict {
		g.loseSuspended()
	}
}

// loseSuspended fences what is suspended: it is not ours any more.
func (g *Group) loseSuspended() {
	var parts []*partition
	for _, p := range g.all() {
		if p.isSuspended() {
			parts = append(parts, p)
		}
	}
	g.lose(parts)
}

// lose ends partitions that are not ours any more: their handlers are told to
// stop, and nothing of them is committed.
func (g *Group) lose(parts []*partition) {
	for _, p := range parts {
		g.log.Warn("partition lost", slog.String("topic", p.topic), slog.Int("partition", int(p.id)))
	}
	g.retire(parts)
}

// suspend begins a suspension, and returns a channel that is closed when it
// ends well.
func (p *partition) suspend() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.suspended == nil {
		p.suspended = make(chan struct{})
	}
	return p.suspended
}

// resume ends a suspension, unless the member is another one now.
func (p *partition) resume(memberID string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.suspended == nil || p.stopped || p.memberID != memberID {
		return false
	}
	close(p.suspended)
	p.suspended = nil
	p.placed = false // It is not fetched before its offset is.
	return true
}

func (p *partition) isSuspended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.suspended != nil && !p.fenced
}
