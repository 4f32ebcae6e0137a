package main

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"

	"sluice/consumer"
)

// skew is how far a vehicle's clock may be ahead of the record's timestamp. It
// is measured against the record and not against now, so that a point that is
// handled a second time is judged as it was the first time.
const skew = 10 * time.Minute

// vehicleID is v and four or five digits. A limit on what it can be is a limit
// on what has to be remembered.
var vehicleID = regexp.MustCompile(`^v[0-9]{4,5}$`)

// A point is where a vehicle was, as it has said.
type point struct {
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

// text is what the vehicle sends.
func (p point) text() string {
	return fmt.Sprintf(`{"id":%q,"t":%d,"x":%g,"y":%g,"speed":%g,"heading":%g}`, p.ID, p.T, p.X, p.Y, p.Speed, p.Heading)
}

// parsePoint reads a point and checks it. Its errors are those that a handler
// returns for a record that no repeat will mend.
func parsePoint(key string, value []byte, written time.Time) (point, error) {
	p := point{T: -1, X: -1, Y: -1, Speed: -1, Heading: -1} // What is missing stays wrong: 0 may be a good value.
	if err := json.Unmarshal(value, &p, json.RejectUnknownMembers(true)); err != nil {
		return point{}, consumer.Undecodable(fmt.Errorf("a point is a JSON object with id, t, x, y, speed and heading: %w", err))
	}
	if bytes.Contains(value, []byte("null")) { // It would be read as 0.
		return point{}, consumer.Undecodable(errors.New("no field of a point is null"))
	}
	if err := p.check(key, written); err != nil {
		return point{}, consumer.Permanent(err)
	}
	return p, nil
}

// check says what is wrong without saying what was given: the text is in the
// log, and dead letters are counted by it.
func (p point) check(key string, written time.Time) error {
	switch {
	case !vehicleID.MatchString(p.ID):
		return errors.New("the id of a vehicle is v and four or five digits")
	case p.ID != key:
		return errors.New("the record's key is not the id of the vehicle")
	case p.X < 0 || p.X > width || p.Y < 0 || p.Y > height:
		return fmt.Errorf("the place is missing, or outside of the world, %g by %g m", width, height)
	case p.Speed < 0 || p.Speed > 300:
		return errors.New("the speed is missing, or not between 0 and 300 km/h")
	case p.Heading < 0 || p.Heading >= 360:
		return errors.New("the heading is missing, or not from 0 to below 360 degrees")
	case p.T < 0 || p.T > written.Add(skew).UnixMilli():
		return fmt.Errorf("the event time is missing, negative, or more than %s ahead of the record's timestamp", skew)
	}
	return nil
}
