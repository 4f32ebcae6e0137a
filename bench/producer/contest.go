package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sluice/bench/internal/cluster"
	"sluice/bench/internal/process"
	"sluice/bench/producer/baseline"
	"sluice/bench/producer/load"
)

// The groups: what is in one takes turns within a round.
const (
	groupClosed  = "closed"
	groupOpen500 = "open-500"
	groupOpen2k  = "open-2000"
	groupBatch   = "batch"
	groupMemory  = "memory"
	groupStart   = "start"
)

var groupNames = []string{groupClosed, groupOpen500, groupOpen2k, groupBatch, groupMemory, groupStart}

// The programs of which the resident memory is measured.
const (
	sluiceOpen  = "sluice"
	sluiceKeyed = "sluice with keys"
)

// The contestants.
const (
	bare           = "bare net/http"
	sixtySync      = "sixty-sync"
	sixtyLinger    = "sixty-linger"
	sluice         = "sluice, POST /produce"
	sluiceRaw      = "sluice, POST /topics/{t}"
	sluiceKeys     = "sluice with keys, POST /produce"
	sluiceKeysRaw  = "sluice with keys, POST /topics/{t}"
	rawClient      = "raw franz-go"
	sluiceLines    = "sluice, NDJSON"
	sluiceV2       = "sluice, REST v2 JSON"
	sluiceV2Binary = "sluice, REST v2 binary"
)

// contestant runs one kind of load on one program.
type contestant struct {
	name string
	// topic is the gateway's own; empty for one of the run's own.
	topic string
	// silent ones write nothing to Kafka.
	silent bool
	// probe is a request that has to be answered before the run, in which the
	// program gets to know the topic; nil for none.
	probe func(topic string) load.Target
	run   func(ctx context.Context, topic string) (load.Result, error)
	form  form
}

// group are contestants that are compared with each other.
type group struct {
	name        string
	contestants []contestant
}

const (
	closedSenders   = 64
	batchSenders    = 16
	openConnections = 256 // half a second of requests at the highest rate; they wait only in a longer stall
	mediaJSON       = "application/json"
	mediaLines      = "application/x-ndjson"
	mediaV2         = "application/vnd.kafka.json.v2+json"
	mediaV2Binary   = "application/vnd.kafka.binary.v2+json"
)

// contest lists what is measured of the gateways.
func contest(o options, c *cluster.Cluster, g *gateways, dir, self string) []group {
	closed := group{name: groupClosed, contestants: []contestant{
		produceClosed(o, bare, g.bare),
		produceClosed(o, sixtySync, g.sixtySync),
		produceClosed(o, sixtyLinger, g.sixtyLinger),
		produceClosed(o, sluice, g.open),
		rawClosed(o, sluiceRaw, g.open),
	}}
	if g.keys != nil {
		closed.contestants = append(closed.contestants, produceClosed(o, sluiceKeys, g.keys), rawClosed(o, sluiceKeysRaw, g.keys))
	}
	open := func(name string, rate int) group {
		return group{name: name, contestants: []contestant{
			produceOpen(o, sixtySync, g.sixtySync, rate),
			produceOpen(o, sixtyLinger, g.sixtyLinger, rate),
			produceOpen(o, sluice, g.open, rate),
		}}
	}
	batches := group{name: groupBatch, contestants: []contestant{
		rawProducer(o, c, dir, self),
		lines(o, g.open),
		dialect(o, sluiceV2, g.open, mediaV2, false),
		dialect(o, sluiceV2Binary, g.open, mediaV2Binary, true),
	}}
	return []group{closed, open(groupOpen500, 500), open(groupOpen2k, 2000), batches}
}

// produceTarget is load on POST /produce.
func produceTarget(g *gateway) load.Target {
	return g.target(load.Head{Path: "/produce", ContentType: mediaJSON}, content())
}

// warm is how long the load lasts before it is measured.
func warm(o options) time.Duration { return min(o.Window/3, time.Second) }

