//go:build unix

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"

	"sluice/test/harm"
)

// fleet are the members: a process for each, and after it the next one. Its
// methods may be called for different members at the same time.
type fleet struct {
	binary string
	dir    string
	member memberOptions // of all of them
	static int           // so many of the members are static ones

	mu      sync.Mutex
	members map[int]*harm.Process
	all     []*harm.Process
	starts  map[int]int
}

func newFleet(binary, dir string, member memberOptions, static int) *fleet {
	return &fleet{
		binary: binary, dir: dir, member: member, static: static,
		members: map[int]*harm.Process{}, starts: map[int]int{},
	}
}

// start starts a member, which does not run.
func (f *fleet) start(member int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts[member]++
	name := fmt.Sprintf("member-%d.%d", member+1, f.starts[member])
	instance := ""
	if member < f.static {
		instance = fmt.Sprintf("member-%d", member+1)
	}
	p, err := harm.Start(name, filepath.Join(f.dir, name+".log"), f.binary, memberRole,
		"-brokers", f.member.brokers, "-topic", f.member.topic, "-group", f.member.group,
		"-instance", instance, "-file", f.file(name),
		"-seed", strconv.FormatUint(f.member.seed+uint64(len(f.all)), 10),
		"-trouble", strconv.FormatFloat(f.member.trouble, 'g', -1, 64))
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	f.members[member] = p
	f.all = append(f.all, p)
	return nil
}

func (f *fleet) file(name string) string { return filepath.Join(f.dir, name+".history") }

// of returns the present process of a member.
func (f *fleet) of(member int) *harm.Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members[member]
}

// restartFallen starts members again that have ended by themselves, which the
// judge hears of, so that the run goes on.
func (f *fleet) restartFallen(count int) error {
	var errs []error
	for member := range count {
		if !f.of(member).Running() {
			errs = append(errs, f.start(member))
		}
	}
	return errors.Join(errs...)
}

// stop ends all members cleanly.
func (f *fleet) stop() {
	var wg sync.WaitGroup
	for _, p := range f.running() {
		wg.Go(p.Stop)
	}
	wg.Wait()
}

// kill ends all that is left.
func (f *fleet) kill() {
	for _, p := range f.running() {
		p.Kill()
	}
}

// running returns the processes that have not ended.
func (f *fleet) running() []*harm.Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []*harm.Process
	for _, p := range f.all {
		if p.Running() {
			found = append(found, p)
		}
	}
	return found
}

// report returns what every process wrote down, and what was not clean about
// their ends. All have ended.
func (f *fleet) report() (starts []start, unclean []string, err error) {
	for _, p := range f.all {
		s, e := readStart(p.Name, f.file(p.Name))
		if e != nil && !p.Killed() { // One that was killed early has no file.
			err = errors.Join(err, e)
		}
		starts = append(starts, s)
		if why := p.Complaint(); why != "" {
			unclean = append(unclean, why)
		}
	}
	return starts, unclean, err
}
