package sluice

import (
	"context"
	"os"

	"sluice/consumer"
	"sluice/internal/dashboard"
	"sluice/internal/httpserver"
	"sluice/internal/producer/dialect"
	"sluice/internal/stream"
	"sluice/internal/telemetry"
	"sluice/record"
)

// newDashboard makes service B's page of what the parts of this program do.
func (p *Program) newDashboard(b *consumerService, members map[*consumer.Group][]string) *dashboard.Dashboard {
	replica, err := os.Hostname()
	if err != nil {
		replica = "unknown"
	}
	deps := dashboard.Deps{
		Replica: replica, Version: telemetry.Version(),
		Ready: p.healthOf(consumerSetting).Reasons,
		Handlers: func() []dashboard.Handler {
			var all []dashboard.Handler
			for _, g := range b.groups {
				all = append(all, dashboard.Handler{Topics: members[g], Status: g.Status()})
			}
			return all
		},
		Streams:  func() dashboard.StreamTotals { return streamTotals(b.streams.Stats()) },
		Watchers: func() []dashboard.Watcher { return watchers(b.streams.Watchers()) },
	}
	if p.producer != nil {
		deps.Produce = func(ctx context.Context, r record.Record) (dashboard.Written, *httpserver.Problem) {
			place, problem := dialect.One(ctx, p.producer.writer, r)
			return dashboard.Written(place), problem
		}
	}
	return dashboard.New(deps)
}

func streamTotals(s stream.Stats) dashboard.StreamTotals {
	t := dashboard.StreamTotals{Clients: s.Clients, Delivered: s.Records, Bytes: s.Bytes, Gaps: s.Gaps, Topics: []dashboard.WatchedTopic{}}
	for _, topic := range s.Topics {
		t.Topics = append(t.Topics, dashboard.WatchedTopic{
			Topic: topic.Topic, Clients: topic.Watchers, Bytes: int64(topic.Bytes), Stalled: topic.Stalled,
		})
	}
	return t
}

func watchers(all []stream.Watcher) []dashboard.Watcher {
	list := make([]dashboard.Watcher, len(all))
	for i, w := range all {
		transport := "sse"
		if w.Format == stream.JSON {
			transport = "ws"
		}
		list[i] = dashboard.Watcher{
			Principal: w.Principal, Remote: w.Remote, Transport: transport, Topics: w.Topics, Filter: w.Filter,
			Since: w.Since, Delivered: w.Delivered, Behind: w.Behind,
		}
	}
	return list
}
