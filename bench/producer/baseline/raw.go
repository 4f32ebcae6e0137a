package baseline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"sluice/bench/producer/load"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Produced is what Raw tells at its end: how many records were acknowledged,
// those of the warm-up included, and how long the others took.
type Produced struct {
	Acked   int64         `json:"acked"`
	Elapsed time.Duration `json:"elapsed"`
	CPU     time.Duration `json:"cpu"`
}

// Raw writes records as fast as franz-go takes them from one goroutine: up to
// 10,000 under way, a record and a closure allocated for each, every one
// acknowledged by acks=all. value is a record, id the place of its id.
func Raw(ctx context.Context, broker, topic string, value []byte, id int, warm, records int64) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(broker),
		kgo.DefaultProduceTopic(topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MaxBufferedRecords(10_000), // Produce blocks above it.
	)
	if err != nil {
		return err
	}
	defer client.Close()
	var acked atomic.Int64
	var failed atomic.Pointer[error]
	produce := func(from, to int64) error {
		for seq := from; seq < to; seq++ {
			r := &kgo.Record{Value: bytes.Clone(value)}
			load.PutID(r.Value[id:], 0, seq)
			client.Produce(ctx, r, func(_ *kgo.Record, err error) {
				if err != nil {
					err = fmt.Errorf("record %d: %w", seq, err)
					failed.CompareAndSwap(nil, &err)
					return
				}
				acked.Add(1)
			})
		}
		if err := client.Flush(ctx); err != nil {
			return err
		}
		if err := failed.Load(); err != nil {
			return *err
		}
		return nil
	}
	if err := produce(0, warm); err != nil {
		return fmt.Errorf("warm-up: %w", err)
	}
	before, err := processorTime()
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := produce(warm, warm+records); err != nil {
		return err
	}
	elapsed := time.Since(begin)
	after, err := processorTime()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(Produced{Acked: acked.Load(), Elapsed: elapsed, CPU: after - before})
}

func processorTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
