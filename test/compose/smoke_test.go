//go:build compose

package compose

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSmoke is a developer's first five minutes with the development stack: start it, send a message, see
// it arrive, change the code, see the change, remove everything.
func TestSmoke(t *testing.T) {
	s := newStack(t, copyTree(t), "sluice-smoke", "docker-compose.yml")
	started := t.Run("the stack starts", func(t *testing.T) {
		s := s.in(t)
		s.compose(t.Context(), "up", "--build", "--detach")
		// The first start compiles everything, twice at most.
		for _, url := range []string{portA + "/readyz", portAToo + "/readyz", portB + "/readyz"} {
			eventually(t.Context(), t, url+" answers 200", 10*time.Minute, func() bool {
				status, _ := get(t.Context(), url)
				return status == http.StatusOK
			})
		}
	})
	require.True(t, started, "nothing else can be tested")

	t.Run("make test-produce writes a message through 8001", func(t *testing.T) {
		require.Contains(t, s.in(t).run(t.Context(), "make", "--silent", "test-produce"), `"status":"message sent"`)
	})
	t.Run("a POST on 8000 writes one too", func(t *testing.T) {
		status, body := produce(t.Context(), http.DefaultClient, portA, map[string]any{"content": "smoke on 8000"})
		require.Equal(t, http.StatusOK, status, body)
	})
	t.Run("make logs-b shows both", func(t *testing.T) {
		s.in(t).followLogs(t.Context(), "logs-b",
			"Message received: Test message from Makefile", "Message received: smoke on 8000")
	})
	t.Run("service B answers on 8002", func(t *testing.T) {
		_, body := get(t.Context(), portB+"/")
		require.JSONEq(t, `{"message":"Microservice B is running!"}`, body)
	})
	t.Run("a saved file is reloaded in service A", func(t *testing.T) {
		replaceInGo(t, s.dir, `"message sent"`, `"message sent by new code"`)
		eventually(t.Context(), t, "service A answers with the new text", 3*time.Minute, func() bool {
			_, body := produce(t.Context(), http.DefaultClient, portA, map[string]any{"content": "smoke after the change"})
			return strings.Contains(body, "message sent by new code")
		})
	})
	t.Run("a saved file is reloaded in service B", func(t *testing.T) {
		replaceInGo(t, s.dir, `Microservice B is running!`, `Microservice B runs new code!`)
		eventually(t.Context(), t, "service B answers with the new text", 3*time.Minute, func() bool {
			_, body := get(t.Context(), portB+"/")
			return strings.Contains(body, "Microservice B runs new code!")
		})
		s.in(t).followLogs(t.Context(), "logs-b", "Message received: smoke after the change")
	})
	t.Run("make down leaves nothing", func(t *testing.T) {
		s := s.in(t)
		s.run(t.Context(), "make", "down")
		label := "label=com.docker.compose.project=" + s.project
		for _, list := range [][]string{{"ps", "--all"}, {"volume", "ls"}, {"network", "ls"}} {
			require.Empty(t, s.run(t.Context(), "docker", append(list, "--quiet", "--filter", label)...), list)
		}
	})
}

// TestPublishedPorts: nobody but this host gets in. The development stack has no authentication, and the production
// stack no TLS until it is given a host name.
func TestPublishedPorts(t *testing.T) {
	for name, files := range map[string][]string{
		"development": {"docker-compose.yml"},
		"production":  {"docker-compose.yml", "docker-compose.prod.yml"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stack{t: t, dir: repository(t), files: files}
			var config struct {
				Services map[string]struct {
					Ports []struct {
						HostIP    string `json:"host_ip"`
						Published string `json:"published"`
					} `json:"ports"`
				} `json:"services"`
			}
			require.NoError(t, json.Unmarshal([]byte(s.compose(t.Context(), "config", "--format", "json")), &config))
			published := map[string]bool{}
			for service, settings := range config.Services {
				for _, port := range settings.Ports {
					require.Equal(t, "127.0.0.1", port.HostIP, "%s publishes %s", service, port.Published)
					published[port.Published] = true
				}
			}
			for _, port := range []string{"8000", "8001", "8002"} {
				require.True(t, published[port], "nothing publishes %s", port)
			}
		})
	}
}

// in is the stack as a subtest sees it: a failure belongs to that subtest.
func (s *stack) in(t *testing.T) *stack {
	sub := *s
	sub.t = t
	return &sub
}

// followLogs runs a target of the Makefile that follows a log, until every text was seen.
func (s *stack) followLogs(ctx context.Context, target string, texts ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := s.command(ctx, "make", "--silent", target)
	// A group of its own: the signal must reach what make started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	stdout, err := cmd.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())

	missing := texts
	for lines := bufio.NewScanner(stdout); len(missing) > 0 && lines.Scan(); {
		var still []string
		for _, text := range missing {
			if !strings.HasSuffix(lines.Text(), text) {
				still = append(still, text)
			}
		}
		missing = still
	}
	cancel()
	_ = cmd.Wait() // It was stopped by the signal, which is no failure.
	require.Empty(s.t, missing, "make %s did not show", target)
}

// copyTree copies what git would commit from the working tree, so that the test can edit it.
func copyTree(t *testing.T) string {
	t.Helper()
	root, dir := repository(t), t.TempDir()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // Deleted, and the deletion not committed.
		}
		require.NoError(t, err)
		info, err := os.Stat(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, info.Mode().Perm()))
	}
	return dir
}

// replaceInGo changes a text wherever the program's Go files have it, and fails when none has.
func replaceInGo(t *testing.T, dir, before, after string) {
	t.Helper()
	changed := 0
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(source), before) {
			return err
		}
		changed++
		return os.WriteFile(path, []byte(strings.ReplaceAll(string(source), before, after)), 0o644)
	})
	require.NoError(t, err)
	require.NotZero(t, changed, "no Go file has %s", before)
}
