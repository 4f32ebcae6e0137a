package main

import (
	"context"
	"fmt"

	"sluice"
	"sluice/internal/config"

	"github.com/alecthomas/kong"
)

type devCommand struct{ config.Dev }

// Run runs everything in one process.
func (c *devCommand) Run(ctx context.Context, std streams, kctx *kong.Context) error {
	cfg, embedded := c.All(kctx)
	return serve(ctx, std, cfg, sluice.Options{
		Producer: true, Consumer: true, Broker: embedded,
		Started: func(a sluice.Addresses) {
			_, _ = fmt.Fprint(std.err, config.Banner{ // A banner that cannot be written is no reason to stop.
				Config: cfg, Broker: a.Broker, Producer: a.Producer, Consumer: a.Consumer,
				Reads: `reads them; each appears below as "Message received: ..."`,
				Path:  "/produce", Body: `{"content": "hello"}`,
			})
		},
	})
}
