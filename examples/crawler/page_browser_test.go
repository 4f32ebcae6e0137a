//go:build browser

package main

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice"
	"sluice/examples/internal/example"
	"sluice/internal/dashboard/browsertest"
)

// serve runs the example in this process until the test ends, with a web of so
// many pages. The client's B is where the page is.
func serve(t *testing.T, f flags) *example.Client {
	t.Helper()
	f.web = "127.0.0.1:0"
	const prefix = "crawler."
	system := newSystem(prefix, f)
	cfg := sluice.DefaultConfig()
	cfg.Broker.Listen, cfg.Broker.Data = "127.0.0.1:0", ""
	cfg.Producer.Listen, cfg.Consumer.Listen = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
	cfg.Producer.Topic = example.CheckTopic(prefix)
	started := make(chan sluice.Addresses, 1)
	program := sluice.New(cfg, sluice.Options{
		Broker: true, Producer: true, Consumer: true, Log: slog.New(slog.DiscardHandler),
		Topics:  append(system.Topics, sluice.Topic{Name: example.CheckTopic(prefix), Partitions: 1, Compact: true}),
		Started: func(a sluice.Addresses) { started <- a },
	})
	for _, h := range system.Handlers {
		program.Handle(h.Config, h.Handler)
	}
	program.Page("/crawler/", system.Page)
	services, stopServices := context.WithCancel(context.Background())
	work, stop := context.WithCancel(services)
	var running, driving sync.WaitGroup
	running.Go(func() { require.NoError(t, program.Run(services)) })
	a := <-started
	c := &example.Client{A: "http://" + a.Producer[0], B: "http://" + a.Consumer[0], Input: work}
	driving.Go(func() { require.NoError(t, system.Drive(work, c)) })
	driving.Go(func() {
		for sleep(work, time.Second/2) == nil {
			_ = c.Write(work, example.CheckTopic(prefix), example.Line{Key: "verdict", Value: system.Verdict()}) // The page tells when none comes.
		}
	})
	t.Cleanup(func() {
		stop()
		driving.Wait()
		stopServices()
		running.Wait()
		c.Close()
	})
	return c
}

// TestPage looks at a crawl that is under way, chooses a host, and then turns
// the light red.
func TestPage(t *testing.T) {
	c := serve(t, flags{hosts: 200, pages: 50_000, pause: 40 * time.Millisecond})
	p := browsertest.Open(t, c.B+"/crawler/")
	p.Size(1200, 800)
	p.Scheme("light")
	p.WaitText("#light", "nothing lost, repeated or out of order so far")
	p.Wait("Number(document.getElementById('pages').textContent.replaceAll(',', '')) > 6000")
	p.Wait("document.querySelectorAll('#hosts button').length === 200")
	p.Wait("Number(document.getElementById('rate').textContent.replaceAll(',', '')) > 10")
	p.Wait("document.getElementById('rates').getAttribute('aria-label').includes('at most')")
	p.Wait("document.querySelectorAll('#latest tr').length === 15")
	p.Wait("document.querySelectorAll('#hosts .dead').length > 0")
	p.Screenshot("screenshot")
	require.Empty(t, p.LowContrast())
	require.Empty(t, p.Nameless())

	t.Run("a host, by the keyboard", func(t *testing.T) {
		p.Run("document.querySelector('#hosts button[tabindex=\"0\"]').focus()")
		p.Run("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))")
		require.Equal(t, "h001.web.test", browsertest.Eval[string](p, "document.activeElement.dataset.host"))
		p.Key("\r")
		p.WaitText("#latest-title", "h001.web.test")
		p.WaitText("#host", "frontier")
		p.Wait("[...document.querySelectorAll('#latest td:first-child')].every((cell) => cell.textContent.startsWith('h001 '))")
		require.Empty(t, p.LowContrast())
		p.Press("all hosts")
		p.WaitText("#latest-title", "Latest pages")
	})
	for _, look := range []struct {
		name, scheme  string
		width, height int64
	}{{"dark", "dark", 1200, 800}, {"phone", "light", 360, 760}, {"phone-dark", "dark", 360, 760}} {
		t.Run(look.name, func(t *testing.T) {
			p.Size(look.width, look.height)
			p.Scheme(look.scheme)
			p.Screenshot("crawler-" + look.name)
			require.Empty(t, p.LowContrast())
			require.LessOrEqual(t, browsertest.Eval[int](p, "document.documentElement.scrollWidth"), int(look.width))
		})
	}
	require.NoError(t, c.Write(t.Context(), "crawler.pages", example.Line{Key: "h001.web.test", Value: map[string]string{"url": "http://h001.web.test/private/<b>secret</b>"}}))
	p.WaitText("#wrong", "<b>secret</b>")
	p.WaitText("#light", "wrong")
	require.Empty(t, p.LowContrast())
	require.Empty(t, p.Complaints())
}

// TestPageOfACompleteCrawl says what is seen at the end, also by who comes then.
func TestPageOfACompleteCrawl(t *testing.T) {
	c := serve(t, flags{hosts: 20, pages: 200, pause: 20 * time.Millisecond})
	p := browsertest.Open(t, c.B+"/crawler/")
	p.WaitText("#light", "complete: each page is there exactly once")
	p.Go(c.B + "/crawler/")
	p.WaitText("#light", "complete: each page is there exactly once")
	p.WaitText("#left", "0")
	p.Wait("document.getElementById('pages-note').textContent === 'of ' + document.getElementById('pages').textContent + ' that can be reached'")
	require.Zero(t, browsertest.Eval[int](p, "document.querySelectorAll('#hosts .ok, #hosts .off, #hosts .slow, #hosts .new').length"))
	require.Empty(t, p.Complaints())
}
