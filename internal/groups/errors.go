package groups

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kerr"

	"sluice/internal/kafka"
)

// ErrUnknownGroup means that Kafka answered and knows no such group.
var ErrUnknownGroup = errors.New("unknown group")

// ErrBadName means that no group can have this name.
var ErrBadName = errors.New("not a group's name")

// maxName bounds what is asked about. Kafka itself takes any string.
const maxName = 255

func validName(group string) error {
	if group == "" || len(group) > maxName || !utf8.ValidString(group) {
		return fmt.Errorf("%w: it has 1 to %d bytes of UTF-8", ErrBadName, maxName)
	}
	return nil
}

// asked wraps the error of a question: what Kafka refuses for good stays that
// (a *kerr.Error), and everything else is that Kafka is away.
func asked(what string, err error) error {
	if refused(err) && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%w: %s: %w", kafka.ErrAway, what, err)
}

// refused reports whether Kafka has said no, and would again.
func refused(err error) bool {
	code, ok := errors.AsType[*kerr.Error](err)
	return ok && !code.Retriable
}

// forbidden reports whether Kafka does not let this program ask.
func forbidden(err error) bool {
	return errors.Is(err, kerr.GroupAuthorizationFailed) || errors.Is(err, kerr.TopicAuthorizationFailed) ||
		errors.Is(err, kerr.ClusterAuthorizationFailed)
}
