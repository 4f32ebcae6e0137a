package consumer

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"sluice/internal/kafka"
)

// transactionTimeout is when Kafka aborts what a member that died has begun.
// Readers of committed records wait for it; ours never take longer than a
// commit may.
const transactionTimeout = 10 * time.Second

// abortTimeout bounds what is done about a transaction that has failed.
const abortTimeout = 500 * time.Millisecond

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
	ends   ends
	// doubtful are the claims of a transaction that may have been committed.
	doubtful []claim
	// most is how many records' results a transaction takes, at most. It becomes
	// less where Kafka refuses one of them, to find out which, and grows again.
	most int
	// alone is set while each result is a batch of its own.
	alone bool
}

// The bounds of one transaction: one that takes longer than a commit may is
// abandoned, and would never become smaller by itself.
const (
	transactionRecords = 10_000
	transactionBytes   = 8 << 20
	// resultBytes is how many bytes of results are with the client at a time; a
	// larger one is there alone. The client makes batches of what it has, and
	// Kafka refuses a batch that is above the topic's limit (a megabyte, unless
	// it is set up otherwise) even where each record in it is below.
	resultBytes = 512 << 10
)

func newTransactor(g *Group) *transactor {
	return &transactor{
		group: g,
		id:    "sluice-" + g.config.Group + "-" + cmp.Or(g.config.Instance, rand.Text()),
		most:  transactionRecords,
	}
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
		kgo.WithHooks(&t.ends),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kafka.Partitioner()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(maxLetterBatch),
	)...)
	t.client = client
	return err
}

// takeOver ends what a former run of this member has left open, if it had the
// same name: the group does not say where it is until that has ended. What fails
// here is done again with the first commit.
func (g *Group) takeOver() {
	ctx, cancel := context.WithTimeout(g.base, commitTimeout)
	defer cancel()
	select {
	case g.commits.turn <- struct{}{}:
		defer func() { <-g.commits.turn }()
	case <-ctx.Done():
		return
	}
	err := g.transactor.open()
	if err == nil {
		_, _, err = g.transactor.client.ProducerID(ctx)
	}
	if err != nil && g.base.Err() == nil {
		g.errors.say("commit", fmt.Errorf("take the transactional id over: %w", err))
	}
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

// abort ends a transaction that has failed, if that can be done at once. Until it
// has ended, readers of committed records see nothing of what comes behind it,
// and nobody else is told where the group is in its partitions; Kafka would end
// it after transactionTimeout, or with the next one of this id.
func (t *transactor) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	if err := t.client.AbortBufferedRecords(ctx); err == nil {
		_ = t.client.EndTransaction(ctx, kgo.TryAbort) // Then Kafka does.
	}
}

// close ends the client, and with it what it is doing.
func (t *transactor) close() {
	if t.client != nil {
		t.client.Close()
		t.client = nil
	}
}

// commit commits what fits in one transaction, and reports whether it should be
// called again at once. An error means that nothing of it is committed, or that
// it is not known, which the next call finds out.
func (t *transactor) commit(ctx context.Context, parts []*partition) (again bool, err error) {
	if err := t.open(); err != nil {
		return false, err
	}
	if err := t.resolve(ctx); err != nil {
		t.close()
		return false, fmt.Errorf("find out what became of the last transaction: %w", err)
	}
	t.group.commitOffsets(ctx, commitTimeout, beginnings(parts))
	claims, records := t.claims(parts)
	if len(claims) == 0 {
		return false, nil
	}
	if len(records) == 0 {
		t.group.commitOffsets(ctx, commitTimeout, claims)
		if !claims[0].isDone() {
			return false, nil
		}
		t.most = min(2*t.most, transactionRecords)
		return t.more(parts), nil
	}
	stage, err := t.transact(ctx, claims, records)
	if err == nil {
		t.most, t.alone = min(2*t.most, transactionRecords), false
		t.group.metrics.commits.WithLabelValues("ok").Add(float64(len(claims)))
		for _, c := range claims {
			c.done()
		}
		return t.more(parts), nil
	}
	if stage != stageEnd {
		t.abort(ctx)
	}
	t.close()
	switch {
	case stage == stageEnd:
		t.doubtful = claims
	case stage == stageProduce && refused(err):
		t.narrow(claims, len(records), err)
		return true, err
	}
	return false, err
}

