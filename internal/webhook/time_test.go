package webhook_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/webhook"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	tests := []struct {
		text string
		want time.Duration
	}{
		{"", 0},
		{"0", 0},
		{"1", time.Second},
		{" 30 ", 30 * time.Second},
		{"007", 7 * time.Second},
		{"900", 15 * time.Minute},
		{"901", 15 * time.Minute},
		{"99999999999999999999999999", 15 * time.Minute},
		{"-1", 0},
		{"+1", 0},
		{"1.5", 0},
		{"1s", 0},
		{"soon", 0},
		{"1, 2", 0},
		{"Mon, 23 Nov 2026 08:00:30 GMT", 30 * time.Second},
		{"Monday, 23-Nov-26 08:00:30 GMT", 30 * time.Second},
		{"Mon Nov 23 08:00:30 2026", 30 * time.Second},
		{"Mon, 23 Nov 2026 07:59:30 GMT", 0},
		{"Mon, 01 Jan 0001 00:00:00 GMT", 0},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 15 * time.Minute},
		{"2026-11-23T08:00:30Z", 0},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			require.Equal(t, tt.want, webhook.RetryAfter(tt.text, now))
		})
	}
}

// script is an endpoint that answers what it is told.
type script struct {
	mu     sync.Mutex
	status int
	after  string
	hang   chan struct{} // closed: answer
	count  atomic.Int64
}

func (s *script) say(status int, after string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.after = status, after
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.count.Add(1)
	_, _ = io.Copy(io.Discard, r.Body) // Only then does the context end with the connection.
	s.mu.Lock()
	status, after, hang := s.status, s.after, s.hang
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}
	if after != "" {
		w.Header().Set("Retry-After", after)
	}
	w.WriteHeader(status)
}

// inTime runs a test in fake time.
func inTime(t *testing.T, f func(t *testing.T, w *world, s *script)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &script{status: http.StatusNoContent}
		f(t, newWorld(t, webhook.Config{}, s.ServeHTTP), s)
	})
}

func TestAnEndpointAsksForAPause(t *testing.T) {
	for _, tt := range []struct {
		status int
		after  string
		want   time.Duration
	}{
		{429, "", webhook.FirstPause},
		{502, "", webhook.FirstPause},
		{504, "garbage", webhook.FirstPause},
		{429, "-5", webhook.FirstPause},
		{429, "7", 7 * time.Second},
		{502, "100000", 15 * time.Minute},
		{503, "7", 7 * time.Second},
		{400, "7", 7 * time.Second},
		{302, "7", 7 * time.Second},
		{429, time.Date(2000, 1, 1, 0, 0, 9, 0, time.UTC).Format(http.TimeFormat), 9 * time.Second}, // The bubble's time begins there.
	} {
		t.Run(strconv.Itoa(tt.status)+" "+tt.after, func(t *testing.T) {
			inTime(t, func(t *testing.T, w *world, s *script) {
				s.say(tt.status, tt.after)
				v := w.Deliver(t.Context(), order())
				require.ErrorContains(t, v.Err, "answered "+strconv.Itoa(tt.status))
				if tt.status == http.StatusTooManyRequests {
					require.Equal(t, webhook.Verdict{Err: v.Err, Hold: tt.want}, v, "no attempt: it is not the record's fault")
				} else {
					require.Equal(t, webhook.Verdict{Err: v.Err, After: tt.want}, v, "an attempt, and later again")
				}

				time.Sleep(tt.want / 4)
				v = w.Deliver(t.Context(), order())
				require.ErrorContains(t, v.Err, "the webhook's endpoint billing.example is not asked, because it answered "+strconv.Itoa(tt.status))
				require.Equal(t, tt.want-tt.want/4, v.Hold, "no attempt, and the time that is left")
				require.EqualValues(t, 1, s.count.Load())

				s.say(http.StatusOK, "")
				time.Sleep(v.Hold)
				require.NoError(t, w.Deliver(t.Context(), order()).Err)
				require.NoError(t, w.Deliver(t.Context(), order()).Err)
			})
		})
	}
}

