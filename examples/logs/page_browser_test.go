//go:build browser

package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice"
	"sluice/examples/internal/example"
	"sluice/internal/dashboard/browsertest"
)

// serve runs the example in this process until the test ends, and returns where
// service B is. verdict, where it is not nil, is published instead of the
// checker's.
func serve(t *testing.T, o *options, verdict func() example.Verdict) *example.Client {
	t.Helper()
	o.hook, o.secrets = freeAddress(t), filepath.Join(t.TempDir(), "secrets")
	s, check := o.system("logs."), example.CheckTopic("logs.")
	cfg := sluice.DefaultConfig()
	cfg.Broker.Listen, cfg.Broker.Data = "127.0.0.1:0", ""
	cfg.Producer.Listen, cfg.Consumer.Listen = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
	cfg.Producer.Topic = check
	s.Configure(&cfg)
	started := make(chan sluice.Addresses, 1)
	program := sluice.New(cfg, sluice.Options{
		Broker: true, Producer: true, Consumer: true, Log: slog.New(slog.DiscardHandler),
		Topics:  append(s.Topics, sluice.Topic{Name: check, Partitions: 1, Compact: true}),
		Started: func(a sluice.Addresses) { started <- a },
	})
	for _, h := range s.Handlers {
		program.Handle(h.Config, h.Handler)
	}
	program.Page("/logs/", s.Page)
	services, stopServices := context.WithCancel(context.Background())
	work, stop := context.WithCancel(services)
	var running, driving sync.WaitGroup
	running.Go(func() { require.NoError(t, program.Run(services)) })
	a := <-started
	c := &example.Client{A: "http://" + a.Producer[0], B: "http://" + a.Consumer[0], Input: work}
	driving.Go(func() {
		if err := s.Drive(work, c); work.Err() == nil {
			require.NoError(t, err)
		}
	})
	driving.Go(func() {
		for work.Err() == nil {
			v := s.Verdict()
			if verdict != nil {
				v = verdict()
			}
			_ = c.Write(work, check, example.Line{Key: "verdict", Value: v}) // The page tells when none comes.
			select {
			case <-work.Done():
			case <-time.After(time.Second):
			}
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

// TestPage uses the page as its reader does.
func TestPage(t *testing.T) {
	old := filepath.Join(t.TempDir(), "dpkg.log")
	require.NoError(t, os.WriteFile(old, []byte("2025-11-02 10:00:01 status installed a:amd64 1\n2025-11-02 10:00:09 status error b:amd64 2\n"), 0o600))
	// With this seed there is a storm when the past is told.
	o := &options{rate: 200, past: 188 * time.Second, seed: 4, files: old}
	c := serve(t, o, nil)
	p := browsertest.Open(t, c.B+"/logs/")
	p.Size(1200, 800)
	p.Scheme("light")
	p.WaitText("#check", "every count agrees")
	p.WaitText("#stream", "live")
	p.WaitText("#alerts", "errors")
	p.Wait("document.querySelectorAll('#services tr').length === 31") // One of them is the file.
	p.Wait("document.querySelectorAll('#rows tr').length > 30")
	p.Wait("document.querySelectorAll('#templates li').length > 15")
	p.WaitText("#now", "lines/s")
	p.WaitText("#lines-status", "live")
	p.Wait("Number(document.querySelector('#check').innerText.replaceAll(',', '').match(/(\\d+) lines/)[1]) > 36000") // The past is there.
	p.Wait("Date.now() / 1000 - document.querySelector('#chart').dataset.newest < 8")
	p.Wait("document.querySelector('#alerts li.on')")
	p.Screenshot("screenshot")
	require.Empty(t, p.LowContrast())
	require.Empty(t, p.Nameless())

	p.Press("errors")
	p.Wait("[...document.querySelectorAll('#rows tr')].length > 0 && [...document.querySelectorAll('#rows tr')].every((row) => row.className === 'error')")
	p.Press("Search 5 min")
	p.WaitText("#lines-status", "found in the last five minutes")
	found, err := strconv.Atoi(browsertest.Eval[string](p, "document.querySelector('#lines-status').innerText.replaceAll(',', '').match(/\\d+/)[0]"))
	require.NoError(t, err)
	require.Greater(t, found, 100)
	p.Wait("document.querySelectorAll('#rows tr').length === " + strconv.Itoa(min(found, 200)))

	p.Run("document.querySelector('#services tr:last-child').scrollIntoView()")
	require.Equal(t, "old", browsertest.Eval[string](p, "document.querySelector('#services tr:last-child').className"), "it says nothing now")
	p.Screenshot("old")
	p.Press("checkout")
	p.WaitText("#chart-title", "checkout")
	p.WaitText("#lines-status", "found in the last five minutes")
	p.Wait("[...document.querySelectorAll('#rows td:nth-child(3)')].every((cell) => cell.innerText === 'checkout')")
	p.Press("Show all")
	p.Type("#filter", "value.(\r")
	p.WaitText("#problem", "filter")
	require.Equal(t, "true", browsertest.Eval[string](p, "document.querySelector('#filter').ariaInvalid"))
	p.Type("#filter", "key == \"cart\"\r")
	p.Wait("document.querySelectorAll('#rows tr').length > 0 && [...document.querySelectorAll('#rows td:nth-child(3)')].every((cell) => cell.innerText === 'cart')")

	p.Scheme("dark")
	p.Screenshot("dark")
	require.Empty(t, p.LowContrast())
	p.Size(360, 760)
	p.Screenshot("phone")
	require.Empty(t, p.LowContrast())
	require.LessOrEqual(t, browsertest.Eval[int](p, "document.documentElement.scrollWidth"), 360)
	require.Empty(t, slices.DeleteFunc(p.Complaints(), func(c string) bool { return strings.Contains(c, "422") }), "a wrong filter is answered so")
}

// TestTheLightTurnsRed shows what the checker has found, as text.
func TestTheLightTurnsRed(t *testing.T) {
	c := serve(t, &options{rate: 1, seed: 1}, func() example.Verdict {
		return example.Verdict{Offences: []string{"cart: second 17 is <b>not</b> in the table"}, Figures: []example.Figure{{Name: "lines", Value: 7}}}
	})
	p := browsertest.Open(t, c.B+"/logs/")
	p.WaitText("#check.wrong", "something is wrong")
	p.WaitText("#offences", "second 17 is <b>not</b> in the table")
	require.Empty(t, p.LowContrast())
	require.Empty(t, p.Complaints())
}
