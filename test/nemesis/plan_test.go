//go:build unix

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestThePlanIsTheSeeds(t *testing.T) {
	first, again := newPlan(1, 100, 3), newPlan(1, 100, 3)
	require.Equal(t, first, again)
	require.NotEqual(t, newPlan(1, 100, 3), newPlan(2, 100, 3))
	require.Empty(t, newPlan(1, 0, 3))
}

func TestAShortPlanHasEveryKind(t *testing.T) {
	for seed := range uint64(20) {
		seen := map[kind]bool{}
		for _, s := range newPlan(seed, len(everyKind), 3) {
			seen[s.kind()] = true
		}
		require.Len(t, seen, len(everyKind))
	}
}

func TestPlansAreWithinTheirBounds(t *testing.T) {
	for members := 1; members <= 4; members++ {
		beyond := false
		for _, s := range newPlan(7, 500, members) {
			targets := map[int]bool{}
			for _, f := range s.faults {
				target := f.member
				switch f.kind {
				case killBroker, freezeBroker:
					target = -1
				case extraMember:
					require.Equal(t, members, f.member, "a place of its own")
				default:
					require.Less(t, f.member, members)
				}
				require.False(t, targets[target], "two faults of %s hit one target", s)
				targets[target] = true
				require.GreaterOrEqual(t, f.lasts, time.Duration(0))
				require.Less(t, f.lasts, 15*time.Second)
				beyond = beyond || f.kind == freezeMember && f.lasts > sessionTimeout
			}
			require.LessOrEqual(t, len(s.faults), 2)
			require.Positive(t, s.pause)
		}
		require.True(t, beyond, "some are frozen for longer than their session")
	}
}
