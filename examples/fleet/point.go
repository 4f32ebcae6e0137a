package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"sluice/consumer"
)

// skew is how far a vehicle's clock may be ahead of the record's timestamp. It
// is measured against the record and not against now, so that a point that is
// handled a second time is judged as it was the first time.
const skew = 10 * time.Minute

// A point is where a vehicle was, as it has said.
type point struct {
	// ID is the vehicle's: v and four or five digits. A limit on what it can be
	// is a limit on what has to be remembered.
	ID string `json:"id"`
	// T is the time of the event, in ms since 1970.
	T int64 `json:"t"`
	// X and Y are metres, as in a place.
	X float64 `json:"x"`
	Y float64 `json:"y"`
	// Speed is in km/h, Heading in degrees clockwise from north.
	Speed   float64 `json:"speed"`
	Heading float64 `json:"heading"`
}

func (p point) at() place { return place{p.X, p.Y} }

// parsePoint reads a point and checks it. Its errors are those that a handler
// returns for a record that no repeat will mend.
func parsePoint(key string, value []byte, written time.Time) (point, error) {
	p, err := decodePoint(value)
	if err != nil {
		return point{}, consumer.Undecodable(err)
	}
	if err := p.check(key, written); err != nil {
		return point{}, consumer.Permanent(err)
	}
	return p, nil
}

// decodePoint takes an object with exactly the fields of a point: what is
// missing would otherwise be 0, which may be a good value.
func decodePoint(value []byte) (point, error) {
	var given struct {
		ID      *string  `json:"id"`
		T       *int64   `json:"t"`
		X       *float64 `json:"x"`
		Y       *float64 `json:"y"`
		Speed   *float64 `json:"speed"`
		Heading *float64 `json:"heading"`
	}
	if err := json.Unmarshal(value, &given, json.RejectUnknownMembers(true)); err != nil {
		return point{}, fmt.Errorf("a point is a JSON object with id, t, x, y, speed and heading: %w", err)
	}
	if given.ID == nil || given.T == nil || given.X == nil || given.Y == nil || given.Speed == nil || given.Heading == nil {
		return point{}, errors.New("a point needs all of id, t, x, y, speed and heading")
	}
	return point{*given.ID, *given.T, *given.X, *given.Y, *given.Speed, *given.Heading}, nil
}

// check says what is wrong without saying what was given: the text is in the
// log, and dead letters are counted by it.
func (p point) check(key string, written time.Time) error {
	switch {
	case !isVehicle(p.ID):
		return errors.New("the id of a vehicle is v and four or five digits")
	case p.ID != key:
		return errors.New("the record's key is not the id of the vehicle")
	case p.X < 0 || p.X > width || p.Y < 0 || p.Y > height:
		return fmt.Errorf("the place is outside of the world, %g by %g m", width, height)
	case p.Speed < 0 || p.Speed > 300:
		return errors.New("the speed is not between 0 and 300 km/h")
	case p.Heading < 0 || p.Heading >= 360:
		return errors.New("the heading is not from 0 to below 360 degrees")
	case p.T < 0 || p.T > written.Add(skew).UnixMilli():
		return fmt.Errorf("the event time is negative, or more than %s ahead of the record's timestamp", skew)
	}
	return nil
}

func isVehicle(id string) bool {
	if len(id) < 5 || len(id) > 6 || id[0] != 'v' {
		return false
	}
	for _, c := range id[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
