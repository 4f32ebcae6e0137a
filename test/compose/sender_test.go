//go:build compose

package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// outcome is what the answer to a message said of it.
type outcome int

const (
	written outcome = iota // 200: it must arrive, once at least
	refused                // "written":"no": it must not arrive
	unknown                // "written":"unknown", or no answer of service A's: it may arrive
)

// sender sends numbered messages at a steady rate and keeps what the answers said.
type sender struct {
	prefix  string
	client  *http.Client
	written atomic.Int64 // messages acknowledged so far

	mu       sync.Mutex
	outcomes map[string]outcome
	answers  map[string]int // how many answers of which kind
	slowest  time.Duration
}

// withKey sends an API key with every request.
type withKey struct {
	key string
	by  http.RoundTripper
}

func (w withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+w.key)
	return w.by.RoundTrip(r)
}

func newSender(prefix, key string) *sender {
	return &sender{
		prefix: prefix,
		// Above the longest time that an answer may take: A's deadline and the proxy's retries.
		client:   &http.Client{Timeout: 30 * time.Second, Transport: withKey{key, &http.Transport{MaxIdleConnsPerHost: 200}}},
		outcomes: map[string]outcome{},
		answers:  map[string]int{},
	}
}

// run sends until ctx ends and waits for the last answers. An answer that is slow does not hold up the
// next message, up to haInFlight of them.
func (s *sender) run(ctx context.Context) {
	var requests sync.WaitGroup
	defer requests.Wait()
	room := make(chan struct{}, haInFlight)
	ticker := time.NewTicker(haInterval)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		select {
		case <-ctx.Done():
			return
		case room <- struct{}{}:
		}
		requests.Go(func() {
			// Not ctx: what was begun when the sending stops gets its answer.
			s.send(context.WithoutCancel(ctx), map[string]any{"content": fmt.Sprintf("%s-%d", s.prefix, n)})
			<-room
		})
	}
}

// closing writes a last message to every partition. Service B works through a partition in order, so once
// it has these, whatever else is in the topic has been delivered too.
func (s *sender) closing(ctx context.Context, partitions int) {
	for p := range partitions {
		s.send(ctx, map[string]any{"content": fmt.Sprintf("%s-closing%d", s.prefix, p), "partition": p})
	}
}

func (s *sender) send(ctx context.Context, message map[string]any) {
	begin := time.Now()
	status, body := produce(ctx, s.client, portA, message)
	took := time.Since(begin)

	var problem struct {
		Written string `json:"written"`
	}
	result, kind := unknown, fmt.Sprintf("%d", status)
	switch {
	case status == 0:
		kind = "transport error"
	case status == http.StatusOK:
		result = written
		s.written.Add(1)
	case json.Unmarshal([]byte(body), &problem) == nil && problem.Written != "":
		kind += " written:" + problem.Written
		if problem.Written == "no" {
			result = refused
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes[fmt.Sprint(message["content"])] = result
	s.answers[kind]++
	s.slowest = max(s.slowest, took)
}

// verdict compares what was answered with what was delivered.
type verdict struct {
	sent, written, refused, unknown int
	delivered, repeated             int // messages delivered at all, and deliveries beyond the first
	lost, refusedButDelivered       int // what must not be
	unknownDelivered                int
	answers                         string
	slowest                         time.Duration
}

// judge takes how often each message was delivered.
func (s *sender) judge(received map[string]int) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := verdict{sent: len(s.outcomes), slowest: s.slowest}
	for message, result := range s.outcomes {
		times := received[message]
		if times > 0 {
			v.delivered++
			v.repeated += times - 1
		}
		switch result {
		case written:
			v.written++
			if times == 0 {
				v.lost++
			}
		case refused:
			v.refused++
			if times > 0 {
				v.refusedButDelivered++
			}
		case unknown:
			v.unknown++
			if times > 0 {
				v.unknownDelivered++
			}
		}
	}
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(s.answers)) {
		kinds = append(kinds, fmt.Sprintf("%d × %s", s.answers[kind], kind))
	}
	v.answers = strings.Join(kinds, ", ")
	return v
}

func (v verdict) String() string {
	return fmt.Sprintf(`messages sent        %d
answered 200         %d
answered "no"        %d, of which delivered %d
outcome unknown      %d, of which delivered %d
delivered            %d, repeated %d
lost                 %d
answers              %s; the slowest took %.1f s`,
		v.sent, v.written, v.refused, v.refusedButDelivered, v.unknown, v.unknownDelivered,
		v.delivered, v.repeated, v.lost, v.answers, v.slowest.Seconds())
}
