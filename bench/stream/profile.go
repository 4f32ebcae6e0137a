package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sluice/bench/internal/process"
)

// profileTime is how long a profile of the processor takes, in whole seconds.
const profileTime = 3 * time.Second

// profileCPU takes a profile of a server that is at work, where profiles are
// asked for, and returns what waits for it. A profile that fails is said, and
// ends nothing.
func (b *bench) profileCPU(s *stage, g group, c contestant) (wait func()) {
	if b.profile == "" {
		return func() {}
	}
	var work sync.WaitGroup
	work.Go(func() {
		// It lasts until the stage is closed at most.
		b.save(context.Background(), s, fmt.Sprintf("profile?seconds=%d", int(profileTime.Seconds())), b.profileName(g, c, "cpu"))
	})
	return work.Wait
}

// profileHeap saves what is on the heap and which goroutines there are.
func (b *bench) profileHeap(ctx context.Context, s *stage, g group, c contestant) {
	if b.profile == "" {
		return
	}
	b.save(ctx, s, "heap", b.profileName(g, c, "heap"))
	b.save(ctx, s, "goroutine", b.profileName(g, c, "goroutines"))
}

func (b *bench) profileName(g group, c contestant, kind string) string {
	return filepath.Join(b.profile, fmt.Sprintf("%s-%s-%d.%s.pprof", process.Plain(strings.ToLower(g.name)), process.Plain(c.name), b.round+1, kind))
}

func (b *bench) save(ctx context.Context, s *stage, what, file string) {
	if err := fetchTo(ctx, "http://"+s.where.Profile+"/debug/pprof/"+what, file); err != nil {
		say(b.out, "profile %s: %v\n", file, err)
	}
}

// fetchTo writes what is at an address to a file.
func fetchTo(ctx context.Context, address, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // All was read.
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answers %s", response.Status)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
