//go:build unix

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/test/harm"
)

// shown is how many offences of a bad run the report has.
const shown = 20

// report is the run as Markdown.
func (n *nemesis) report(h history, v verdict) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Nemesis: service B on a Kafka that is killed\n")
	line("Written by `make nemesis`. The processes of a consumer group and the broker were killed and frozen under load, and what the")
	line("handlers did was held against what was written. Session time-out %s, `order: key`, %d attempts.\n", sessionTimeout, attempts)
	n.setting(line, h)
	n.result(line, h, v)
	n.recoveries(line, h.polls)
	n.offences(line, v)
	return b.String()
}

func (n *nemesis) setting(line func(string, ...any), h history) {
	n.machine.Describe(line, "one broker on the same machine")
	line("| run | `-faults %d -members %d -static %d -seed %d -rate %g -poison %g -trouble %g`, %s in all |",
		n.faults, n.members, n.static, n.seed, n.rate, n.poison, n.trouble, n.clock.Passed().Round(time.Second))
	line("| topic | %d partitions, %d more during the run; %d processes of members |\n", partitions, n.added, len(h.starts))
}

func (n *nemesis) result(line func(string, ...any), h history, v verdict) {
	line("## Result\n")
	line("| what | count |")
	line("| --- | ---: |")
	line("| faults | %d |", len(n.incidents))
	line("| records in (acknowledged %d, tried %d) | %d |", len(h.acked), h.told, v.in)
	line("| handled | %d |", v.handled)
	line("| repeated: handled again, by whoever had the partition next | %d |", v.repeated)
	line("| dead: in the dead-letter topic (%d of them were handled, too) | %d |", v.bothWays, v.dead)
	line("| dead letters more than once | %d |", v.deadAgain)
	for _, kind := range offenceKinds {
		line("| **%s** | **%d** |", kind, v.of(kind))
	}
	line("")
	line("%d attempts were looked at, of %d assignments of a partition; a kill has cut off %d of them. The committed offsets were read %d times",
		v.calls, v.assignments, v.cutOff, v.asked)
	line("(once a second, before and after each fault), and %d times a partition had less than before, which costs repetitions only.\n", v.back)
}

// recoveries tells how soon the group was through with what a fault had left.
func (n *nemesis) recoveries(line func(string, ...any), polls []poll) {
	type recovered struct {
		incident
		took time.Duration
	}
	byKind := map[kind][]recovered{}
	var all []recovered
	never := 0
	for _, i := range n.incidents {
		if took, ok := i.recovery(polls); ok {
			r := recovered{i, took}
			byKind[i.kind()] = append(byKind[i.kind()], r)
			all = append(all, r)
		} else {
			never++
		}
	}
	line("## Faults and recoveries\n")
	line("A recovery is the time from the end of a fault, with everybody there again, until all that was acknowledged by then was committed.")
	line("The next fault often came before that, so it holds what later ones have cost, too.\n")
	line("| fault | count | median | slowest |")
	line("| --- | ---: | ---: | ---: |")
	slower := func(a, b recovered) int { return cmp.Compare(a.took, b.took) }
	for _, k := range everyKind {
		count := 0
		for _, i := range n.incidents {
			if i.kind() == k {
				count++
			}
		}
		of := byKind[k]
		if len(of) == 0 {
			line("| %s | %d | – | – |", k, count)
			continue
		}
		slices.SortFunc(of, slower)
		line("| %s | %d | %s | %s |", k, count, harm.Seconds(of[len(of)/2].took), harm.Seconds(of[len(of)-1].took))
	}
	line("")
	if len(all) > 0 {
		worst := slices.MaxFunc(all, slower)
		line("The slowest recovery took %s, after: %s.\n", harm.Seconds(worst.took), worst.step)
	}
	if never > 0 {
		line("After %d faults it never came to that.\n", never)
	}
}

func (n *nemesis) offences(line func(string, ...any), v verdict) {
	if len(v.offences) == 0 {
		return
	}
	line("## Offences: the first %d of %d\n", min(shown, len(v.offences)), len(v.offences))
	for _, o := range v.offences[:min(shown, len(v.offences))] {
		line("- %s: %s", o.kind, o.what)
	}
	line("\nThe topic is `%s`, the group has the same name, and the members' files are in `%s`.", n.topic, n.dir)
}
