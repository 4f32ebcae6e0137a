package producer_test

import (
	"fmt"
	"testing"

	"sluice/internal/producer/producertest"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// After whatever has failed, the next requests work again without a restart,
// and what was told of each record is true.
func TestTheWriterMendsItself(t *testing.T) {
	for name, c := range map[string]struct {
		// warm writes before the fault: the client has a producer id then.
		warm  bool
		fault kfake.Fault
	}{
		"producer id refused for good":           {false, kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.ClusterAuthorizationFailed}},
		"producer id refused for another reason": {false, kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.InvalidRequest}},
		"topic authorization revoked":            {true, kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed}},
		"cluster authorization revoked":          {true, kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.ClusterAuthorizationFailed}},
		"producer fenced":                        {true, kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidProducerEpoch}},
		"sequence out of order":                  {true, kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.OutOfOrderSequenceNumber}},
		"producer forgotten":                     {true, kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownProducerID}},
	} {
		t.Run(name, func(t *testing.T) {
			w := producertest.New(t, nil)
			var o told
			write := func(value string) bool {
				_, err := w.Write(value, nil)
				o.add(value, err)
				return err == nil
			}
			if c.warm {
				require.True(t, write("before"))
			}
			c.fault.Count = -1
			fault := w.Cluster.Fault(c.fault)
			done := make(chan bool, 1)
			go func() { done <- write("meanwhile") }()
			require.NoError(t, fault.Wait(t.Context(), 1))
			fault.Remove()
			<-done // Told at once, or tried again until it is over.
			n := 0
			w.Await(func() bool {
				n++
				return write(fmt.Sprint("after ", n))
			})
			o.check(t, w.Values(topic))
		})
	}
}

// A topic that is deleted and made again takes records again.
func TestATopicThatIsMadeAgain(t *testing.T) {
	w := producertest.New(t, nil)
	require.NoError(t, w.Cluster.CreateTopic("again", 2, nil))
	w.Know("again")
	for range 3 {
		for i := range 20 {
			_, err := producertest.WriteTo(w.Writer, "again", fmt.Sprint("old ", i), nil)
			require.Nil(t, err)
		}
		require.NoError(t, w.Cluster.DeleteTopic("again"))
		require.NoError(t, w.Cluster.CreateTopic("again", 3, nil))
		var o told
		n := 0
		w.Await(func() bool {
			n++
			value := fmt.Sprint("new ", n)
			_, err := producertest.WriteTo(w.Writer, "again", value, nil)
			o.add(value, err)
			return err == nil
		})
		o.check(t, w.Values("again"))
	}
}
