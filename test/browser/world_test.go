//go:build browser

// Package browser_test uses the dashboard in Chromium against the whole
// program: service A, service B and a broker, in processes that are stopped,
// killed and started again. What each part of the page does by itself is tested
// in internal/dashboard.
package browser_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"sluice"
)

// asProgram, in the environment, makes the test binary the program.
const asProgram = "TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	_ = os.Unsetenv(asProgram) // Nobody below reads it.
	sluice.Main()
}

// services are A and B in one process, and a broker where no other is named.
type services struct {
	t            *testing.T
	dir          string
	args         []string
	a, b, broker string // addresses
	cmd          *exec.Cmd
}

// startServices starts them with settings in YAML, and stops them with the test.
func startServices(t *testing.T, settings string, args ...string) *services {
	t.Helper()
	ports := freePorts(t, 3)
	s := &services{t: t, dir: t.TempDir(), a: ports[0], b: ports[1], broker: ports[2]}
	s.args = append([]string{"dev", "--ephemeral", "--config=sluice.yaml", "--producer-listen=" + s.a, "--consumer-listen=" + s.b, "--broker-listen=" + s.broker}, args...)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "sluice.yaml"), []byte(settings), 0o600))
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil { // It runs.
			_ = s.cmd.Process.Signal(syscall.SIGTERM) // They may have ended.
			s.ended(syscall.SIGTERM)
		}
		http.DefaultClient.CloseIdleConnections()
		if t.Failed() {
			t.Logf("the log of the services:\n%s", s.log())
		}
	})
	s.start()
	return s
}

// start starts them, or starts them again.
func (s *services) start() {
	s.t.Helper()
	own, err := os.Executable()
	require.NoError(s.t, err)
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(s.t, err)
	defer func() { _ = log.Close() }()
	s.cmd = exec.Command(own, s.args...)
	s.cmd.Dir, s.cmd.Stderr = s.dir, log
	s.cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + s.dir}
	require.NoError(s.t, s.cmd.Start())
	s.await("the services are ready", func() bool { return ready(s.a) && ready(s.b) })
}

// ended waits until they have ended. Where they were not killed, the stop is a clean one.
func (s *services) ended(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Wait(); sig != syscall.SIGKILL {
		require.NoError(s.t, err)
	}
}

func (s *services) log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	require.NoError(s.t, err)
	return string(text)
}

// await waits for what another process does.
func (s *services) await(what string, ok func() bool) {
	s.t.Helper()
	require.Eventually(s.t, ok, 30*time.Second, 20*time.Millisecond, what)
}

func ready(address string) bool {
	resp, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// write writes through service A: path is a topic and the parameters of the
// request, headers are names and values.
func (s *services) write(path, value string, headers ...string) {
	s.t.Helper()
	code, answer := s.ask(http.MethodPost, s.a, "/topics/"+path, value, headers...)
	require.Equal(s.t, http.StatusOK, code, answer)
}

func (s *services) ask(method, address, path, body string, headers ...string) (status int, answer string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+address+path, strings.NewReader(body))
	require.NoError(s.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(text)
}

// freePorts returns addresses that nobody listens on.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	addresses := make([]string, n)
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = l.Close() }()
		addresses[i] = l.Addr().String()
	}
	return addresses
}
