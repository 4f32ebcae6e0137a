package e2e_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// A group is sought when it is stopped and not before, and handles again what
// comes behind its new position.
func TestGroupIsSought(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	client := s.kafka()
	s.makeTopic(client, s.topic, 3)
	e := newEndpoint(t, always(http.StatusOK))
	hook, group := s.hook("hook", e, "order: key"), s.group+"-hook"
	b := s.serviceB(s.b, hook)
	values := s.fill(client, s.topic, 3, 6, 0, 5)
	e.awaitAll(values)
	s.awaitLag(s.b, group, 0)

	lag := func(state string, total string) {
		t.Helper()
		code, out, stderr := s.command("group", "lag", group)
		require.Equal(t, 0, code, stderr)
		require.Regexp(t, `(?m)^total +`+total+` +\S+ +`+state+`$`, out)
	}
	seek := []string{"group", "seek", group, "--topic", s.topic}
	lag("Stable, members: 1", "0")
	code, _, stderr := s.command(append(seek, "--to-beginning")...)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "member")
	lag("Stable, members: 1", "0")

	b.terminate()
	lag("Empty, members: 0", "0")
	code, _, stderr = s.command(append(seek, "--to-beginning", "--dry-run")...)
	require.Equal(t, 0, code, stderr)
	lag("Empty, members: 0", "0")
	code, _, stderr = s.command(append(seek, "--to-offset", "11")...)
	require.NotEqual(t, 0, code, "past the end")
	require.Contains(t, stderr, "11")
	code, _, stderr = s.command(append(seek, "--to-beginning")...)
	require.Equal(t, 0, code, stderr)
	require.Contains(t, stderr, "group was sought")
	lag("Empty, members: 0", "30")

	s.serviceB(s.b, hook)
	await(t, "everything comes a second time", func() bool {
		taken := e.values()
		for _, value := range values {
			if taken[value] != 2 {
				return false
			}
		}
		return true
	})
	e.requireOrder()
	s.awaitLag(s.b, group, 0)
}
