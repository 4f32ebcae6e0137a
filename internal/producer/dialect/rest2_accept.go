package dialect

import (
	"strconv"
	"strings"
)

// negotiate returns which of the offered content types the client likes best,
// as its Accept headers say (RFC 9110, 12.5.1); among those that it likes
// alike, the one that is offered first. It reports false when the client takes
// none of them.
func negotiate(accept, offers []string) (string, bool) {
	if len(accept) == 0 || len(accept) == 1 && (accept[0] == offers[0] || accept[0] == "*/*" || accept[0] == "") {
		return offers[0], true
	}
	ranges := strings.Split(strings.Join(accept, ","), ",")
	best, liking := "", 0.0
	for _, offer := range offers {
		if q := quality(ranges, offer); q > liking {
			best, liking = offer, q
		}
	}
	return best, liking > 0
}

// quality is the weight of the range that names the content type most closely,
// 0 where none does.
func quality(ranges []string, offer string) float64 {
	kind, _, _ := strings.Cut(offer, "/")
	weight, closest := 0.0, 0
	for _, r := range ranges {
		media, params, _ := strings.Cut(r, ";")
		closeness := 0
		switch strings.ToLower(strings.TrimSpace(media)) {
		case offer:
			closeness = 3
		case kind + "/*":
			closeness = 2
		case "*/*":
			closeness = 1
		}
		if closeness > closest {
			weight, closest = weightOf(params), closeness
		}
	}
	return weight
}

// weightOf reads the parameter q: 1 where there is none that is right.
func weightOf(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && q >= 0 && q <= 1 {
				return q
			}
		}
	}
	return 1
}
