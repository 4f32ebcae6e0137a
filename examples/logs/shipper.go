package main

import (
	"context"
	"slices"
	"strconv"

	"sluice/examples/internal/example"
)

// linesAtATime is how many lines are sent together at most: fewer than maxAbove,
// so that each one that is refused at first is waited for.
const linesAtATime = 500

// shipper sends the lines of services.
type shipper struct {
	client *example.Client
	topic  string
	check  *checker
	// run tells the sources of one run of the program from those of another.
	run string
}

// shipment is a line, as it is sent and as it is to be understood.
type shipment struct {
	wire example.Line
	line line
}

// newShipment numbers a line.
func newShipment(service string, l line, value any) shipment {
	headers := map[string]string{headerSource: l.Source, headerSeq: strconv.FormatInt(l.Seq, 10)}
	return shipment{example.Line{Key: service, Value: value, Headers: headers}, l}
}

// send sends lines, of which the checker is told before.
func (s *shipper) send(ctx context.Context, all []shipment) error {
	for batch := range slices.Chunk(all, linesAtATime) {
		wire := make([]example.Line, len(batch))
		for i, one := range batch {
			wire[i] = one.wire
		}
		if err := s.check.sending(ctx, batch...); err != nil {
			return err
		}
		if err := s.client.Write(ctx, s.topic, wire...); err != nil {
			return err
		}
	}
	return nil
}
