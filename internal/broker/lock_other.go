//go:build !unix

package broker

import (
	"errors"
	"os"
)

// lock refuses: without a lock, two processes would destroy each other's
// records.
func lock(*os.File) error {
	return errors.New("data folders need a Unix system; leave broker.data empty to run in memory")
}
