package consumer

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// transactionTimeout is when Kafka aborts what a member that died has begun.
// Readers of committed records wait for it; ours never take longer than a
// commit may.
const transactionTimeout = 10 * time.Second

// transactor commits positions together with what a Transform has made of the
// records before them: one transaction at a time, each with all that has come
// while the one before was under way. Whoever commits has the committer's turn,
// so it needs no lock.
//
// A transaction of which anything fails is abandoned, and the client with it.
// The next client has the same transactional id, so Kafka ends the old one's
// transaction before the new one begins its first.
type transactor struct {
	group  *Group
	id     string
	client *kgo.Client // nil: to be made
	// doubtful are the claims of a transaction that may have been committed.
	doubtful []claim
	// single is set while a transaction takes one record only, to find out
	// which one has results that Kafka refuses.
	single bool
}

func newTransactor(g *Group) *transactor {
	return &transactor{group: g, id: "sluice-" + g.config.Group + "-" + cmp.Or(g.config.Instance, rand.Text())}
}

func (t *transactor) open() error {
	if t.client != nil {
		return nil
	}
	// With these the protocol is the same for every version of Kafka.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.Produce), 11)
	versions.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), 4)
	versions.SetMaxKeyVersion(int16(kmsg.EndTxn), 4)
	client, err := kgo.NewClient(append(t.group.clientOptions(),
		kgo.Dialer(patient(t.group.client)),
		kgo.TransactionalID(t.id),
		kgo.TransactionTimeout(transactionTimeout),
		kgo.MaxVersions(versions),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(maxLetterBatch),
	)...)
	t.client = client
	return err
}

// patient is the dialer of another client, with a pause after each connection
// that was refused: a client with a transaction to begin would try again at once
// and for ever, as fast as it is refused.
func patient(client *kgo.Client) func(ctx context.Context, network, host string) (net.Conn, error) {
	dial, ok := client.OptValue(kgo.Dialer).(func(context.Context, string, string) (net.Conn, error))
	if !ok || dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, host string) (net.Conn, error) {
		conn, err := dial(ctx, network, host)
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(250 * time.Millisecond):
			}
		}
		return conn, err
	}
}

// close ends the client, and with it what it is doing.
func (t *transactor) close() {
	if t.client != nil {
		t.client.Close()
		t.client = nil
	}
}

// commit commits what the claims hold. An error means that nothing of it is
// committed, or that it is not known, which the next call finds out.
func (t *transactor) commit(ctx context.Context, parts []*partition) error {
	if err := t.open(); err != nil {
		return err
	}
	if err := t.resolve(ctx); err != nil {
		t.close()
		return fmt.Errorf("find out what became of the last transaction: %w", err)
	}
	claims, records := t.claims(parts)
	if len(claims) == 0 {
		return nil
	}
	if len(records) == 0 {
		t.group.commitOffsets(ctx, commitTimeout, claims)
		return nil
	}
	stage, err := t.transact(ctx, claims, records)
	if err == nil {
		t.single = false
		t.group.metrics.commits.WithLabelValues("ok").Add(float64(len(claims)))
		for _, c := range claims {
			c.done()
		}
		if t.more(parts) {
			t.group.commits.soon()
		}
		return nil
	}
	t.close()
	switch {
	case stage == stageEnd:
		t.doubtful = claims
	case stage == stageProduce && refused(err) && t.single:
		claims[0].refuse(err)
	case stage == stageProduce && refused(err):
		t.single = true
		t.group.commits.soon()
	}
	return err
}

// claims are the positions to commit and the records that go with them.
func (t *transactor) claims(parts []*partition) (claims []claim, records []*kgo.Record) {
	for _, p := range parts {
		c, ok := p.claim(t.single)
		if !ok || t.single && len(c.results) == 0 {
			continue
		}
		claims = append(claims, c)
		for _, e := range c.results {
			records = append(records, e.results...)
		}
		if t.single {
			break
		}
	}
	if len(claims) == 0 && t.single { // The one that was looked for is gone.
		t.single = false
		return t.claims(parts)
	}
	return claims, records
}

