//go:build browser

package main

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice"
	"sluice/examples/internal/example"
	"sluice/internal/dashboard/browsertest"
)

// serve runs the example in this process until the test ends. The B of the
// client is where the page is; its input ends with endInput.
func serve(t *testing.T, o options) (c *example.Client, endInput func()) {
	t.Helper()
	s := o.system("ledger.")
	check := example.CheckTopic("ledger.")
	cfg := sluice.DefaultConfig()
	cfg.Broker.Listen, cfg.Broker.Data = "127.0.0.1:0", ""
	cfg.Producer.Listen, cfg.Consumer.Listen = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
	cfg.Producer.Topic = check
	started := make(chan sluice.Addresses, 1)
	program := sluice.New(cfg, sluice.Options{
		Broker: true, Producer: true, Consumer: true, Log: slog.New(slog.DiscardHandler),
		Topics:  append(s.Topics, sluice.Topic{Name: check, Partitions: 1, Compact: true}),
		Started: func(a sluice.Addresses) { started <- a },
	})
	for _, h := range s.Handlers {
		program.Handle(h.Config, h.Handler)
	}
	program.Page("/ledger/", s.Page)
	services, stopServices := context.WithCancel(context.Background())
	work, stop := context.WithCancel(services)
	input, endInput := context.WithCancel(work)
	var running, driving sync.WaitGroup
	running.Go(func() { require.NoError(t, program.Run(services)) })
	a := <-started
	c = &example.Client{A: "http://" + a.Producer[0], B: "http://" + a.Consumer[0], Input: input}
	driving.Go(func() { require.NoError(t, s.Drive(work, c)) })
	driving.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-work.Done():
				return
			case <-tick.C:
				_ = c.Write(work, check, example.Line{Key: "verdict", Value: s.Verdict()}) // The page tells when none comes.
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
	return c, endInput
}

// TestPage uses the page as its reader does, and then turns the light red.
func TestPage(t *testing.T) {
	c, endInput := serve(t, options{rate: 200})
	p := browsertest.Open(t, c.B+"/ledger/")
	p.Size(1200, 800)
	p.Scheme("light")
	p.WaitText("#light-title", "The accounts balance")
	p.WaitText("#total", "10,000,000.00")
	p.WaitText("#stream", "live")
	p.Wait("document.querySelectorAll('#entries tr').length === 16")
	p.Wait("document.querySelectorAll('#rejections li').length === 5")
	p.Wait("Number(document.getElementById('rate').textContent) > 50")
	p.Wait("Number(document.getElementById('duplicates').textContent.replace(',', '')) > 5 && document.getElementById('invalid').textContent !== '0'")

	t.Run("an account by replay, and live", func(t *testing.T) {
		p.Type("#account", "bank\r")
		p.WaitText("#account-note", "An account has four digits")
		p.Type("#account", "0042\r")
		p.WaitText("#account-note", "Table and ledger agree")
		count := "Number(/: ([0-9]+) entr/.exec(document.getElementById('account-note').textContent)?.[1])"
		p.Wait(count + " > 2")
		before := browsertest.Eval[int](p, count)
		require.NoError(t, c.Write(t.Context(), "ledger.transfers", example.Line{Key: "9999", Value: transfer{"by-hand", "9999", "0042", 1}}))
		p.Wait(count + " > " + strconv.Itoa(before))
		p.Run("document.querySelector('#entries button').click()")
		p.Wait("document.querySelector('#account').value !== '0042'")
		p.Type("#account", "0042\r")
		p.WaitText("#account-note", "0042: ")
	})

	t.Run("a pause", func(t *testing.T) {
		p.Press("Pause")
		before := p.Text("#ledger-note")
		p.WaitText("#pause", "Go on")
		total := browsertest.Eval[string](p, "document.getElementById('posted').textContent")
		p.Wait("document.getElementById('posted').textContent !== '" + total + "'")
		require.Equal(t, before, p.Text("#ledger-note"))
		p.Press("Go on")
		p.Wait("document.getElementById('ledger-note').textContent !== '" + before + "'")
	})

	for _, look := range []struct {
		name, scheme  string
		width, height int64
	}{{"light", "light", 1200, 800}, {"dark", "dark", 1200, 800}, {"narrow", "light", 820, 1000}, {"phone", "light", 360, 760}, {"phone-dark", "dark", 360, 760}} {
		t.Run(look.name, func(t *testing.T) {
			p.Size(look.width, look.height)
			p.Scheme(look.scheme)
			p.WaitText("#account-note", "Table and ledger agree")
			if os.Getenv("SCREENSHOTS") != "" { // A picture shows a line, and not its first dots.
				p.Wait("document.querySelector('#spark path').getAttribute('d')?.split(' ').length > 18")
			}
			shoot(t, p, look.name)
			require.Empty(t, p.LowContrast())
			require.Empty(t, p.Nameless())
			require.LessOrEqual(t, browsertest.Eval[int](p, "document.documentElement.scrollWidth"), int(look.width))
		})
	}

	t.Run("the end", func(*testing.T) {
		endInput()
		p.WaitText("#light-text", "The input has ended, and every transfer is accounted for.")
		p.WaitText("#way", "0.00")
	})

	t.Run("red", func(t *testing.T) {
		p.Size(1200, 800)
		p.Scheme("light")
		forged := entry{request{kindDebit, transfer{"forged", "0001", "0042", 100_00}, place{0, 999_999}}, []posting{{"0001", -100_00, 999, 1}, {"0042", 100_00, 999, 1}}}
		require.NoError(t, c.Write(t.Context(), "ledger.entries",
			example.Line{Key: "0042", Value: "hello"}, example.Line{Key: "0042", Value: entry{}}, example.Line{Key: "0042"},
			example.Line{Key: "0001", Value: forged}))
		p.WaitText("#light-title", "The accounts do not balance")
		p.WaitText("#offences", "are missing")
		p.WaitText("#offences", "cannot be read")
		p.WaitText("#entries", "forged")
		p.WaitText("#account-note", "Table and ledger agree")
		shoot(t, p, "red")
		require.Empty(t, p.LowContrast())
		require.Empty(t, p.Nameless())
	})
	require.Empty(t, p.Complaints())
}

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
		p.Screenshot("ledger-" + look)
	}
}

// shrink writes a picture with the colours that it has most of, which is enough
// for a page of text, and a third of the size.
func shrink(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	whole, err := png.Decode(bytes.NewReader(text))
	require.NoError(t, err)
	counts := map[color.Color]int{}
	bounds := whole.Bounds()
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			counts[whole.At(x, y)]++
		}
	}
	most := slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int { return counts[b] - counts[a] })
	small := image.NewPaletted(bounds, color.Palette(most[:min(len(most), 32)]))
	draw.Draw(small, bounds, whole, bounds.Min, draw.Src)
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small))
	require.NoError(t, os.WriteFile(name, out.Bytes(), 0o600))
	t.Logf("%s has %d bytes", name, out.Len())
}
