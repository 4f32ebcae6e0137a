//go:build compose

// Package compose tests the Docker Compose stacks from outside, through the ports that they publish and
// the commands of the Makefile. It needs Docker, and is left out of `go test ./...` by its build tag.
package compose

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The ports are those of the compose files. They are fixed, so one stack runs at a time.
const (
	portA    = "http://127.0.0.1:8000"
	portAToo = "http://127.0.0.1:8001"
	portB    = "http://127.0.0.1:8002"
)

// stack is a Compose project of its own: a folder with the compose files, and which of them.
type stack struct {
	t       *testing.T
	dir     string
	project string
	files   []string
	env     []string // of its commands, beside this process's own
}

// newStack removes what an earlier run may have left, and everything again when the test ends.
func newStack(t *testing.T, dir, project string, files ...string) *stack {
	t.Helper()
	s := &stack{t: t, dir: dir, project: project, files: files}
	s.run(t.Context(), "make", "down")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		if t.Failed() {
			_, _ = fmt.Fprintln(os.Stderr, s.tryCompose(ctx, "ps", "--all"))
			_, _ = fmt.Fprintln(os.Stderr, s.tryCompose(ctx, "logs", "--tail", "40"))
		}
		s.run(ctx, "make", "down")
	})
	return s
}

func (s *stack) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "COMPOSE_PROJECT_NAME="+s.project, "COMPOSE_PROGRESS=plain", "COMPOSE_ANSI=never")
	cmd.Env = append(cmd.Env, s.env...)
	return cmd
}

// newKey makes a key that the production stack of this project takes, in a folder of the test's.
func (s *stack) newKey(ctx context.Context) string {
	s.t.Helper()
	folder := s.t.TempDir()
	file := filepath.Join(folder, "keys")
	key := strings.TrimSpace(s.run(ctx, "go", "run", "./cmd/sluice", "keys", "new", "compose-test", "--file", file))
	// The services' user in the container is another one. The file holds a hash.
	require.NoError(s.t, os.Chmod(folder, 0o755))
	require.NoError(s.t, os.Chmod(file, 0o644))
	require.NoError(s.t, os.WriteFile(filepath.Join(folder, "tickets"), []byte(rand.Text()+rand.Text()), 0o644))
	s.env = append(s.env, "SLUICE_KEYS="+folder)
	return key
}

// run gives back what a command of this project's printed, and fails the test when it failed.
func (s *stack) run(ctx context.Context, name string, args ...string) string {
	s.t.Helper()
	cmd := s.command(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	require.NoError(s.t, err, "%s %s\n%s%s", name, strings.Join(args, " "), stdout.String(), stderr.String())
	return stdout.String()
}

// compose runs Compose, under whichever of its names is there, on the stack's files.
func (s *stack) compose(ctx context.Context, args ...string) string {
	s.t.Helper()
	argv := s.composeArgs(args)
	return s.run(ctx, argv[0], argv[1:]...)
}

// tryCompose is compose for reports of failures: an error is part of what it gives back.
func (s *stack) tryCompose(ctx context.Context, args ...string) string {
	argv := s.composeArgs(args)
	out, err := s.command(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s%v", out, err)
	}
	return string(out)
}

func (s *stack) composeArgs(args []string) []string {
	argv := []string{"docker", "compose"}
	if exec.Command("docker", "compose", "version").Run() != nil {
		argv = []string{"docker-compose"}
	}
	for _, file := range s.files {
		argv = append(argv, "-f", file)
	}
	return append(argv, args...)
}

// containers lists the ids of a service's containers.
func (s *stack) containers(ctx context.Context, service string) []string {
	s.t.Helper()
	ids := strings.Fields(s.compose(ctx, "ps", "--all", "--quiet", service))
	require.NotEmpty(s.t, ids, "no container of %s", service)
	return ids
}

// healthy waits until Docker's health check of a container passes.
func (s *stack) healthy(ctx context.Context, container string) {
	s.t.Helper()
	eventually(ctx, s.t, "container "+container+" healthy", 2*time.Minute, func() bool {
		return strings.TrimSpace(s.run(ctx, "docker", "inspect", "--format", "{{.State.Health.Status}}", container)) == "healthy"
	})
}

// eventually polls until the condition holds, and fails the test when it does not within the limit.
func eventually(ctx context.Context, t *testing.T, what string, limit time.Duration, condition func() bool) {
	t.Helper()
	deadline := time.After(limit)
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			require.FailNow(t, "interrupted while waiting: "+what)
		case <-deadline:
			require.FailNow(t, "waited "+limit.String()+" in vain: "+what)
		case <-ticker.C:
		}
	}
}

// get gives back status and body, and 0 when there was no answer.
func get(ctx context.Context, url string) (status int, body string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err.Error()
	}
	return do(http.DefaultClient, req)
}

// produce sends one message. The status is 0 when there was no answer, and the body is then the error.
func produce(ctx context.Context, client *http.Client, base string, message map[string]any) (status int, body string) {
	text, err := json.Marshal(message)
	if err != nil {
		return 0, err.Error()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/produce", bytes.NewReader(text))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	return do(client, req)
}

func do(client *http.Client, req *http.Request) (status int, body string) {
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

// repository is the root of the working tree that this test belongs to.
func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	return root
}
