package broker

import (
	"log/slog"
	"regexp"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// control steps in where kfake would lose something or answer wrongly: it sees
// such requests before kfake does.
func (b *Broker) control(log *slog.Logger) {
	b.intercept(kmsg.Metadata, func(req kmsg.Request) kmsg.Response {
		b.createOnDemand(req.(*kmsg.MetadataRequest), log)
		return nil
	})
	b.intercept(kmsg.ListGroups, func(req kmsg.Request) kmsg.Response {
		// Java's tools write "Classic", and kfake knows "classic" only.
		types := req.(*kmsg.ListGroupsRequest).TypesFilter
		for i := range types {
			types[i] = strings.ToLower(types[i])
		}
		return nil
	})
	if b.folder != nil {
		b.intercept(kmsg.DeleteRecords, func(req kmsg.Request) kmsg.Response {
			return b.noteLogStarts(req.(*kmsg.DeleteRecordsRequest), log)
		})
	}
}

// intercept calls fn for each request with the key, one at a time and while
// kfake does nothing else. A response of fn is the answer; without one, kfake
// goes on.
func (b *Broker) intercept(key kmsg.Key, fn func(kmsg.Request) kmsg.Response) {
	const generation = 1000
	calls := 0
	var control func(kmsg.Request) (kmsg.Response, error, bool)
	control = func(req kmsg.Request) (kmsg.Response, error, bool) { //nolint:unparam // kfake's signature
		b.cluster.KeepControl()
		// kfake remembers every connection that a control function has seen,
		// closed ones too, until the function is dropped.
		if calls++; calls%generation == 0 {
			b.cluster.ControlKey(key.Int16(), control)
			b.cluster.DropControl()
		}
		resp := fn(req)
		return resp, nil, resp != nil
	}
	b.cluster.ControlKey(key.Int16(), control)
}

// topicName is what Kafka allows, without "." and "..".
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// createOnDemand creates the topics that a client asks about and allows to be
// created. kfake could do that, but forgets such a topic, with all its
// records, when the process is killed.
func (b *Broker) createOnDemand(req *kmsg.MetadataRequest, log *slog.Logger) {
	if req.Version >= 4 && !req.AllowAutoTopicCreation {
		return // before version 4 there was no asking
	}
	for _, t := range req.Topics {
		if t.Topic == nil || t.TopicID != [16]byte{} {
			continue
		}
		name := *t.Topic
		if name == "." || name == ".." || !topicName.MatchString(name) || b.cluster.TopicInfo(name) != nil {
			continue
		}
		if err := b.cluster.CreateTopic(name, 0, nil); err != nil {
			log.Warn("topic not created on demand", slog.String("topic", name), slog.String("error", err.Error()))
			continue
		}
		log.Info("topic created on demand", slog.String("topic", name))
	}
}

// noteLogStarts writes down, before records are deleted, where the log will
// start. Only a deletion of everything depends on it (see folder); any other
// goes on without, because a full disk must not keep records from being
// deleted.
func (b *Broker) noteLogStarts(req *kmsg.DeleteRecordsRequest, log *slog.Logger) kmsg.Response {
	var refused bool
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			info := b.cluster.PartitionInfo(t.Topic, p.Partition)
			if info == nil {
				continue
			}
			start := p.Offset
			if start == -1 {
				start = info.HighWatermark
			}
			if start <= info.LogStartOffset || start > info.HighWatermark {
				continue
			}
			if err := b.folder.noteLogStart(t.Topic, p.Partition, start); err != nil {
				log.Warn("log start not written down", slog.String("topic", t.Topic), slog.Int("partition", int(p.Partition)), slog.String("error", err.Error()))
				refused = refused || start == info.HighWatermark
			}
		}
	}
	if !refused {
		return nil
	}
	resp := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewDeleteRecordsResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewDeleteRecordsResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, kerr.KafkaStorageError.Code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}
