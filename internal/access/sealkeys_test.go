package access_test

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

func TestFilesOfSealingKeysThatAreBad(t *testing.T) {
	_, log := newLog()
	for name, text := range map[string]string{
		"empty":             "",
		"only remarks":      "# a key comes here\n\n",
		"too short":         sealKey("a") + strings.Repeat("b", 31),
		"too long":          strings.Repeat("a", 1025),
		"bytes":             strings.Repeat("\x00\xff", 32),
		"letters of others": strings.Repeat("é", 32),
		"two words":         strings.Repeat("a", 32) + " " + strings.Repeat("b", 32),
		"too many":          strings.Repeat(sealKey("a"), 17),
	} {
		_, err := access.NewTickets(write(t, "seals", text), nil, log)
		require.ErrorContains(t, err, "auth.tickets_key_file: ", name)
		require.NotContains(t, err.Error(), "bbb", name)
	}
	_, err := access.NewTickets("/nowhere/seals", nil, log)
	require.ErrorContains(t, err, "auth.tickets_key_file: ")
	for name, text := range map[string]string{
		"one": strings.Repeat("a", 32), "with a remark and blank lines": "# made in November\r\n\r\n" + sealKey("b") + "\n" + sealKey("c"),
	} {
		_, err := access.NewTickets(write(t, "seals", text), nil, log)
		require.NoError(t, err, name)
	}
}

// Replicas that share a file take each other's tickets and sessions, also while
// the key is being changed; what was sealed with a key that was taken out ends
// within a little more than a minute.
func TestSealingKeysChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := write(t, "seals", sealKey("a"))
		o := openOffice(t, path, "*")
		other := openTickets(t, path, o.Authenticator)
		lone := openTickets(t, "", o.Authenticator)
		topics := access.TicketRequest{Topics: []string{"orders"}}
		hold := func(text string) {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			time.Sleep(2 * time.Second)
			synctest.Wait()
		}
		taken := func(text string, tickets *access.Tickets) bool {
			_, err := tickets.Redeem(t.Context(), text, "")
			if err != nil {
				require.Equal(t, access.ErrTicketKey, err)
			}
			return err == nil
		}
		byA := o.issue(t, topics)
		require.True(t, taken(byA, other))
		require.False(t, taken(byA, lone))
		cookie, _, err := o.tickets.Session(o.me)
		require.NoError(t, err)
		stream := identify(t, o.Authenticator, withCookie(cookie), other)

		// The new key opens before it seals.
		hold(sealKey("a") + sealKey("b"))
		hold(sealKey("b") + sealKey("a"))
		byB := o.issue(t, topics)
		require.True(t, taken(byB, other))
		require.True(t, taken(byA, other))
		require.NoError(t, stream.Valid())

		hold("nonsense\n")
		require.True(t, taken(byB, other), "the last good ones stay")

		// At once, without any of that: tickets on their way are still taken.
		byB = o.issue(t, topics)
		hold(sealKey("c"))
		require.True(t, taken(byB, other))
		require.NoError(t, stream.Valid())
		time.Sleep(time.Minute)
		require.False(t, taken(byB, other))
		require.Equal(t, access.ErrBadCredential, stream.Valid())
		_, err = o.Identify(withCookie(cookie), other)
		require.Equal(t, access.ErrBadCredential, err)

		// Back in the file, it opens again.
		hold(sealKey("c") + sealKey("a"))
		require.NoError(t, stream.Valid())
		require.NoError(t, o.me.Valid(), "the key itself has nothing to do with it")
	})
}
