package member

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// heard counts what a first has said.
func heard() (*first, *int) {
	n := 0
	return newFirst(func() { n++ }), &n
}

func isDone(t task) bool {
	select {
	case <-t.done():
		return true
	default:
		return false
	}
}

func TestATallyMeasuresWhatComesAfterTheWarmUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, firsts := heard()
		tally, err := newTally(Spec{Ends: map[int32]int64{0: 3, 1: 5, 2: 0}, Warm: 2}, f)
		require.NoError(t, err)
		for _, r := range [][2]int64{{1, 0}, {0, 0}, {1, 1}, {1, 2}, {0, 1}, {0, 2}, {1, 3}, {1, 4}} {
			require.False(t, isDone(tally))
			_, err := tally.result()
			require.ErrorContains(t, err, "before all records")
			require.NoError(t, tally.take(t.Context(), int32(r[0]), r[1], nil))
			time.Sleep(time.Second)
		}
		require.True(t, isDone(tally))
		r, err := tally.result()
		require.NoError(t, err)
		require.EqualValues(t, 8-3, r.Records, "the third of partition 1 is the first that is measured")
		require.Equal(t, 4*time.Second, r.Elapsed, "from its begin to the end of the last")
		require.Equal(t, 1, *firsts)
	})
}

func TestATallyOfWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := heard()
		tally, err := newTally(Spec{Ends: map[int32]int64{0: 6}, Work: 5 * time.Millisecond}, f)
		require.NoError(t, err)
		var lanes sync.WaitGroup
		for lane := range int64(2) {
			lanes.Go(func() {
				for i := range int64(3) {
					_ = tally.take(context.Background(), 0, 3*lane+i, nil)
				}
			})
		}
		lanes.Wait()
		r, err := tally.result()
		require.NoError(t, err)
		require.EqualValues(t, 6, r.Records)
		require.Equal(t, 15*time.Millisecond, r.Elapsed)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, tally.take(ctx, 0, 0, nil), context.Canceled, "work that is cut off has not handled its record")
	})
}

func TestATallyFindsRecordsThatCameTwice(t *testing.T) {
	for name, offsets := range map[string][]int64{
		"instead of another": {0, 1, 1},
		"after all":          {0, 1, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := heard()
			tally, err := newTally(Spec{Ends: map[int32]int64{0: 3}}, f)
			require.NoError(t, err)
			for _, o := range offsets {
				require.NoError(t, tally.take(t.Context(), 0, o, nil))
			}
			_, err = tally.result()
			require.ErrorContains(t, err, "not each of them once")
		})
	}
}

func stamped(number int64, at time.Time) []byte {
	value := make([]byte, stampSize)
	Stamp(value, number, at)
	return value
}

func TestLatencies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, firsts := heard()
		l, err := newLatencies(2, 2, f)
		require.NoError(t, err)
		take := func(value []byte) { require.NoError(t, l.take(t.Context(), 0, 0, value)) }
		warm := make([]byte, 100)
		Unstamped(warm)
		take(warm)
		take(warm)
		require.Zero(t, *firsts)
		require.NoError(t, l.take(t.Context(), 1, 0, warm))
		require.Equal(t, 1, *firsts, "every partition is read")
		begin := time.Now()
		time.Sleep(2 * time.Second)
		take(stamped(1, begin))
		require.False(t, isDone(l))
		_, err = l.result()
		require.ErrorContains(t, err, "before 1 of the stamped records")
		time.Sleep(time.Second)
		take(stamped(0, begin))
		require.True(t, isDone(l))
		r, err := l.result()
		require.NoError(t, err)
		require.Equal(t, []time.Duration{3 * time.Second, 2 * time.Second}, r.Latencies)
		require.EqualValues(t, 2, r.Records)
		require.Equal(t, time.Second, r.Elapsed)
	})
}

func TestLatenciesOfWrongRecords(t *testing.T) {
	for name, value := range map[string][]byte{
		"no stamp":       make([]byte, stampSize-1),
		"null":           nil,
		"another number": stamped(1, time.Now()),
		"below all":      stamped(-2, time.Now()),
		"twice":          stamped(0, time.Now()),
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := heard()
			l, err := newLatencies(1, 1, f)
			require.NoError(t, err)
			for _, v := range [][]byte{stamped(0, time.Now()), value} {
				require.NoError(t, l.take(t.Context(), 0, 0, v))
			}
			_, err = l.result()
			require.Error(t, err)
		})
	}
}

func TestAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, only := range []bool{false, true} {
			f, firsts := heard()
			release := make(chan struct{})
			s := &stall{first: f, only: only, release: release}
			var calls sync.WaitGroup
			ended := 0
			calls.Go(func() {
				_ = s.take(t.Context(), 0, 0, nil)
				ended++
			})
			calls.Go(func() { _ = s.take(t.Context(), 0, 1, nil) })
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorIs(t, s.take(ctx, 1, 0, nil), context.Canceled)
			synctest.Wait()
			require.Zero(t, ended)
			r, err := s.result()
			require.NoError(t, err)
			require.Equal(t, map[bool]int64{false: 0, true: 1}[only], r.Handled)
			require.Equal(t, 1, *firsts)
			close(release)
			calls.Wait()
			require.NoError(t, s.take(t.Context(), 0, 2, nil))
			r, err = s.result()
			require.NoError(t, err)
			require.Equal(t, map[bool]int64{false: 0, true: 1}[only], r.Handled, "nothing stalls any more")
		}
	})
}
