package groups_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/groups"
)

func TestMembersOfBothProtocols(t *testing.T) {
	for kind, c := range map[string]struct {
		opt      kgo.Opt
		assignor string
	}{
		"classic":  {kgo.Balancers(kgo.CooperativeStickyBalancer()), "cooperative-sticky"},
		"consumer": {kgo.ServerSideBalancer(), "uniform"},
	} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, 4)
			w.join(c.opt, kgo.InstanceID("one"))
			g := w.inspect()
			require.Equal(t, "Stable", g.State)
			require.Equal(t, kind, g.Type)
			require.Equal(t, c.assignor, g.Assignor)
			require.Equal(t, []string{topic}, g.Topics)
			require.Len(t, g.Members, 1)
			m := g.Members[0]
			require.Equal(t, "one", m.Instance)
			require.Equal(t, "tester", m.ClientID)
			require.NotEmpty(t, m.Host)
			for _, p := range g.Partitions {
				require.True(t, p.Subscribed)
			}
			if kind == "classic" { // The broker of the tests does not name the topics of the newer protocol.
				require.Equal(t, []groups.TopicPartitions{{Topic: topic, Partitions: []int32{0, 1, 2, 3}}}, m.Assigned)
				for _, p := range g.Partitions {
					require.Equal(t, m.ID, p.Member)
				}
			}
		})
	}
}

func TestStatesOfAGroup(t *testing.T) {
	w := newWorld(t, 1)
	_, err := w.Inspect(t.Context(), groups.Question{Group: group})
	require.ErrorIs(t, err, groups.ErrUnknownGroup)

	g := w.inspect(topic)
	require.Equal(t, "Dead", g.State, "one that a handler is about to join")
	require.Empty(t, g.Members)
	require.Len(t, g.Partitions, 1)

	w.commit(0, 0, "")
	g = w.inspect()
	require.Equal(t, "Empty", g.State)
	require.Equal(t, "classic", g.Type)
	require.NotNil(t, g.Members, "a list, not null")

	w.join()
	require.Equal(t, "Stable", w.inspect().State)
}

func TestAGroupThatWeMayNotAskAbout(t *testing.T) {
	w := newWorld(t, 1)
	w.commit(0, 0, "")
	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Err: kerr.GroupAuthorizationFailed, Count: -1})
	_, err := w.Inspect(t.Context(), groups.Question{Group: group})
	require.ErrorIs(t, err, kerr.GroupAuthorizationFailed)
}

// A cluster that has just had its first group does not know yet who keeps it.
func TestAGroupWhoseBrokerIsNotDecidedYet(t *testing.T) {
	w := newWorld(t, 1)
	w.commit(0, 0, "")
	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Err: kerr.CoordinatorNotAvailable, Count: 8})
	require.Equal(t, "Empty", w.inspect().State)
}

// Whoever joins a group can claim to subscribe to anything.
func TestASubscriptionThatMakesNoSense(t *testing.T) {
	w := newWorld(t, 1)
	w.join()
	w.cluster.ControlKey(int16(kmsg.DescribeGroups), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		meta := kmsg.NewConsumerMemberMetadata()
		meta.Topics = []string{"../etc", "", "a\x00b", topic}
		m := kmsg.NewDescribeGroupsResponseGroupMember()
		m.MemberID, m.ProtocolMetadata, m.MemberAssignment = "evil", meta.AppendTo(nil), []byte{0xff, 0xff, 0xff}
		g := kmsg.NewDescribeGroupsResponseGroup()
		g.Group, g.State, g.ProtocolType, g.Protocol = group, "Stable", "consumer", "range"
		g.Members = append(g.Members, m)
		resp := req.ResponseKind().(*kmsg.DescribeGroupsResponse)
		resp.Groups = append(resp.Groups, g)
		return resp, nil, true
	})
	require.Equal(t, []string{topic}, w.inspect().Topics)
}