func TestASuccessAsksForNoPause(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		s.say(http.StatusOK, "60")
		require.NoError(t, w.Deliver(t.Context(), order()).Err)
		require.NoError(t, w.Deliver(t.Context(), order()).Err)
	})
}

func TestPausesGrowUntilASuccess(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		s.say(http.StatusTooManyRequests, "")
		var pauses []time.Duration
		for range 8 {
			v := w.Deliver(t.Context(), order())
			pauses = append(pauses, v.Hold/time.Second)
			time.Sleep(v.Hold)
		}
		require.Equal(t, []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}, pauses)
		s.say(http.StatusOK, "")
		require.NoError(t, w.Deliver(t.Context(), order()).Err)
		s.say(http.StatusTooManyRequests, "")
		require.Equal(t, webhook.FirstPause, w.Deliver(t.Context(), order()).Hold)
	})
}

// together delivers n records at the same time. The endpoint has all of them
// before it answers the first.
func together(t *testing.T, w *world, s *script, n int) []webhook.Verdict {
	t.Helper()
	hang := make(chan struct{})
	s.mu.Lock()
	s.hang = hang
	s.mu.Unlock()
	verdicts := make([]webhook.Verdict, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { verdicts[i] = w.Deliver(t.Context(), order()) })
	}
	synctest.Wait()
	s.mu.Lock()
	s.hang = nil
	s.mu.Unlock()
	close(hang)
	wg.Wait()
	return verdicts
}

func TestOneBurstIsOneReasonToPause(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		s.say(http.StatusTooManyRequests, "")
		for _, v := range together(t, w, s, 30) {
			require.Equal(t, webhook.FirstPause, v.Hold)
		}
		require.EqualValues(t, 30, s.count.Load())
		time.Sleep(webhook.FirstPause)
		require.Equal(t, 2*webhook.FirstPause, w.Deliver(t.Context(), order()).Hold)
	})
}

func TestGone(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		s.say(http.StatusGone, "1")
		for _, v := range together(t, w, s, 10) {
			require.ErrorContains(t, v.Err, "answered 410 Gone")
			require.Equal(t, webhook.GoneEvery, v.Hold, "nothing is an attempt")
		}
		require.Equal(t, 1.0, w.metric(t, "sluice_webhook_gone"))
		require.Zero(t, w.metric(t, "sluice_webhook_breaker_open"))
		require.Equal(t, 1, strings.Count(w.log.String(), "level=ERROR"), w.log.String())
		require.Contains(t, w.log.String(), "answers 410 Gone")

		time.Sleep(webhook.GoneEvery - time.Second)
		v := w.Deliver(t.Context(), order())
		require.ErrorContains(t, v.Err, "is not asked, because it answered 410 Gone")
		require.Equal(t, time.Second, v.Hold)
		require.EqualValues(t, 10, s.count.Load())

		time.Sleep(time.Second)
		held := 0
		for _, v := range together(t, w, s, 10) {
			if v.Hold < webhook.GoneEvery {
				held++
			}
		}
		require.Equal(t, 9, held)
		require.EqualValues(t, 11, s.count.Load(), "one request asks whether it is back")
		require.Equal(t, 1, strings.Count(w.log.String(), "level=ERROR"))

		// A connection that fails tells nothing about 410.
		time.Sleep(webhook.GoneEvery)
		w.CloseIdle()
		w.pipes.cut(syscall.ECONNREFUSED)
		require.Error(t, w.Deliver(t.Context(), order()).Err)
		require.Equal(t, 1.0, w.metric(t, "sluice_webhook_gone"))
		w.pipes.cut(nil)

		s.say(http.StatusOK, "")
		require.NoError(t, w.Deliver(t.Context(), order()).Err)
		require.Zero(t, w.metric(t, "sluice_webhook_gone"))
		require.Contains(t, w.log.String(), "is not gone any more")
		for _, v := range together(t, w, s, 10) {
			require.NoError(t, v.Err)
		}
		s.say(http.StatusGone, "")
		require.Equal(t, webhook.GoneEvery, w.Deliver(t.Context(), order()).Hold)
		require.Equal(t, 2, strings.Count(w.log.String(), "level=ERROR"))
	})
}

