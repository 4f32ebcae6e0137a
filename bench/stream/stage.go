package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"sluice/bench/internal/process"
	"sluice/bench/internal/report"
	"sluice/bench/stream/reader"
	"sluice/bench/stream/server"
)

// stage is a server with its clients, on a topic of its own.
type stage struct {
	b       *bench
	topic   string
	server  *process.Process
	where   server.Listening
	readers *process.Process
	clients int
	wanted  int64 // records that every client should have by now
}

// open starts a server.
func (b *bench) open(ctx context.Context, g group, c contestant) (*stage, error) {
	topic, err := b.cluster.CreateTopic(ctx, g.name)
	if err != nil {
		return nil, err
	}
	spec := server.Spec{Plain: c.plain, Brokers: b.cluster.Brokers, Topic: topic, Profile: b.profile != ""}
	if !c.plain {
		if spec.Idle, err = b.cluster.CreateTopic(ctx, "nothing"); err != nil {
			return nil, err
		}
		spec.Group = b.cluster.NewGroup()
	}
	s := &stage{b: b, topic: topic}
	if s.server, err = process.LaunchRole(b.dir, c.name, b.self, roleServer, spec); err != nil {
		return nil, err
	}
	release := context.AfterFunc(ctx, func() { s.server.Signal(syscall.SIGKILL) }) // Whoever waits for it sees its end.
	err = s.server.Read(&s.where)
	release()
	if err != nil {
		s.server.Stop()
		return nil, err
	}
	return s, nil
}

// connect starts clients, and returns when the server has said something to
// each of them.
func (s *stage) connect(ctx context.Context, clients int) (*process.Process, error) {
	p, err := process.LaunchRole(s.b.dir, "readers", s.b.self, roleReaders, reader.Spec{
		Address: s.where.Address, Path: s.where.Path, Clients: clients,
	})
	if err != nil {
		return nil, err
	}
	if e, err := hear(ctx, p); err != nil || !e.Ready {
		p.Stop()
		return nil, errors.Join(err, s.server.Explain(errors.New("the clients did not connect")))
	}
	return p, nil
}

// hear waits for what readers say, or for the end of ctx.
func hear(ctx context.Context, p *process.Process) (reader.Event, error) {
	release := context.AfterFunc(ctx, func() { p.Signal(syscall.SIGKILL) }) // Its silence is what read sees.
	defer release()
	var e reader.Event
	err := p.Read(&e)
	if ctx.Err() != nil {
		return e, context.Cause(ctx)
	}
	return e, err
}

// play connects the clients of the stage.
func (s *stage) play(ctx context.Context, clients int) (err error) {
	s.clients = clients
	s.readers, err = s.connect(ctx, clients)
	return err
}

// await waits until every client has n records more.
func (s *stage) await(ctx context.Context, n int64) (reader.Event, error) {
	s.wanted += n
	if err := s.readers.Write(reader.Command{Messages: s.wanted}); err != nil {
		return reader.Event{}, err
	}
	e, err := hear(ctx, s.readers)
	if err != nil {
		return e, errors.Join(err, s.server.Explain(errors.New("the server of these clients")))
	}
	return e, nil
}

// close ends the processes. The server has nothing left to do, and how it says
// goodbye is not measured; but it has a group to leave.
func (s *stage) close() {
	if s.readers != nil {
		s.readers.Kill()
	}
	s.server.End(syscall.SIGTERM, 5*time.Second)
}

// usage is the processor time of a stage at a moment.
type usage struct {
	at              time.Time
	server, readers time.Duration
}

func (s *stage) usage() (u usage, err error) {
	u.at = time.Now()
	if u.server, err = s.server.ProcessorTime(); err != nil {
		return u, err
	}
	u.readers, err = s.readers.ProcessorTime()
	return u, err
}

// sampleOf makes a sample of what the readers have heard since a moment.
func (s *stage) sampleOf(since usage, e reader.Event) (sample, error) {
	until, err := s.usage()
	if err != nil {
		return sample{}, err
	}
	elapsed := time.Unix(0, e.At).Sub(since.at)
	if e.Deliveries < 1 || elapsed <= 0 {
		return sample{}, errors.New("nothing was delivered in the time of the measure")
	}
	millions := float64(e.Deliveries) / 1e6
	r := sample{
		Clients: s.clients, Deliveries: e.Deliveries, Seconds: elapsed.Seconds(),
		Rate: float64(e.Deliveries) / elapsed.Seconds(), Bytes: float64(e.Bytes) / float64(e.Deliveries),
		CPU: (until.server - since.server).Seconds() / millions, Readers: (until.readers - since.readers).Seconds() / millions,
		P50: report.Milliseconds(e.P50), P99: report.Milliseconds(e.P99), P999: report.Milliseconds(e.P999),
	}
	if r.After, _, err = s.server.Memory(); err != nil {
		return sample{}, fmt.Errorf("at the end of the run: %w", err)
	}
	return r, nil
}
