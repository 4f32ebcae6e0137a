package example

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"sluice"
	"sluice/consumer"
	"sluice/record"
)

// replica runs service B until ctx ends.
func (p *process) replica(ctx context.Context) (bool, error) {
	cfg := p.config()
	cfg.Consumer.Listen = splitList(p.listen)
	started := make(chan string, 1)
	program := p.program(cfg, sluice.Options{
		Consumer: true,
		Started:  func(a sluice.Addresses) { started <- "http://" + a.Consumer[0] },
	}, p.system.Handlers)
	// It ends with the program, however that does.
	ready, cancel := context.WithCancel(ctx)
	told := make(chan struct{})
	go func() {
		defer close(told)
		select {
		case base := <-started:
			if untilReady(ready, base) == nil {
				// It was for who reads it, if anybody does.
				_, _ = io.WriteString(p.out, "ready: "+base+"/dashboard\n")
			}
		case <-ready.Done():
		}
	}()
	err := program.Run(ctx)
	cancel()
	<-told
	return err == nil, err
}

// idle is the handler of a process that leaves the work to others: with none at
// all, service B would write the records of a topic to its standard output.
func idle(prefix string) sluice.Handler {
	return sluice.Handler{
		Config:  consumer.Config{Name: "idle", Topics: []string{CheckTopic(prefix)}, Group: prefix + "idle", OnFailure: consumer.Stop},
		Handler: consumer.HandlerFunc(func(context.Context, *record.Record) error { return nil }),
	}
}

// untilReady waits until a service says that it can do its work.
func untilReady(ctx context.Context, base string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	return every(ctx, 100*time.Millisecond, func() (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
		if err != nil {
			return false, err
		}
		answer, err := client.Do(request)
		if err != nil {
			return false, nil //nolint:nilerr // It is asked again.
		}
		_ = answer.Body.Close() // The status says it.
		return answer.StatusCode == http.StatusOK, nil
	})
}

// every asks again and again, until the answer is yes, an error or the end of ctx.
func every(ctx context.Context, pause time.Duration, ask func() (bool, error)) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		if yes, err := ask(); yes || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

var errProgramEnded = errors.New("the services have ended by themselves")
