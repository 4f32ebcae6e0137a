//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/test/harm"
)

const (
	startBudget = time.Minute
	// endBudget is how long the clients may take to get to the end without
	// anybody of them getting any further.
	endBudget = 90 * time.Second
	valueSize = 1000
)

// checker is one run.
type checker struct {
	options
	clock   harm.Clock
	out     io.Writer
	dir     string
	topics  []string
	idle    string
	kafka   harm.Broker
	client  *kgo.Client
	admin   *kadm.Client
	writer  *writer
	fleet   *fleet
	machine harm.Machine

	clients   []*client
	cuts      atomic.Int64
	through   atomic.Int64 // clients that have ended
	struck    map[kind]int
	added     int // partitions
	deletions []deletion
	reads     float64 // catch-up reads of all replicas that could be asked
	rollout   *rollout
}

// run does everything: it disturbs, judges and reports. Its error is what went
// wrong with the run, or that the verdict is bad.
func run(ctx context.Context, o options, getenv func(string) string, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "sluice-streams-")
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if keep || o.keep {
			harm.Tell(out, "files are kept in %s\n", dir)
			return
		}
		_ = os.RemoveAll(dir)
	}()
	k, err := harm.FindBroker(getenv, dir)
	if err != nil {
		return err
	}
	keep = true
	c, err := newChecker(ctx, o, k, dir, out)
	if err != nil {
		return err
	}
	defer c.client.Close()
	defer c.writer.close()
	h, err := c.disturb(ctx)
	if err != nil {
		return err
	}
	v := judge(h)
	report := c.report(h, v)
	harm.Tell(out, "\n%s", report)
	if o.md != "" {
		if err := os.WriteFile(o.md, []byte(report), 0o644); err != nil {
			return err
		}
	}
	err = c.conclude(v)
	if keep = err != nil; !keep && !o.keep {
		c.tidy(ctx)
	}
	return err
}

// conclude says whether the run proves anything.
func (k *checker) conclude(v verdict) error {
	var errs []error
	if n := len(v.offences); n > 0 {
		errs = append(errs, fmt.Errorf("%d offences, see the report; the topics are %s", n, strings.Join(k.topics, ", ")))
	}
	if n := int(k.cuts.Load()); !k.deploy && n < k.disconnects {
		errs = append(errs, fmt.Errorf("only %d of %d disconnects fit into %s: raise -max", n, k.disconnects, k.most))
	}
	if v.seen == 0 {
		errs = append(errs, errors.New("nobody has seen anything"))
	}
	return errors.Join(errs...)
}

// newChecker connects, and makes the topics.
func newChecker(ctx context.Context, o options, k harm.Broker, dir string, out io.Writer) (*checker, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	client, err := k.Client("streams")
	if err != nil {
		return nil, err
	}
	name := "streams-" + strconv.FormatInt(time.Now().UnixNano(), 10)
	c := &checker{
		options: o, clock: harm.NewClock(), out: out, dir: dir, kafka: k, client: client, admin: kadm.NewClient(client),
		topics: []string{name + "-a", name + "-b"}, idle: name + "-idle", struck: map[kind]int{},
	}
	if err := c.prepare(ctx, binary); err != nil {
		client.Close()
		return nil, err
	}
	return c, nil
}

func (k *checker) prepare(ctx context.Context, binary string) error {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	k.machine = harm.ThisMachine(ctx, k.admin)
	for topic, n := range map[string]int{k.topics[0]: k.partitions, k.topics[1]: k.partitions, k.idle: 1} {
		if _, err := k.admin.CreateTopic(ctx, int32(n), 1, nil, topic); err != nil {
			return fmt.Errorf("create topic %s at %s: %w", topic, k.kafka.Address, err)
		}
	}
	var err error
	if k.fleet, err = newFleet(binary, k.dir, k.replicas, replicaOptions{
		brokers: k.kafka.Address, topics: strings.Join(k.topics, ","), idle: k.idle, ring: k.ring,
	}); err != nil {
		return err
	}
	k.writer, err = newWriter(k.kafka.Address, k.topics, k.rate, valueSize)
	return err
}

// newClients makes the clients: most want a topic, some both, one partition or
// one key.
func (k *checker) newClients() {
	for i := range k.options.clients {
		random := rand.New(rand.NewPCG(k.seed, 100+uint64(i)))
		s := selection{topics: k.topics[:1], partition: -1}
		switch i % 8 {
		case 1:
			s.topics = k.topics[1:]
		case 2, 3:
			s.topics = k.topics
		case 4:
			s.partition = int32(random.IntN(k.partitions))
		case 5:
			s.key = fmt.Sprintf("k%02d", random.IntN(keys))
		}
		first := "now"
		if i%3 == 0 {
			first = "earliest"
		}
		k.clients = append(k.clients, &client{
			story: &story{name: fmt.Sprintf("client %d", i+1), selection: s, byes: map[string]int{}},
			clock: k.clock, random: random, replicas: k.fleet.addresses, calm: k.deploy, hasty: k.hasty, first: first, cuts: &k.cuts,
			at: i % len(k.fleet.addresses), next: map[line]int64{},
		})
	}
}

// disturb is the run up to its judgement. In the end every process that it has
// started is gone, and the broker is there.
func (k *checker) disturb(ctx context.Context) (history, error) {
	watching, stopWatching := context.WithCancel(ctx)
	writing, stopWriter := context.WithCancel(ctx)
	var work, writer sync.WaitGroup
	defer func() {
		stopWatching()
		stopWriter()
		writer.Wait()
		work.Wait()
		k.fleet.end((*harm.Process).Kill)
	}()
	for i := range k.replicas {
		if err := k.fleet.start(i); err != nil {
			return history{}, err
		}
	}
	var refused error
	writer.Go(func() { refused = k.writer.run(writing, k.seed) })
	finish := make(chan struct{})
	k.newClients()
	if k.deploy {
		k.rollout = newRollout(k)
	}
	for _, c := range k.clients {
		work.Go(func() {
			defer k.through.Add(1)
			c.run(watching, finish)
		})
	}
	k.say("%d clients of %d replicas watch %d topics of %d partitions", len(k.clients), k.replicas, len(k.topics), k.partitions)
	var err error
	if k.deploy {
		err = k.rollout.run(ctx)
	} else {
		err = k.strikeAll(ctx)
	}
	if err != nil {
		return history{}, err
	}
	stopWriter()
	writer.Wait()
	if refused != nil {
		return history{}, refused
	}
	h, err := k.records(ctx)
	if err != nil {
		return history{}, err
	}
	k.say("%d records are written; the clients go to the end", len(h.records))
	return k.toTheEnd(ctx, h, finish, stopWatching, &work)
}
