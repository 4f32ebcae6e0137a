package access

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

const (
	// minSealKey is how long a key must be, and maxSealKey how long one may
	// be, in characters.
	minSealKey, maxSealKey = 32, 1024
	// maxSealKeys is how many there may be.
	maxSealKeys = 16
)

// parseSealKeys reads the keys that seal tickets and sessions, one a line. A
// key is text, so that every replica and every editor reads the same. Errors
// name the line and nothing of what stands in it.
func parseSealKeys(text []byte) ([]sealKey, error) {
	var keys []sealKey
	number := 0
	for raw := range bytes.Lines(text) {
		number++
		line := strings.TrimSpace(string(raw))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if len(keys) == maxSealKeys {
			return nil, fmt.Errorf("line %d: there are more than %d keys", number, maxSealKeys)
		}
		if len(line) < minSealKey || len(line) > maxSealKey || strings.ContainsFunc(line, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return nil, fmt.Errorf("line %d: a key is %d to %d ASCII characters without spaces; openssl rand -base64 48 makes one", number, minSealKey, maxSealKey)
		}
		keys = append(keys, newSealKey([]byte(line)))
	}
	if len(keys) == 0 {
		return nil, errors.New("has no key; openssl rand -base64 48 makes one")
	}
	return keys, nil
}
