package report

import "slices"

// Turns is the order in which contestants run in a round, of which the first is
// 0: every other round is the one before it backwards, and after that another
// contestant begins.
func Turns[T any](contestants []T, round int) []T {
	turn := round / 2 % len(contestants)
	order := slices.Concat(contestants[turn:], contestants[:turn])
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}