// TestALateAnswerDoesNotEndAPause: it belongs to a request from before.
func TestALateAnswerDoesNotEndAPause(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		hang := make(chan struct{})
		s.hang = hang
		var wg sync.WaitGroup
		wg.Go(func() { require.NoError(t, w.Deliver(t.Context(), order()).Err) })
		synctest.Wait()
		s.mu.Lock()
		s.hang = nil
		s.mu.Unlock()
		s.say(http.StatusGone, "")
		require.Equal(t, webhook.GoneEvery, w.Deliver(t.Context(), order()).Hold)
		close(hang)
		wg.Wait()
		require.Equal(t, webhook.GoneEvery, w.Deliver(t.Context(), order()).Hold)
		require.Equal(t, 1.0, w.metric(t, "sluice_webhook_gone"))
	})
}

// TestALate410ProlongsNothing either.
func TestALate410ProlongsNothing(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		s.say(http.StatusGone, "")
		hang := make(chan struct{})
		s.hang = hang
		var late webhook.Verdict
		var wg sync.WaitGroup
		wg.Go(func() { late = w.Deliver(t.Context(), order()) })
		synctest.Wait()
		s.mu.Lock()
		s.hang = nil
		s.mu.Unlock()
		require.Equal(t, webhook.GoneEvery, w.Deliver(t.Context(), order()).Hold)
		time.Sleep(10 * time.Second)
		close(hang)
		wg.Wait()
		require.Equal(t, webhook.GoneEvery-10*time.Second, late.Hold)
		require.Equal(t, webhook.GoneEvery-10*time.Second, w.Deliver(t.Context(), order()).Hold)
	})
}

// open makes the circuit breaker open.
func open(t *testing.T, w *world, s *script) {
	t.Helper()
	s.say(http.StatusInternalServerError, "")
	for range 5 {
		require.Zero(t, w.metric(t, "sluice_webhook_breaker_open"))
		v := w.Deliver(t.Context(), order())
		require.ErrorContains(t, v.Err, "answered 500")
		require.Zero(t, v.Hold, "an attempt")
	}
	require.Equal(t, 1.0, w.metric(t, "sluice_webhook_breaker_open"))
	v := w.Deliver(t.Context(), order())
	require.ErrorContains(t, v.Err, "billing.example is not asked, because its circuit breaker is open: it answered 500 Internal Server Error")
	require.InDelta(t, webhook.BreakerDelay, v.Hold, float64(webhook.BreakerDelay)/10)
	require.EqualValues(t, 5, s.count.Load())
	require.Contains(t, w.log.String(), "circuit breaker of the webhook's endpoint is open")
	time.Sleep(v.Hold)
}

// A busy endpoint that goes down is noticed as soon as an idle one.
func TestTheBreakerOpensAfterManySuccesses(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		s.say(http.StatusOK, "")
		for range 500 {
			require.NoError(t, w.Deliver(t.Context(), order()).Err)
		}
		s.count.Store(0)
		open(t, w, s)
	})
}

func TestTheBreakerLetsOneThroughAndCloses(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		open(t, w, s)
		s.say(http.StatusOK, "")
		held := 0
		for _, v := range together(t, w, s, 10) {
			if v.Hold > 0 {
				held++
				continue
			}
			require.NoError(t, v.Err)
		}
		require.Equal(t, 9, held)
		require.EqualValues(t, 6, s.count.Load())
		require.Zero(t, w.metric(t, "sluice_webhook_breaker_open"))
		require.Contains(t, w.log.String(), "works again")
		for _, v := range together(t, w, s, 10) {
			require.NoError(t, v.Err)
		}
	})
}

func TestAProbeThatIsAnsweredIsAnAttempt(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		open(t, w, s)
		v := w.Deliver(t.Context(), order())
		require.ErrorContains(t, v.Err, "answered 500")
		require.Zero(t, v.Hold, "it may be for the record, which must not be tried for ever")
		require.Positive(t, w.Deliver(t.Context(), order()).Hold)
		require.EqualValues(t, 6, s.count.Load())
		require.Equal(t, 1, strings.Count(w.log.String(), "level=WARN"), "one line for an outage")
	})
}

