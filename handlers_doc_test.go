package sluice_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// handlersDoc returns the blocks of docs/handlers.md in a language, in order.
func handlersDoc(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile("docs/handlers.md")
	require.NoError(t, err)
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, []string{"go", "console", "yaml"}, m[1], "a block that no test looks at")
		if m[1] == language {
			blocks = append(blocks, m[2])
		}
	}
	require.NotEmpty(t, blocks)
	return blocks
}

// Whole files are built below; the others are taken from examples that run.
func TestTheCodeOfHandlersDocIsThatOfExamples(t *testing.T) {
	var examples string
	for _, name := range []string{"example_test.go", "example_main_test.go", "consumer/example_test.go", "consumer/consumertest/example_test.go"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		examples += unindented(string(text))
	}
	for _, block := range handlersDoc(t, "go") {
		if !strings.HasPrefix(block, "package main\n") {
			require.Contains(t, examples, unindented(block))
		}
	}
}

func unindented(code string) string {
	lines := strings.Split(code, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimLeft(line, "\t")
	}
	return strings.Join(lines, "\n")
}

// The page's program is built, tested and tried as the page says.
func TestTheProgramOfHandlersDoc(t *testing.T) {
	if testing.Short() {
		t.Skip("it is built, which takes seconds")
	}
	files := slices.DeleteFunc(handlersDoc(t, "go"), func(b string) bool { return !strings.HasPrefix(b, "package main\n") })
	require.Len(t, files, 2, "the program and its test")
	require.Less(t, strings.Count(files[0], "\n"), 30, "it is said to be short")

	dir := filepath.Join(t.TempDir(), "billing")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(files[0]), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main_test.go"), []byte(files[1]), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sluice.yaml"), []byte(handlersDoc(t, "yaml")[0]), 0o600))
	here, err := os.Getwd()
	require.NoError(t, err)
	run := func(command string) {
		t.Helper()
		words := strings.Fields(strings.Replace(command, "../sluice", here, 1))
		for i, w := range words {
			if !strings.Contains(w, "=") {
				words = words[i:]
				break
			}
		}
		cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOPROXY=off", "GOFLAGS=", "GOWORK=")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", command, out)
	}
	consoles := handlersDoc(t, "console")
	for line := range strings.Lines(consoles[0]) {
		if command := strings.TrimPrefix(strings.TrimSpace(line), "$ "); command != "go run . dev" {
			run(command)
		}
	}
	run("go test .")
	run(strings.TrimPrefix(strings.Split(consoles[2], "\n")[0], "$ "))
	binary := filepath.Join(dir, "billing")

	// The settings of the page are right: what fails is an address.
	wrong := exec.CommandContext(t.Context(), binary, "--consumer-listen=256.0.0.1:1")
	wrong.Dir = dir
	out, err := wrong.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, 1, wrong.ProcessState.ExitCode(), "%s", out)
	require.NoError(t, os.Remove(filepath.Join(dir, "sluice.yaml")))

	p := startBinary(t, binary, "", devOnFreePorts())
	url := p.until(p.stderr, `curl -X POST (http://\S+/topics/orders) `)[1]
	curl := regexp.MustCompile(`^\$ curl -X POST http://127.0.0.1:8000/topics/orders -H 'Content-Type: (\S+)' -d '(.+)'\n$`).FindStringSubmatch(consoles[1])
	require.NotNil(t, curl, consoles[1])
	require.Eventually(t, func() bool {
		resp, err := http.Post(url, curl[1], strings.NewReader(curl[2]))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
	line := p.until(p.stdout, `^order .*$`)[0]
	text, err := os.ReadFile("docs/handlers.md")
	require.NoError(t, err)
	require.Contains(t, string(text), "the first one shows `"+line+"`")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	code, _, stderr := p.end()
	require.Zero(t, code, stderr)
}
