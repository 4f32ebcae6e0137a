//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// readStart reads what a member's process has written down.
func readStart(name, file string) (start, error) {
	f, err := os.Open(file)
	if err != nil {
		return start{name: name}, err
	}
	defer func() { _ = f.Close() }() // Only read from.
	attempts, err := parse(f)
	if err != nil {
		return start{name: name}, fmt.Errorf("%s: %w", file, err)
	}
	return start{name, attempts}, nil
}

// parser puts the lines of a recorder together.
type parser struct {
	line        int
	attempts    []attempt
	calls       map[int64]int // call → its place in attempts, while it is open
	assignments map[int32]int
	revoked     map[int32]bool
	keys        map[string]string // one copy of each
}

// parse reads the lines of a recorder. A last line without an end was cut off
// by a SIGKILL and counts for nothing.
func parse(r io.Reader) ([]attempt, error) {
	p := parser{calls: map[int64]int{}, assignments: map[int32]int{}, revoked: map[int32]bool{}, keys: map[string]string{}}
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return p.attempts, nil
		}
		if err != nil {
			return nil, err
		}
		p.line++
		if err := p.add(strings.Split(strings.TrimSuffix(line, "\n"), " ")); err != nil {
			return nil, fmt.Errorf("line %d: %w", p.line, err)
		}
	}
}

func (p *parser) add(f []string) error {
	if len(f) < 2 {
		return errors.New("is too short")
	}
	at, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return fmt.Errorf("time: %w", err)
	}
	switch {
	case f[0] == "a" && len(f) == 3:
		return each(f[2], func(id int32) {
			p.assignments[id]++
			p.revoked[id] = false
		})
	case f[0] == "r" && len(f) == 3:
		return each(f[2], func(id int32) { p.revoked[id] = true })
	case f[0] == "b" && len(f) == 8:
		return p.begin(time.Duration(at), f[2:])
	case f[0] == "e" && len(f) == 4:
		return p.end(time.Duration(at), f[2], outcome(f[3]))
	}
	return fmt.Errorf("is no line of a recorder: %q", f)
}

func (p *parser) begin(at time.Duration, f []string) error {
	call, err1 := strconv.ParseInt(f[0], 10, 64)
	partition, err2 := strconv.ParseInt(f[1], 10, 32)
	offset, err3 := strconv.ParseInt(f[2], 10, 64)
	seq, err4 := strconv.ParseInt(f[4], 10, 64)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	if _, twice := p.calls[call]; twice {
		return fmt.Errorf("call %d begins twice", call)
	}
	key, known := p.keys[f[3]]
	if !known {
		key = strings.Clone(f[3])
		p.keys[key] = key
	}
	id := int32(partition)
	p.calls[call] = len(p.attempts)
	p.attempts = append(p.attempts, attempt{
		place: place{id, offset}, key: key, seq: seq,
		assignment: p.assignments[id], revoked: p.revoked[id],
		late: f[5] == "late", begin: at, first: p.line,
	})
	return nil
}

func (p *parser) end(at time.Duration, call string, how outcome) error {
	number, err := strconv.ParseInt(call, 10, 64)
	if err != nil {
		return err
	}
	i, begun := p.calls[number]
	if !begun {
		return fmt.Errorf("call %d ends and has not begun", number)
	}
	switch how {
	case ok, failed, permanent, panicked, cut:
	default:
		return fmt.Errorf("%q is no outcome", how)
	}
	delete(p.calls, number)
	a := &p.attempts[i]
	a.end, a.last, a.outcome = at, p.line, how
	return nil
}

// each calls f for the partitions of a list.
func each(list string, f func(int32)) error {
	for text := range strings.SplitSeq(list, ",") {
		id, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return fmt.Errorf("partition: %w", err)
		}
		f(int32(id))
	}
	return nil
}
