package main

import "slices"

const (
	// still is how far in metres a position may be from where the vehicle has
	// come to rest: what is nearer is noise, and crosses no fence.
	still = 20.0
	// idleAfter is how long in ms of event time a vehicle stands before it is
	// idle.
	idleAfter = 30_000
	// overFor is how many points in a row have to be above the limit, and
	// endsBelow the part of the limit that ends it: in between all stays as it
	// is, so that one who drives at the limit is no alert a second.
	overFor   = 3
	endsBelow = 0.95
)

// A track is what is known of a vehicle: its last point and what follows from
// all of them. As JSON it is the record of the table.
type track struct {
	point
	// Fences are the zones that the vehicle is in.
	Fences []string `json:"fences,omitempty"`
	// Rest and Since are where it was when it moved last, and when.
	Rest  place `json:"rest"`
	Since int64 `json:"since"`
	// Over counts points in a row that were above the limit.
	Over     int  `json:"over,omitzero"`
	Speeding bool `json:"speeding,omitzero"`
	Idle     bool `json:"idle,omitzero"`
	// Points were taken; Stale and Duplicates were dropped, since they were not
	// after the last one, or the last one again.
	Points     int64 `json:"points"`
	Stale      int64 `json:"stale"`
	Duplicates int64 `json:"duplicates"`
	// Alerts is the seq of the last alert.
	Alerts int64 `json:"alerts"`
	source
}

// A source is the position record of which something was made.
type source struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
}

// An alert tells what a vehicle has begun or ended. Vehicle and Seq name it: a
// vehicle's alerts are numbered from 1, without gaps.
type alert struct {
	Vehicle string `json:"vehicle"`
	Seq     int64  `json:"seq"`
	// Kind is enter or leave (a Zone), speeding or slowed (above Limit, and
	// below it again), idle or moving.
	Kind  string  `json:"kind"`
	Zone  string  `json:"zone,omitempty"`
	Limit float64 `json:"limit,omitzero"`
	T     int64   `json:"t"`
	X     float64 `json:"x"`
	Y     float64 `json:"y"`
	Speed float64 `json:"speed"`
	source
}

// take returns the track with a further point, and what is to be told about it.
// It depends on nothing else, and leaves t as it is: the handler calls it, and
// the checker does for itself.
func (t track) take(c *city, p point, from source) (track, []alert) {
	t.source = from
	first := t.Points == 0
	switch {
	case !first && p.T == t.T:
		t.Duplicates++
		return t, nil
	case !first && p.T < t.T:
		t.Stale++
		return t, nil
	}
	t.point = p
	t.Points++
	var told []alert
	tell := func(kind, zone string, limit float64) {
		t.Alerts++
		told = append(told, alert{p.ID, t.Alerts, kind, zone, limit, p.T, p.X, p.Y, p.Speed, from})
	}
	if first || distance(p.at(), t.Rest) >= still {
		t.move(c, tell)
	} else if !t.Idle && p.T-t.Since >= idleAfter {
		t.Idle = true
		tell("idle", "", 0)
	}
	t.watchSpeed(c.limitAt(p.at()), tell)
	return t, told
}

// move is for a point that is away from where the vehicle was last.
func (t *track) move(c *city, tell func(kind, zone string, limit float64)) {
	t.Rest, t.Since = t.at(), t.T
	if t.Idle {
		t.Idle = false
		tell("moving", "", 0)
	}
	now := c.zonesAt(t.at())
	for _, zone := range t.Fences {
		if !slices.Contains(now, zone) {
			tell("leave", zone, 0)
		}
	}
	for _, zone := range now {
		if !slices.Contains(t.Fences, zone) {
			tell("enter", zone, 0)
		}
	}
	t.Fences = now
}

func (t *track) watchSpeed(limit float64, tell func(kind, zone string, limit float64)) {
	switch {
	case t.Speed > limit:
		t.Over = min(t.Over+1, overFor)
		if t.Over == overFor && !t.Speeding {
			t.Speeding = true
			tell("speeding", "", limit)
		}
	case t.Speeding && t.Speed < endsBelow*limit:
		t.Over, t.Speeding = 0, false
		tell("slowed", "", limit)
	case !t.Speeding:
		t.Over = 0
	}
}
