package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOutbox(t *testing.T) {
	type read struct {
		text      string
		partition int32
		lost      int
	}
	for name, c := range map[string]struct {
		reads []read
		left  int
	}{
		"in order":                  {[]read{{"a", 0, 0}, {"b", 0, 0}, {"c", 0, 0}, {"d", 0, 0}}, 0},
		"repeated":                  {[]read{{"a", 0, 0}, {"a", 0, 0}, {"b", 0, 0}, {"a", 0, 0}}, 2},
		"the first one is lost":     {[]read{{"b", 0, 1}}, 2},
		"two are lost":              {[]read{{"a", 0, 0}, {"d", 0, 2}}, 0},
		"out of order":              {[]read{{"b", 0, 1}, {"a", 0, 0}}, 2},
		"somebody else's":           {[]read{{"x", 0, 0}}, 4},
		"moved, the new part first": {[]read{{"a", 0, 0}, {"d", 1, 0}, {"b", 0, 0}, {"c", 0, 0}}, 0},
		"moved, and one is missing": {[]read{{"a", 0, 0}, {"c", 1, 0}, {"d", 1, 0}}, 1},
		"lost after it has moved":   {[]read{{"a", 0, 0}, {"b", 1, 0}, {"d", 1, 1}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := outbox{texts: []string{"a", "b", "c", "d"}}
			for _, r := range c.reads {
				require.Equal(t, r.lost, o.found(r.text, r.partition), r.text)
			}
			require.Equal(t, c.left, len(o.texts)+len(o.strays))
		})
	}
}
