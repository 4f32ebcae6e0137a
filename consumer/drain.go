package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// StopPolling makes the group take no further record from Kafka, and ends
// Ready. It returns at once and may be called more than once.
func (g *Group) StopPolling() {
	g.become(state{why: errors.New("draining")})
	g.stopPolls()
}

// Drain lets the records in work finish, begins no other, and commits what is
// handled. When ctx ends first, the handlers that are still busy have their
// context ended and their records are handed back; the error says which. After
// it nothing of this member counts any more. It implies StopPolling.
func (g *Group) Drain(ctx context.Context) error {
	g.StopPolling()
	parts := g.all()
	stopAll(parts)
	busy := waitAll(ctx, parts)
	// What is handled is to be committed even when the time is up.
	g.commitAll(context.WithoutCancel(ctx), finalCommitTimeout, parts)
	g.retire(parts)
	var errs []error
	for _, p := range busy {
		errs = append(errs, fmt.Errorf("handler %s is still busy with a record of %s/%d, which is handed back: %w",
			g.config.Name, p.topic, p.id, ctx.Err()))
	}
	return errors.Join(errs...)
}

// Leave leaves the group, so that the others take over at once, closes the
// client, and waits for all that the group has started; Run returns after it.
// When ctx ends first, the group finds out by itself after its session
// time-out, and a handler that ignores the end of its context is left behind.
// A static member does not leave: its partitions wait for it to come back, for
// as long as its session lasts. It implies StopPolling.
func (g *Group) Leave(ctx context.Context) {
	g.StopPolling()
	g.leave.Do(func() { g.close(ctx) })
	<-g.left
}

func (g *Group) close(ctx context.Context) {
	defer close(g.left)
	defer g.killBase()
	g.mu.Lock()
	g.over = true
	client := g.client
	g.mu.Unlock()
	if client == nil {
		return // Run was never called.
	}
	select {
	case <-g.polled:
	case <-ctx.Done(): // It waits for a rebalance, which killBase ends.
	}
	memberID, err := g.leaveGroup(ctx)
	g.retire(g.all()) // None is left after a Drain.
	// The client's own context ends too: a join that waits for Kafka obeys
	// nothing else.
	g.killBase()
	client.Close()
	g.letters.close()
	g.closeTransactor(ctx)
	g.pool.close()
	client.AllowRebalance() // Close polls a last time; what waits for that to end would leak.
	if g.config.Instance != "" {
		err = nil // A static member is thrown out by nobody.
	}
	if err != nil && memberID != "" {
		err = g.leaveAs(ctx, memberID)
	}
	if err != nil {
		g.log.WarnContext(ctx, "could not leave the group in time", slog.Any("error", err))
	}
	ended := make(chan struct{})
	go func() { // Ends with the last handler.
		g.work.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	g.log.InfoContext(ctx, "Kafka consumer stopped")
}

// closeTransactor waits for a commit that is under way, which ends with base.
func (g *Group) closeTransactor(ctx context.Context) {
	if g.transactor == nil {
		return
	}
	select {
	case g.commits.turn <- struct{}{}:
		g.transactor.close()
		<-g.commits.turn
	case <-ctx.Done():
	}
}

// leaveGroup has the client leave, in half of the time there is. It returns who
// we are, for the case that the client cannot.
func (g *Group) leaveGroup(ctx context.Context) (memberID string, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	err = g.client.LeaveGroupContext(ctx)
	memberID, _ = g.client.GroupMetadata()
	return memberID, err
}

// leaveAs says for a client that is closed that it has left. The client itself
// cannot while it waits for a rebalance that it takes part in, which takes as
// long as the slowest member; and the group would then wait for us, until our
// session has ended.
func (g *Group) leaveAs(ctx context.Context, memberID string) error {
	client, err := kgo.NewClient(g.deps.Client...)
	if err != nil {
		return err
	}
	defer client.Close()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = g.config.Group
	req.MemberID = memberID
	member := kmsg.NewLeaveGroupRequestMember()
	member.MemberID = memberID
	req.Members = append(req.Members, member)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}
