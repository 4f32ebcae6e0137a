// Package units holds the value types of settings that Go's own types do not
// give: sizes in bytes. It knows no setting and imports the standard library
// only.
package units

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size in bytes. As text it is a whole number with an optional
// unit: B, KiB, MiB, GiB (powers of 1024) or KB, MB, GB (powers of 1000).
type Bytes int64

// The powers of 1024 that settings are written in.
const (
	KiB Bytes = 1 << 10
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
)

// suffixes are tried in this order, the longer before the shorter ones.
var suffixes = []struct {
	name string
	size Bytes
}{
	{"KiB", KiB},
	{"MiB", MiB},
	{"GiB", GiB},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"B", 1},
}

// String writes the size with the largest power of 1024 that divides it.
func (b Bytes) String() string {
	switch {
	case b != 0 && b%GiB == 0:
		return strconv.FormatInt(int64(b/GiB), 10) + "GiB"
	case b != 0 && b%MiB == 0:
		return strconv.FormatInt(int64(b/MiB), 10) + "MiB"
	case b != 0 && b%KiB == 0:
		return strconv.FormatInt(int64(b/KiB), 10) + "KiB"
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// MarshalText writes the size as String does.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads what the type's doc comment describes. A negative,
// fractional or overflowing size is an error.
func (b *Bytes) UnmarshalText(text []byte) error {
	number, unit := strings.TrimSpace(string(text)), Bytes(1)
	for _, s := range suffixes {
		if rest, ok := strings.CutSuffix(number, s.name); ok {
			number, unit = strings.TrimSpace(rest), s.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a size: write a whole number with B, KiB, MiB or GiB", text)
	}
	if n > math.MaxInt64/int64(unit) {
		return fmt.Errorf("%q is too large", text)
	}
	*b = Bytes(n) * unit
	return nil
}
