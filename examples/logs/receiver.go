package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// maxAlert is the longest body that is read.
const maxAlert = 64 << 10

// receiver is where the alerts are delivered to, as somebody else's service
// would be: it believes what has a good signature and nothing else.
type receiver struct {
	verifier *standardwebhooks.Webhook
	arrived  func(alert)
}

// ServeHTTP takes an alert.
func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAlert))
	if err != nil || v.verifier.Verify(body, r.Header) != nil {
		http.Error(w, "the request has no signature that is made with the secret of -secrets", http.StatusUnauthorized)
		return
	}
	var a alert
	if err := json.Unmarshal(body, &a); err != nil {
		http.Error(w, "the request is not an alert: "+err.Error(), http.StatusBadRequest)
		return
	}
	v.arrived(a)
	w.WriteHeader(http.StatusNoContent)
}

// run serves until ctx ends.
func (v *receiver) run(ctx context.Context, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for alerts: %w: choose another address with -hook", err)
	}
	server := &http.Server{Handler: v, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // Whoever is cut off comes again.
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("receive alerts: %w", err)
	}
	return nil
}
