//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/deadletter"
	"sluice/test/harm"
)

const (
	partitions      = 6
	morePartitions  = 2 // each time that some are added
	startBudget     = time.Minute
	settleBudget    = 30 * time.Second
	stalledBudget   = 90 * time.Second // without any progress, at the end
	betweenProgress = 100 * time.Millisecond
)

// nemesis is one run.
type nemesis struct {
	options
	out     io.Writer
	dir     string
	topic   string
	group   string
	kafka   harm.Broker
	client  *kgo.Client
	admin   *kadm.Client
	watch   *watch
	writer  *writer
	fleet   *fleet
	clock   harm.Clock
	machine harm.Machine

	incidents []incident
	added     int // partitions
}

// run does everything: it torments, judges and reports. Its error is what went
// wrong with the run, or that the verdict is bad.
func run(ctx context.Context, o options, getenv func(string) string, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "sluice-nemesis-")
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
	k, err := harm.FindVictim(getenv, dir)
	if err != nil {
		return err
	}
	keep = true
	n, err := newNemesis(ctx, o, k, dir, out)
	if err != nil {
		return err
	}
	defer n.client.Close()
	h, err := n.torment(ctx)
	if err != nil {
		return err
	}
	v := judge(h)
	report := n.report(h, v)
	harm.Tell(out, "\n%s", report)
	if o.md != "" {
		if err := os.WriteFile(o.md, []byte(report), 0o644); err != nil {
			return err
		}
	}
	err = n.conclude(v)
	keep = err != nil
	if !keep && !o.keep {
		n.tidy(ctx)
	}
	return err
}

// conclude says whether the run proves anything.
func (n *nemesis) conclude(v verdict) error {
	var errs []error
	if len(v.offences) > 0 {
		errs = append(errs, fmt.Errorf("%d offences, see the report; the topic is %s, the group the same", len(v.offences), n.topic))
	}
	if done := len(n.incidents); done < n.faults {
		errs = append(errs, fmt.Errorf("only %d of %d faults fit into %s: raise -max", done, n.faults, n.most))
	}
	return errors.Join(errs...)
}

// newNemesis connects, and makes the topic.
func newNemesis(ctx context.Context, o options, k harm.Broker, dir string, out io.Writer) (*nemesis, error) {
	if _, err := k.PID(ctx); err != nil {
		return nil, err
	}
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	client, err := k.Client("nemesis")
	if err != nil {
		return nil, err
	}
	name := "nemesis-" + strconv.FormatInt(time.Now().UnixNano(), 10)
	n := &nemesis{
		options: o, out: out, dir: dir, topic: name, group: name, kafka: k,
		client: client, admin: kadm.NewClient(client), clock: harm.NewClock(),
	}
	if err := n.prepare(ctx); err != nil {
		client.Close()
		return nil, err
	}
	n.watch = newWatch(n.client, n.topic, n.group)
	if n.writer, err = newWriter(k.Address, n.topic, o.rate, o.poison); err != nil {
		client.Close()
		return nil, err
	}
	n.fleet = newFleet(binary, dir, memberOptions{brokers: k.Address, topic: n.topic, group: n.group, seed: o.seed << 16, trouble: o.trouble}, o.static)
	return n, nil
}

func (n *nemesis) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	brokers, err := n.admin.ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("KAFKA_BROKERS: %s does not answer: %w", n.kafka.Address, err)
	}
	if len(brokers) != 1 {
		return fmt.Errorf("KAFKA_BROKERS: a cluster of one broker is needed, this one has %d", len(brokers))
	}
	n.machine = harm.ThisMachine(ctx, n.admin)
	if _, err := n.admin.CreateTopic(ctx, partitions, 1, nil, n.topic); err != nil {
		return fmt.Errorf("create topic %s: %w", n.topic, err)
	}
	return nil
}

// torment is the run up to its judgement. In the end every process that it has
// started is gone, and the broker is there.
func (n *nemesis) torment(ctx context.Context) (history, error) {
	defer n.writer.client.Close()
	watching, stopWatch := context.WithCancel(ctx)
	writing, stopWriter := context.WithCancel(ctx)
	var work sync.WaitGroup
	var refused error
	work.Go(func() { n.watch.run(watching) })
	var writer sync.WaitGroup
	writer.Go(func() { refused = n.writer.run(writing, n.seed) })
	defer func() {
		n.fleet.kill()
		stopWriter()
		stopWatch()
		writer.Wait()
		work.Wait()
	}()

	for member := range n.members {
		if err := n.fleet.start(member); err != nil {
			return history{}, err
		}
	}
	n.say("%d members of the group %s read %d partitions", n.members, n.group, partitions)
	if !n.settle(ctx, startBudget) {
		return history{}, fmt.Errorf("the group has not begun to work within %s; see %s", startBudget, n.dir)
	}
	if err := n.strikeAll(ctx); err != nil {
		return history{}, err
	}
	n.say("the faults are over; the group catches up")
	stopWriter()
	writer.Wait()
	if refused != nil {
		return history{}, refused
	}
	if err := errors.Join(n.fleet.restartFallen(n.members), n.catchUp(ctx)); err != nil {
		return history{}, err
	}
	n.fleet.stop()
	stopWatch()
	work.Wait()
	return n.collect(ctx)
}