func produceClosed(o options, name string, g *gateway) contestant {
	return contestant{
		name: name, topic: g.topic, silent: g.topic == "", form: textRecord,
		run: func(ctx context.Context, _ string) (load.Result, error) {
			return load.Closed{Target: produceTarget(g), Senders: closedSenders, Warm: warm(o), Window: o.Window}.Run(ctx)
		},
	}
}

func produceOpen(o options, name string, g *gateway, rate int) contestant {
	return contestant{
		name: name, topic: g.topic, form: textRecord,
		run: func(ctx context.Context, _ string) (load.Result, error) {
			return load.Open{
				Target: produceTarget(g), Rate: rate, Connections: openConnections, Warm: warm(o), Window: 2 * o.Window,
			}.Run(ctx)
		},
	}
}

func rawClosed(o options, name string, g *gateway) contestant {
	target := func(topic string) load.Target {
		return g.target(load.Head{Path: "/topics/" + topic, ContentType: "text/plain"}, plainBody())
	}
	return contestant{
		name: name, probe: target, form: textRecord,
		run: func(ctx context.Context, topic string) (load.Result, error) {
			return load.Closed{Target: target(topic), Senders: closedSenders, Warm: warm(o), Window: o.Window}.Run(ctx)
		},
	}
}

// dialect is closed load with batches of the REST dialect.
func dialect(o options, name string, g *gateway, media string, binary bool) contestant {
	target := func(topic string) load.Target {
		t := g.target(load.Head{Path: "/topics/" + topic, ContentType: media}, batch(binary))
		t.Check = checkBatch
		return t
	}
	f := jsonRecord
	if binary {
		f = textRecord
	}
	return contestant{
		name: name, probe: target, form: f,
		run: func(ctx context.Context, topic string) (load.Result, error) {
			return load.Closed{
				Target: target(topic), Senders: batchSenders, Warm: warm(o),
				Window: time.Minute, Requests: batchRecords(o) / perBatch,
			}.Run(ctx)
		},
	}
}

// batchRecords is how many records a run with batches has: so many that it is
// measured well, and few enough for the disk of a laptop.
func batchRecords(o options) int64 { return int64(200_000 * o.Window.Seconds()) }

// lines is one NDJSON upload.
func lines(o options, g *gateway) contestant {
	head := func(topic string) load.Head {
		return g.head(load.Head{Path: "/topics/" + topic, ContentType: mediaLines})
	}
	return contestant{
		name: sluiceLines, form: jsonRecord,
		probe: func(topic string) load.Target {
			return g.target(head(topic), load.Body{Bytes: append(slices.Clone(jsonRecord.value), '\n'), IDs: []int{jsonRecord.id}})
		},
		run: func(ctx context.Context, topic string) (load.Result, error) {
			return load.Stream{
				Target: load.Target{Address: g.address, Meter: g.ProcessorTime}, Head: head(topic),
				Line: jsonRecord.value, ID: jsonRecord.id,
				Warm: batchRecords(o) / 10, Lines: batchRecords(o), Check: checkSummary,
			}.Run(ctx)
		},
	}
}

// rawProducer is franz-go alone, as a process that measures itself.
func rawProducer(o options, c *cluster.Cluster, dir, self string) contestant {
	return contestant{
		name: rawClient, form: jsonRecord,
		run: func(ctx context.Context, topic string) (load.Result, error) {
			p, err := process.Launch(dir, rawClient, self, roleRaw, "-broker", strings.Join(c.Brokers, ","), "-topic", topic,
				"-warm", strconv.FormatInt(batchRecords(o)/10, 10), "-records", strconv.FormatInt(batchRecords(o), 10))
			if err != nil {
				return load.Result{}, err
			}
			defer p.Kill()
			defer context.AfterFunc(ctx, func() { p.Signal(syscall.SIGKILL) })()
			var did baseline.Produced
			if err := p.Read(&did); err != nil {
				return load.Result{}, err
			}
			if err := p.Wait(); err != nil {
				return load.Result{}, err
			}
			return load.Result{
				Requests: batchRecords(o), Records: batchRecords(o), Elapsed: did.Elapsed, CPU: did.CPU,
				Acked: map[int]int64{0: did.Acked},
			}, nil
		},
	}
}