func TestAProbeThatReachesNobodyIsNone(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		open(t, w, s)
		w.CloseIdle()
		w.pipes.cut(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED})
		for range 100 {
			v := w.Deliver(t.Context(), order())
			require.ErrorContains(t, v.Err, "connection refused")
			require.InDelta(t, webhook.BreakerDelay, v.Hold, float64(webhook.BreakerDelay)/10)
			time.Sleep(v.Hold)
		}
		require.EqualValues(t, 5, s.count.Load())
		w.pipes.cut(nil)
		s.say(http.StatusOK, "")
		require.NoError(t, w.Deliver(t.Context(), order()).Err)
		require.Zero(t, w.metric(t, "sluice_webhook_breaker_open"))
	})
}

func TestAProbeThatWeCutShortIsFollowedByAnother(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		open(t, w, s)
		hang := make(chan struct{})
		s.mu.Lock()
		s.hang = hang
		s.mu.Unlock()
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { require.Zero(t, w.Deliver(ctx, order()).Hold) })
			synctest.Wait()
			cancel()
			wg.Wait()
		}
		require.Equal(t, 3.0, w.requests(t, "canceled"))
		require.Equal(t, 1.0, w.metric(t, "sluice_webhook_breaker_open"))
		close(hang)
		s.say(http.StatusOK, "")
		require.NoError(t, w.Deliver(t.Context(), order()).Err)
		require.Zero(t, w.metric(t, "sluice_webhook_breaker_open"))
	})
}

func TestWhatOpensTheBreaker(t *testing.T) {
	for _, tt := range []struct {
		name  string
		set   func(w *world, s *script)
		opens bool
	}{
		{"500", func(_ *world, s *script) { s.say(500, "") }, true},
		{"503", func(_ *world, s *script) { s.say(503, "") }, true},
		{"connections", func(w *world, _ *script) { w.pipes.cut(syscall.ECONNREFUSED) }, true},
		{"time-outs", func(_ *world, s *script) { s.hang = make(chan struct{}) }, true},
		{"400", func(_ *world, s *script) { s.say(400, "") }, false},
		{"404", func(_ *world, s *script) { s.say(404, "") }, false},
		{"302", func(_ *world, s *script) { s.say(302, "") }, false},
		{"the guard", func(w *world, _ *script) { w.pipes.cut(webhook.ErrDenied) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inTime(t, func(t *testing.T, w *world, s *script) {
				tt.set(w, s)
				// At the same time, because fifteen seconds each would be too
				// slow for a window of thirty.
				var wg sync.WaitGroup
				for range 20 {
					wg.Go(func() { require.Error(t, w.Deliver(t.Context(), order()).Err) })
				}
				wg.Wait()
				require.Equal(t, tt.opens, w.metric(t, "sluice_webhook_breaker_open") == 1)
				require.Equal(t, tt.opens, w.Deliver(t.Context(), order()).Hold > 0)
			})
		})
	}
}

func TestOnePoisonousRecordAmongOthersDoesNotOpenTheBreaker(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		for range 30 {
			s.say(500, "")
			require.Zero(t, w.Deliver(t.Context(), order()).Hold)
			s.say(200, "")
			for range 2 {
				require.NoError(t, w.Deliver(t.Context(), order()).Err)
			}
			time.Sleep(time.Second)
		}
	})
}

// TestABodyThatDripsHoldsNothingUp: a second, and not the timeout.
func TestABodyThatDripsHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{}, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_ = http.NewResponseController(w).Flush() // The client may be gone.
			<-r.Context().Done()
		})
		began := time.Now()
		require.NoError(t, w.Deliver(t.Context(), order()).Err)
		require.Equal(t, webhook.AnswerWait, time.Since(began))
	})
}

func TestTheTimeoutIsFifteenSeconds(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, s *script) {
		s.hang = make(chan struct{})
		began := time.Now()
		require.ErrorContains(t, w.Deliver(t.Context(), order()).Err, "has not answered in time")
		require.Equal(t, 15*time.Second, time.Since(began))
	})
}
