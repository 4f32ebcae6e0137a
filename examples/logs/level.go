package main

import "strings"

// level says how bad a line is.
type level int

const (
	levelDebug level = iota
	levelInfo
	levelWarn
	levelError
	levels // How many there are.
)

// levelOf reads a word, in any case. What it does not know is levelInfo.
func levelOf(word string) level {
	switch strings.ToLower(word) {
	case "debug", "trace":
		return levelDebug
	case "warn", "warning":
		return levelWarn
	case "error", "err", "fail", "failed", "failure", "fatal", "panic", "critical", "crit", "alert", "emerg":
		return levelError
	}
	return levelInfo
}

// String returns the level's usual name.
func (l level) String() string { return [...]string{"debug", "info", "warn", "error"}[l] }

// priorityLevel is the level of a priority of syslog: its facility is left out.
func priorityLevel(priority int) level {
	switch priority % 8 {
	case 0, 1, 2, 3:
		return levelError
	case 4:
		return levelWarn
	case 7:
		return levelDebug
	}
	return levelInfo
}