// narrow finds out which record it is whose results Kafka refuses, by taking
// half of them the next time, and gives up the one that is left. Its results may
// have been refused for each other, so each gets a batch of its own first.
func (t *transactor) narrow(claims []claim, results int, err error) {
	taken := 0
	var last claim
	for _, c := range claims {
		if len(c.results) > 0 {
			taken += len(c.results)
			last = c
		}
	}
	switch {
	case taken > 1:
		t.most = taken / 2
	case results > 1 && !t.alone:
		t.most, t.alone = 1, true
	default:
		t.alone = false
		last.refuse(err)
	}
}

// beginnings are the positions of partitions of which the group has none yet, so
// that it can be seen from outside while a first transaction has to wait.
func beginnings(parts []*partition) (claims []claim) {
	for _, p := range parts {
		if c, ok := p.beginning(); ok {
			claims = append(claims, c)
		}
	}
	return claims
}

// claims are the positions to commit and the records that go with them, as many
// as fit.
func (t *transactor) claims(parts []*partition) (claims []claim, records []*kgo.Record) {
	left, taken := room{t.most, transactionBytes}, 0
	for _, p := range parts {
		c, ok := p.claim(&left, taken == 0)
		if !ok {
			continue
		}
		claims = append(claims, c)
		taken += len(c.results)
		for _, e := range c.results {
			records = append(records, e.results...)
		}
	}
	return claims, records
}

// more reports whether there is something to commit by now.
func (t *transactor) more(parts []*partition) bool {
	for _, p := range parts {
		if c, ok := p.claim(&room{}, true); ok && len(c.results) > 0 {
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
	asked := t.ends.Load()
	if err := t.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return stageEnd, fmt.Errorf("commit the transaction: %w", err)
	}
	if t.ends.Load() == asked {
		return stageOffsets, errNotAsked
	}
	return stageEnd, nil
}

// ends counts requests to end a transaction that Kafka has answered. The client
// takes a transaction for empty, and ends it without asking, where the answer to
// the first record of a topic has overtaken its own note of the topic.
type ends struct{ atomic.Int64 }

// OnBrokerE2E implements kgo.HookBrokerE2E.
func (n *ends) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if kmsg.Key(key) == kmsg.EndTxn && e2e.Err() == nil {
		n.Add(1)
	}
}

var errNotAsked = errors.New("the client ended the transaction without Kafka")

// produce writes copies of the records, which may have to be written again.
func (t *transactor) produce(ctx context.Context, records []*kgo.Record) error {
	var sent flight
	aloft := 0
	for _, r := range records {
		if aloft > 0 && (t.alone || aloft+size(r) > resultBytes) {
			if err := sent.wait(ctx, t.client); err != nil {
				return err
			}
			aloft = 0
		}
		aloft += size(r)
		c := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}
		sent.all.Add(1)
		t.client.TryProduce(t.group.base, c, sent.landed)
	}
	return sent.wait(ctx, t.client)
}

// flight is records that are with the client, and the first error of them.
type flight struct {
	all   sync.WaitGroup
	once  sync.Once
	first error
}

func (f *flight) landed(r *kgo.Record, err error) {
	if err != nil {
		f.once.Do(func() { f.first = fmt.Errorf("topic %s: %w", r.Topic, err) })
	}
	f.all.Done()
}

func (f *flight) wait(ctx context.Context, client *kgo.Client) error {
	if err := client.Flush(ctx); err != nil {
		return err
	}
	f.all.Wait()
	return f.first
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
		p.Metadata = new(kafka.TopicNote(c.topicID))
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
		if o, ok := offsets.Lookup(c.topic, c.id); ok && o.Err != nil { // No answer is not "no".
			return fmt.Errorf("%s/%d: %w", c.topic, c.id, o.Err)
		}
	}
	for _, c := range t.doubtful {
		if o, ok := offsets.Lookup(c.topic, c.id); ok && o.At == c.at.Offset && kafka.OfTopic(o.Metadata, c.topicID) {
			c.done()
		}
	}
	t.doubtful = nil
	return nil
}
