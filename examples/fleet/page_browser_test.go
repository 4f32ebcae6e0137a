//go:build browser

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice"
	"sluice/examples/internal/example"
	"sluice/internal/dashboard/browsertest"
)

// serve runs the example in this process until the test ends. It returns a
// client, whose B is where the page is.
func serve(t *testing.T, s settings) *example.Client {
	t.Helper()
	system := newSystem("fleet.", &s)
	cfg := sluice.DefaultConfig()
	cfg.Broker.Listen, cfg.Broker.Data = "127.0.0.1:0", ""
	cfg.Producer.Listen, cfg.Consumer.Listen = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
	cfg.Producer.Topic = example.CheckTopic("fleet.")
	started := make(chan sluice.Addresses, 1)
	program := sluice.New(cfg, sluice.Options{
		Broker: true, Producer: true, Consumer: true, Log: slog.New(slog.DiscardHandler),
		Topics:  append(system.Topics, sluice.Topic{Name: example.CheckTopic("fleet."), Partitions: 1, Compact: true}),
		Started: func(a sluice.Addresses) { started <- a },
	})
	for _, h := range system.Handlers {
		program.Handle(h.Config, h.Handler)
	}
	program.Page("/fleet/", system.Page)
	services, stopServices := context.WithCancel(context.Background())
	work, stop := context.WithCancel(services)
	var running, driving sync.WaitGroup
	running.Go(func() { require.NoError(t, program.Run(services)) })
	a := <-started
	c := &example.Client{A: "http://" + a.Producer[0], B: "http://" + a.Consumer[0], Input: work}
	driving.Go(func() {
		if err := system.Drive(work, c); work.Err() == nil {
			require.NoError(t, err)
		}
	})
	driving.Go(func() {
		for work.Err() == nil {
			_ = c.Write(work, "fleet.check", example.Line{Key: "verdict", Value: system.Verdict()}) // The page tells when none comes.
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

// TestPage uses the page as its reader does, and then turns the light red.
func TestPage(t *testing.T) {
	c := serve(t, settings{vehicles: 2000, every: 2 * time.Second, clock: 3, seed: 1})
	p := browsertest.Open(t, c.B+"/fleet/")
	p.Size(1200, 800)
	p.Scheme("light")
	p.WaitText("#vehicles", "2,000")
	p.WaitText("#light", "Nothing lost, repeated or out of order")
	p.Wait("document.querySelectorAll('#alerts li').length > 30")
	p.Wait("Number(document.getElementById('speeding').textContent) > 3")
	p.Wait("Number(document.getElementById('rate').textContent.replace(',', '')) > 500")
	p.Wait("document.getElementById('dropped').textContent !== '0'")
	require.Contains(t, browsertest.Eval[string](p, "document.getElementById('summary').textContent"), "2000 vehicles")
	require.True(t, browsertest.Eval[bool](p, painted), "vehicles are drawn")

	t.Run("a vehicle and where it has been", func(*testing.T) {
		p.Type("#wanted", "42\r")
		p.WaitText("#name", "v0042")
		p.WaitText("#trail", "points of the last ten minutes")
		p.Wait("/^([3-9]|[1-9][0-9]+) points/.test(document.getElementById('trail').textContent) && !document.getElementById('trail').textContent.includes('replaying')")
		p.Type("#wanted", "77777\r")
		p.WaitText("#miss", "There is no vehicle v77777 just now.")
		p.Type("#wanted", "bus\r")
		p.WaitText("#miss", "A vehicle is named by its number")
		p.Run("document.querySelector('#alerts button').click()")
		p.Wait("document.querySelector('#alerts .chosen-one button').textContent === document.getElementById('name').textContent")
		p.Key("\x1b")
		p.Wait("document.getElementById('chosen').hidden")
	})

	t.Run("the map by keyboard", func(*testing.T) {
		p.Press("Show the whole city")
		p.Run("await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
		before := browsertest.Eval[string](p, ground)
		p.Run("document.getElementById('cars').focus()")
		p.Key("+++")
		p.Wait(ground + " !== '" + before + "'")
		near := browsertest.Eval[string](p, ground)
		p.Run("document.getElementById('cars').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' }))")
		p.Wait(ground + " !== '" + near + "'")
		p.Key("0")
		p.Wait(ground + " === '" + before + "'")
		p.Press("Zoom in")
		p.Wait(ground + " !== '" + before + "'")
		p.Press("Show the whole city")
		p.Wait(ground + " === '" + before + "'")
	})

	for _, look := range []struct {
		name, scheme  string
		width, height int64
	}{{"light", "light", 1200, 800}, {"dark", "dark", 1200, 800}, {"narrow", "light", 820, 1000}, {"phone", "light", 360, 760}, {"phone-dark", "dark", 360, 760}} {
		t.Run(look.name, func(t *testing.T) {
			p.Size(look.width, look.height)
			p.Scheme(look.scheme)
			p.Wait("document.getElementById('ground').clientWidth > 300 && " + painted)
			if look.name == "light" {
				p.Type("#wanted", "1207\r")
				p.WaitText("#trail", "points")
				if os.Getenv("SCREENSHOTS") != "" { // A picture with a trail that can be seen.
					p.Wait("/^(1[2-9]|[2-9][0-9])/.test(document.getElementById('trail').textContent)")
				}
				p.Press("Show the whole city")
			}
			shoot(t, p, look.name)
			require.Empty(t, p.LowContrast())
			require.Empty(t, p.Nameless())
			require.LessOrEqual(t, browsertest.Eval[int](p, "document.documentElement.scrollWidth"), int(look.width))
		})
	}

	t.Run("red", func(t *testing.T) {
		p.Size(1200, 800)
		forged := alert{Vehicle: "v0042", Seq: 1, Kind: "enter", Zone: "Depot", T: time.Now().UnixMilli()}
		require.NoError(t, c.Write(t.Context(), "fleet.alerts", example.Line{Key: "v0042", Value: forged}))
		p.WaitText("#light", "1 found wrong")
		p.WaitText("#offences", "of v0042")
		require.Equal(t, "red", browsertest.Eval[string](p, "document.getElementById('checker').dataset.light"))
		shoot(t, p, "red")
		require.Empty(t, p.LowContrast())
	})
	require.Empty(t, p.Complaints())
}

const (
	// painted says whether there is something on the canvas of the vehicles.
	painted = "(() => { const c = document.getElementById('cars'); return c.toDataURL() !== Object.assign(document.createElement('canvas'), { width: c.width, height: c.height }).toDataURL(); })()"
	// ground is what the canvas of the ground shows, in a few characters.
	ground = "(() => { let h = 0; for (const c of document.getElementById('ground').toDataURL()) h = (h * 31 + c.charCodeAt(0)) | 0; return String(h); })()"
)

// shoot keeps a picture where SCREENSHOTS says so; the light one is the README's.
func shoot(t *testing.T, p *browsertest.Page, look string) {
	t.Helper()
	switch dir := os.Getenv("SCREENSHOTS"); {
	case dir == "":
	case look == "light":
		t.Setenv("SCREENSHOTS", ".")
		p.Screenshot("screenshot")
		shrink(t, "screenshot.png")
	default:
		p.Screenshot(fmt.Sprintf("fleet-%s", look))
	}
}