// more reports whether there is something to commit by now.
func (t *transactor) more(parts []*partition) bool {
	for _, p := range parts {
		if c, ok := p.claim(false); ok && len(c.results) > 0 {
			return true
		}
	}
	return false
}

// stage is how far a transaction came.
type stage int

const (
	stageBegin stage = iota
	stageProduce
	stageOffsets
	stageEnd
)

// transact runs one transaction. On an error it returns the stage that failed.
func (t *transactor) transact(ctx context.Context, claims []claim, records []*kgo.Record) (stage, error) {
	if err := t.client.BeginTransaction(); err != nil {
		return stageBegin, fmt.Errorf("begin a transaction: %w", err)
	}
	if err := t.produce(ctx, records); err != nil {
		return stageProduce, fmt.Errorf("write the results: %w", err)
	}
	if err := t.offsets(ctx, claims); err != nil {
		return stageOffsets, fmt.Errorf("commit offsets in the transaction: %w", err)
	}
	if err := t.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return stageEnd, fmt.Errorf("commit the transaction: %w", err)
	}
	return stageEnd, nil
}

// produce writes copies of the records, which may have to be written again.
func (t *transactor) produce(ctx context.Context, records []*kgo.Record) error {
	var first error
	var once sync.Once
	var all sync.WaitGroup
	for _, r := range records {
		c := &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}
		all.Add(1)
		t.client.TryProduce(t.group.base, c, func(_ *kgo.Record, err error) {
			if err != nil {
				once.Do(func() { first = fmt.Errorf("topic %s: %w", c.Topic, err) })
			}
			all.Done()
		})
	}
	if err := t.client.Flush(ctx); err != nil {
		return err
	}
	all.Wait()
	return first
}

// offsets makes the positions part of the transaction, if they are still ours.
func (t *transactor) offsets(ctx context.Context, claims []claim) error {
	id, epoch, err := t.client.ProducerID(ctx)
	if err != nil {
		return err
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = t.id, id, epoch, t.group.config.Group
	added, err := add.RequestWith(ctx, t.client)
	if err == nil {
		err = kerr.ErrorForCode(added.ErrorCode)
	}
	if err != nil {
		return err
	}
	memberID, generation := t.group.client.GroupMetadata()
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = t.id, id, epoch
	req.Group, req.MemberID, req.Generation = t.group.config.Group, memberID, generation
	if t.group.config.Instance != "" {
		req.InstanceID = &t.group.config.Instance
	}
	topics := map[string]int{}
	for _, c := range claims {
		if c.memberID != memberID || !c.ours() {
			return errNotOurs
		}
		i, ok := topics[c.topic]
		if !ok {
			i = len(req.Topics)
			topics[c.topic] = i
			topic := kmsg.NewTxnOffsetCommitRequestTopic()
			topic.Topic = c.topic
			req.Topics = append(req.Topics, topic)
		}
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch = c.id, c.at.Offset, c.at.Epoch
		p.Metadata = new(topicNote(c.topicID))
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
	}
	resp, err := req.RequestWith(ctx, t.client)
	if err != nil {
		return err
	}
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("%s/%d: %w", topic.Topic, p.Partition, err)
			}
		}
	}
	return nil
}

var errNotOurs = errors.New("a partition was taken away meanwhile")

// resolve finds out whether a doubtful transaction was committed: whoever has
// the transactional id now has ended it, so the group's offsets tell.
func (t *transactor) resolve(ctx context.Context) error {
	if len(t.doubtful) == 0 {
		return nil
	}
	if _, _, err := t.client.ProducerID(ctx); err != nil {
		return err
	}
	offsets, err := t.group.admin.FetchOffsets(kadm.RequireStable(ctx), t.group.config.Group)
	if err != nil {
		return err
	}
	for _, c := range t.doubtful {
		if o, ok := offsets.Lookup(c.topic, c.id); ok && o.Err == nil && o.At == c.at.Offset {
			c.done()
		}
	}
	t.doubtful = nil
	return nil
}
