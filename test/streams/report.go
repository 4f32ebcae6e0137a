//go:build unix

package main

import (
	"fmt"
	"strings"
	"time"

	"sluice/test/harm"
)

// shown is how many offences of a bad run the report has.
const shown = 20

// report is the run as Markdown.
func (k *checker) report(h history, v verdict) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Streams: clients that come and go\n")
	line("Written by `make streams-check`. Numbered records went into Kafka. Clients watched over Server-Sent Events, broke their connections at")
	line("random bytes and resumed on another replica from the id of the last whole event, while the faults below happened. Then what each of")
	line("them had seen was held against what was written.\n")
	k.machine.Describe(line, "on the same machine")
	line("| run | `%s`, %s in all |", k.command, k.clock.Passed().Round(time.Second))
	line("| replicas | %d, %d processes; a ring of %d KiB a topic |", k.replicas, k.fleet.starts, k.ring>>10)
	line("| clients | %d |", len(h.clients))
	line("| topics | %d of %d partitions, %d more added |\n", len(k.topics), k.partitions, k.added)
	k.result(line, h, v)
	if k.rollout != nil {
		k.rollout.report(line)
	}
	line("## Faults\n")
	line("| fault | count |")
	line("| --- | ---: |")
	for _, kind := range everyKind {
		line("| %s | %d |", kind, k.struck[kind])
	}
	line("")
	k.offences(line, v)
	return b.String()
}

func (k *checker) result(line func(string, ...any), h history, v verdict) {
	var cut, ended, refused, conns, stalls int
	var bytes int64
	byes := map[string]int{}
	for _, s := range h.clients {
		cut, ended, refused, conns, stalls = cut+s.cut, ended+s.ended, refused+s.refused, conns+len(s.conns), stalls+s.stalls
		bytes += s.bytes
		for why, n := range s.byes {
			byes[why] += n
		}
	}
	states := map[state]int{}
	for _, w := range h.records {
		states[w.state]++
	}
	line("## Result\n")
	line("| what | count |")
	line("| --- | ---: |")
	line("| records: committed | %d |", states[committed])
	line("| records: aborted (of an unknown end: %d) | %d |", states[unsure], states[aborted])
	line("| connections | %d |", conns)
	line("| broken by the client | %d |", cut)
	line("| ended by the service (goodbye, kill) | %d |", ended)
	line("| that did not come about, or said nothing for %s | %d |", quiet, refused)
	line("| goodbyes | %s |", counts(byes))
	line("| deliveries (%d MB read) | %d |", bytes>>20, v.seen)
	line("| repeated behind a reconnect | %d |", v.repeated)
	line("| gaps told | %d |", v.gaps)
	line("| deliveries that gaps cover | %d |", v.gapped)
	line("| stalls told | %d |", stalls)
	line("| catch-up reads of the last processes of the replicas | %.0f |", k.reads)
	for _, kind := range offenceKinds {
		line("| **%s** | **%d** |", kind, v.counts[kind])
	}
	line("")
}

func counts(of map[string]int) string {
	var texts []string
	for _, why := range []string{"drain", "kafka_away", "overload", "replay_limit", "slow"} {
		if of[why] > 0 {
			texts = append(texts, fmt.Sprintf("%s %d", why, of[why]))
		}
	}
	if len(texts) == 0 {
		return "0"
	}
	return strings.Join(texts, ", ")
}

func (r *rollout) report(line func(string, ...any)) {
	line("## The restart, and everybody at once\n")
	line("One of %d replicas was told to stop with %d clients connected in all. It had ended after %s; %s after that every client had", r.replicas, len(r.clients), harm.Seconds(r.stopTook), harm.Seconds(r.caughtUp))
	line("what was written by then. Then everybody left until the rings were passed, and came back at once: all were abreast after")
	line("%s, with %.0f catch-up reads (%v by replica). A single client with the same position, at a replica that had just been started,", harm.Seconds(r.storm), r.all, r.perAll)
	line("took %.0f.\n", r.one)
}

func (k *checker) offences(line func(string, ...any), v verdict) {
	if len(v.offences) == 0 {
		return
	}
	line("## Offences: the first %d of %d\n", min(shown, len(v.offences)), len(v.offences))
	for _, o := range v.offences[:min(shown, len(v.offences))] {
		line("- %s: %s", o.kind, o.what)
	}
	line("\nThe topics are `%s`, and the replicas' files are in `%s`.", strings.Join(k.topics, "`, `"), k.dir)
}

func (k *checker) say(format string, args ...any) {
	k.clock.Say(k.out, format, args...)
}
