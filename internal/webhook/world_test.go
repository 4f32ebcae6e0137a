package webhook_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"sluice/internal/webhook"
)

// world is a webhook and its endpoint in one bubble of fake time, with pipes
// for a network.
type world struct {
	hook
	pipes *pipes
}

// newWorld starts an endpoint that f answers for. It ends with the test.
func newWorld(t *testing.T, cfg webhook.Config, f http.HandlerFunc) *world {
	t.Helper()
	cfg.URL = "http://billing.example/hook/s3cret?token=s3cret"
	w := &world{hook: newHook(t, cfg), pipes: newPipes()}
	server := &http.Server{Handler: f}
	w.Dial(w.pipes.dial)
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(w.pipes) }) // It ends with Close.
	t.Cleanup(func() {
		w.Close()
		_ = server.Close()
		wg.Wait()
		synctest.Wait()
	})
	return w
}

// pipes is a network with one listener.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	mu   sync.Mutex
	down error // of dial
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

// cut makes each new connection fail; nil mends it.
func (p *pipes) cut(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = err
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	p.mu.Lock()
	down := p.down
	p.mu.Unlock()
	if down != nil {
		return nil, down
	}
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, errors.New("closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