// strikeAll does what was planned, as long as there is time.
func (n *nemesis) strikeAll(ctx context.Context) error {
	deadline := n.most - min(n.most/8, 5*time.Minute)
	plan := newPlan(n.seed, n.faults, n.members)
	for i, s := range plan {
		if n.clock.Passed() > deadline {
			return nil // conclude tells how many there were.
		}
		if i > 0 && (i == len(plan)/3 || i == 2*len(plan)/3) {
			if err := n.addPartitions(ctx); err != nil {
				return err
			}
		}
		if s.settle && deadline-n.clock.Passed() > time.Duration(len(plan)-i)*settleBudget/2 {
			n.settle(ctx, settleBudget)
		} else {
			harm.Sleep(ctx, s.pause)
		}
		if err := n.fleet.restartFallen(n.members); err != nil {
			return err
		}
		n.say("%3d/%d %s", i+1, len(plan), s)
		n.watch.soon()
		incident := incident{step: s, from: harm.Now()}
		if err := (targets{n.fleet, n.kafka}).strike(ctx, s.faults); err != nil {
			return err
		}
		n.watch.soon()
		incident.over, incident.need = harm.Now(), n.writer.acknowledged()
		n.incidents = append(n.incidents, incident)
		if ctx.Err() != nil {
			return fmt.Errorf("broken off: %w", context.Cause(ctx))
		}
	}
	return nil
}

// settle waits until all that is acknowledged by now is committed, and reports
// whether it is.
func (n *nemesis) settle(ctx context.Context, most time.Duration) bool {
	// Something has to be acknowledged before anything can be said.
	var need map[int32]int64
	for deadline := harm.Now() + most; harm.Now() < deadline; {
		if len(need) == 0 {
			need = n.writer.acknowledged()
		} else if reached(n.watch.committed(), need) {
			return true
		}
		if !harm.Sleep(ctx, betweenProgress) {
			return false
		}
	}
	return false
}

// catchUp waits until everything is committed, for as long as there is
// progress. What is missing then is for the judge.
func (n *nemesis) catchUp(ctx context.Context) error {
	need := n.writer.acknowledged()
	var best int64
	for since := harm.Now(); harm.Now()-since < stalledBudget; {
		committed := n.watch.committed()
		if reached(committed, need) {
			return nil
		}
		if sum := total(committed); sum > best {
			best, since = sum, harm.Now()
		}
		if !harm.Sleep(ctx, betweenProgress) {
			return fmt.Errorf("broken off: %w", context.Cause(ctx))
		}
	}
	n.say("nothing was committed for %s: the group is stuck", stalledBudget)
	return nil
}

func (n *nemesis) addPartitions(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	count := partitions + n.added + morePartitions
	answer, err := n.admin.UpdatePartitions(ctx, count, n.topic)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		return fmt.Errorf("add partitions: %w", err)
	}
	n.added += morePartitions
	n.say("the topic has %d partitions now", count)
	return nil
}

// collect puts together what the judge needs. Nothing runs any more.
func (n *nemesis) collect(ctx context.Context) (h history, err error) {
	// The last word of the group, after everybody has left.
	if err := n.watch.poll(ctx); err != nil {
		return h, fmt.Errorf("ask for the committed offsets: %w", err)
	}
	h.attempts = attempts
	if h.acked, h.told, err = n.writer.result(); err != nil {
		return h, fmt.Errorf("the writer: %w", err)
	}
	h.polls, _ = n.watch.result()
	if h.starts, h.unclean, err = n.fleet.report(); err != nil {
		return h, err
	}
	if h.log, h.ends, err = readLog(ctx, n.kafka.Address, n.topic); err != nil {
		return h, err
	}
	h.letters, err = readLetters(ctx, n.kafka.Address, n.topic, n.group)
	return h, err
}

// tidy removes what the run has left in Kafka.
func (n *nemesis) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	_, err1 := n.admin.DeleteGroups(ctx, n.group)
	_, err2 := n.admin.DeleteTopics(ctx, n.topic,
		deadletter.Topic(n.topic, n.group), deadletter.Retry(n.topic, n.group), deadletter.Redrives(n.topic, n.group))
	if err := errors.Join(err1, err2); err != nil {
		n.say("left behind in Kafka: %v", err)
	}
}

func (n *nemesis) say(format string, args ...any) {
	n.clock.Say(n.out, format, args...)
}

func total(offsets map[int32]int64) (sum int64) {
	for _, o := range offsets {
		sum += o
	}
	return sum
}
