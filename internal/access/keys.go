package access

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	// keyPrefix lets people and scanners of leaked secrets recognize a key.
	keyPrefix = "sluice_"
	// hashPrefix says in the file how a key was hashed. A plain SHA-256 does:
	// a key has 256 random bits, and nobody can try them all.
	hashPrefix = "sha256:"
)

// NewKey makes an API key for the principal: the key itself, which exists
// nowhere else, and the line of the keys file that lets it in.
func NewKey(name string, now time.Time) (key, line string, err error) {
	if !validName(name) || strings.HasPrefix(name, "#") {
		return "", "", fmt.Errorf("%q cannot be a principal's name: it must be 1 to %d printable characters without spaces, not begin with #, and not be *", name, maxName)
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // It never fails: it would end the process.
	key = keyPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	hash := sha256.Sum256([]byte(key))
	return key, name + " " + hashPrefix + hex.EncodeToString(hash[:]) + " # created " + now.UTC().Format(time.RFC3339), nil
}

// AppendKey adds a line to a keys file, which is created where it is missing,
// for its owner only. One write in append mode: a service that reads at the
// same time sees the line or does not, and two writers do not mix.
func AppendKey(path, line string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600) //nolint:gosec // G304: whoever calls it names the file.
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text := line + "\n"
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	last := []byte{'\n'}
	if end > 0 {
		if _, err := f.ReadAt(last, end-1); err != nil {
			return err
		}
	}
	if last[0] != '\n' {
		text = "\n" + text // The last line was left without its end.
	}
	_, err = f.WriteString(text)
	return err
}

// keyring are the keys of a file: their hashes, and whose they are.
type keyring map[[sha256.Size]byte]keyEntry

type keyEntry struct {
	hash [sha256.Size]byte
	name string
}

// parseKeys reads a keys file. Its errors name the line and nothing of what
// stands in it, since that may be a key that somebody put there by mistake.
func parseKeys(text []byte) (keyring, error) {
	keys := keyring{}
	number := 0
	for raw := range bytes.Lines(text) {
		number++
		line, _, _ := strings.Cut(strings.TrimSpace(string(raw)), " #")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 2 {
			return nil, fmt.Errorf("line %d: is not NAME sha256:HASH", number)
		}
		digits, ok := strings.CutPrefix(fields[1], hashPrefix)
		hash, err := hex.DecodeString(digits)
		if !ok || err != nil || len(hash) != sha256.Size {
			return nil, fmt.Errorf("line %d: the second word is not sha256: and 64 hexadecimal digits", number)
		}
		if !validName(fields[0]) {
			return nil, fmt.Errorf("line %d: the first word cannot be a principal's name", number)
		}
		e := keyEntry{hash: [sha256.Size]byte(hash), name: fields[0]}
		if other, twice := keys[e.hash]; twice && other.name != e.name {
			return nil, fmt.Errorf("line %d: the key belongs to another principal already", number)
		}
		keys[e.hash] = e
	}
	return keys, nil
}

// owner returns whose key it is, and its hash.
func (k keyring) owner(key string) (e keyEntry, ok bool) {
	hash := sha256.Sum256([]byte(key))
	// The time of a look-up tells about hashes at most, which do not lead
	// back to keys; the comparison itself tells nothing.
	e, ok = k[hash]
	if !ok || subtle.ConstantTimeCompare(e.hash[:], hash[:]) != 1 {
		return keyEntry{}, false
	}
	return e, true
}
