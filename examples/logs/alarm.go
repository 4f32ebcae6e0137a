package main

const (
	window   = 10 // Seconds over which the rate of errors is taken.
	minLines = 20 // With fewer lines in a window no alert begins.
	calm     = 10 // Seconds in a row with a low rate that end an alert.
)

// alarm is a service's alert, with hysteresis: it begins when more than a fifth
// of the lines are errors, and ends when for ten seconds less than a twentieth
// are, so that a rate that wavers around one limit does not ring each second.
type alarm struct {
	On   bool `json:"on,omitempty"`
	Calm int  `json:"calm,omitempty"` // Seconds with a low rate, up to now.
}

// judge takes the window that ends with the next second, and returns "begin" or
// "end" where the alert does so.
func (a *alarm) judge(lines, errors int) string {
	if !a.On {
		if lines < minLines || errors*5 <= lines {
			return ""
		}
		*a = alarm{On: true}
		return "begin"
	}
	if lines > 0 && errors*20 >= lines {
		a.Calm = 0
		return ""
	}
	if a.Calm++; a.Calm < calm {
		return ""
	}
	*a = alarm{}
	return "end"
}

// alert is the value of a record of the topic alerts.
type alert struct {
	Service string `json:"service"`
	State   string `json:"state"` // begin or end
	At      int64  `json:"at"`    // The second with which it begins or ends.
	Lines   int    `json:"lines"` // Of the window.
	Errors  int    `json:"errors"`
}
