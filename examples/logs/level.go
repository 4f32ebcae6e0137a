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

// String returns the level's usual name.
func (l level) String() string { return [...]string{"debug", "info", "warn", "error"}[l] }

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

// severities are the levels of those of syslog, the worst first.
var severities = [...]level{levelError, levelError, levelError, levelError, levelWarn, levelInfo, levelInfo, levelDebug}
