package redrive

import (
	"errors"
	"fmt"
	"strings"
)

// What a caller can do something about. Errors of the cluster are *kerr.Error,
// and kafka.ErrAway where it does not answer.
var (
	// ErrNoLetters means that the group has no dead letters, or none of the
	// topic: there is no topic that would hold them.
	ErrNoLetters = errors.New("no dead letters")
	// ErrUnknown means that there is no such redrive.
	ErrUnknown = errors.New("no such redrive")
	// ErrForbidden means that the caller has not the right that it needs.
	ErrForbidden = errors.New("forbidden")
	// ErrClosed means that the process is about to end.
	ErrClosed = errors.New("this process is stopping and starts no redrives")
)

var (
	// errStopped ends a run by request.
	errStopped = errors.New("stopped")
	// errTakenOver ends a run whose transactional id belongs to somebody else.
	errTakenOver = errors.New("was taken over by another redrive of the group, or stood still for more than a minute; what it has written has its receipts")
	// errEnough ends a list or a redrive that has all that was asked for.
	errEnough = errors.New("enough was read")
	// errReplaced ends a run whose topic is not the one that it began with.
	errReplaced = errors.New("was deleted, or deleted and made again, meanwhile")
)

// RunningError refuses a redrive because this process runs one of the group.
type RunningError struct{ Group, ID string }

// Error says which one.
func (e *RunningError) Error() string {
	return fmt.Sprintf("redrive %s of group %s is running: wait for its end, or stop it", e.ID, e.Group)
}

// InvalidError refuses a request for one of its fields.
type InvalidError struct{ Field, Message string }

// Error says what is wrong with it.
func (e *InvalidError) Error() string { return e.Field + " " + e.Message }

// TopicsError refuses a redrive because topics that it writes to are missing or
// have settings that would lose records, and kafka.create is off.
type TopicsError struct{ Wrong []string }

// Error says how the topics have to be.
func (e *TopicsError) Error() string {
	return "kafka.create is off, so these topics have to be made, or changed, before a redrive: " + strings.Join(e.Wrong, "; ")
}
