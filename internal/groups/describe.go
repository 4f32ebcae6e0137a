package groups

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The states of a group without members.
const (
	stateEmpty = "Empty"
	stateDead  = "Dead"
)

// description is who is in a group.
type description struct {
	exists                bool
	state, kind, assignor string
	members               []Member
	topics                map[string]bool // that members subscribe to or have
}

// describe asks who is in a group, whichever of the two protocols it speaks.
// A group that Kafka does not know is described as Dead.
func (i *Inspector) describe(ctx context.Context, group string) (description, error) {
	d, err := i.describeClassic(ctx, group)
	if err != nil || d.exists && (len(d.members) > 0 || d.state == stateEmpty) {
		return d, err
	}
	// Kafka says of a group of the newer protocol that there is no classic one;
	// others may say that it has no members.
	newer, err := i.describeConsumer(ctx, group)
	if err != nil || newer.exists {
		return newer, err
	}
	return d, nil
}

func (i *Inspector) describeClassic(ctx context.Context, group string) (description, error) {
	d := description{state: stateDead, topics: map[string]bool{}}
	all, err := i.control.Admin().DescribeGroups(ctx, group)
	if err != nil {
		return d, asked("describe group", err)
	}
	g := all[group]
	switch {
	case errors.Is(g.Err, kerr.GroupIDNotFound), g.Err == nil && (g.State == stateDead || g.State == ""):
		return d, nil // Or one of the newer protocol.
	case g.Err != nil:
		return d, asked("describe group", g.Err)
	}
	d.exists, d.state, d.kind, d.assignor = true, g.State, "classic", g.Protocol
	for _, m := range g.Members {
		assigned := kadm.TopicsSet{}
		if a, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range a.Topics {
				assigned.Add(t.Topic, t.Partitions...)
			}
		}
		var subscribed []string
		if j, ok := m.Join.AsConsumer(); ok {
			subscribed = j.Topics
		}
		d.add(m.MemberID, m.InstanceID, m.ClientID, m.ClientHost, assigned, subscribed)
	}
	return d, nil
}

func (i *Inspector) describeConsumer(ctx context.Context, group string) (description, error) {
	d := description{state: stateDead, topics: map[string]bool{}}
	all, err := i.control.Admin().DescribeConsumerGroups(ctx, group)
	switch {
	case err == nil:
	case ctx.Err() != nil || forbidden(err) || kgo.IsRetryableBrokerErr(err) || kerr.IsRetriable(err):
		return d, asked("describe group", err)
	default:
		return d, nil // A Kafka that does not know the question, before 3.7, has no such group.
	}
	g := all[group]
	switch {
	case g.Err != nil && !refused(g.Err):
		return d, asked("describe group", g.Err)
	case g.Err != nil, g.State == stateDead, g.State == "":
		return d, nil //nolint:nilerr // There is no group of this protocol.
	}
	d.exists, d.state, d.kind, d.assignor = true, g.State, "consumer", g.AssignorName
	for _, m := range g.Members {
		d.add(m.MemberID, m.InstanceID, m.ClientID, m.ClientHost, m.Assignment, m.SubscribedTopics)
	}
	return d, nil
}

// topicName is what Kafka takes as a topic's name. Members of the older
// protocol can put anything into their subscription, and we ask Kafka for it.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func (d *description) add(id string, instance *string, client, host string, assigned kadm.TopicsSet, subscribed []string) {
	m := Member{ID: id, ClientID: client, Host: host, Assigned: []TopicPartitions{}}
	if instance != nil {
		m.Instance = *instance
	}
	for _, topic := range slices.Sorted(maps.Keys(assigned)) {
		if topicName.MatchString(topic) {
			d.topics[topic] = true
			m.Assigned = append(m.Assigned, TopicPartitions{topic, slices.Sorted(maps.Keys(assigned[topic]))})
		}
	}
	for _, topic := range subscribed {
		if topicName.MatchString(topic) {
			d.topics[topic] = true
		}
	}
	d.members = append(d.members, m)
}

// owners returns the member that each assigned partition is with.
func (d *description) owners() map[place]string {
	owners := map[place]string{}
	for _, m := range d.members {
		for _, t := range m.Assigned {
			for _, p := range t.Partitions {
				owners[place{t.Topic, p}] = m.ID
			}
		}
	}
	return owners
}
