package dialect

import (
	"net/http"

	"sluice/internal/producer"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Decode is what a body becomes, for the fuzz test.
func Decode(body []byte) (kgo.Record, int) {
	var r kgo.Record
	if _, p := decode(body, &r, func(int64) *producer.Error { return nil }); p != nil {
		return kgo.Record{}, p.Status
	}
	return r, http.StatusOK
}
