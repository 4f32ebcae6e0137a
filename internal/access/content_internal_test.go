package access

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// While replicas are replaced, one may seal what another does not understand
// yet, and that may be what narrows it.
func TestContentsOfAnotherVersion(t *testing.T) {
	tickets, err := NewTickets("", nil, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	expires := time.Now().Add(time.Minute).UnixMilli()
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"ours":             {fmt.Sprintf(`{"topics":["orders"],"expires":%d}`, expires), nil},
		"an unknown limit": {fmt.Sprintf(`{"topics":["orders"],"expires":%d,"partitions":[0]}`, expires), ErrTicketDamaged},
		"not JSON":         {"topics", ErrTicketDamaged},
		"no end":           {`{"topics":["orders"]}`, ErrTicketExpired},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := tickets.seals.seal("ticket", []byte(c.text))
			require.NoError(t, err)
			_, err = tickets.Redeem(t.Context(), text, "")
			require.Equal(t, c.want, err)
		})
	}
}
