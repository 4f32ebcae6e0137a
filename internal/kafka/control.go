package kafka

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Control is a connection for questions about the cluster, apart from those
// that carry records, so that neither waits for the other.
type Control struct {
	client *kgo.Client
	admin  *kadm.Client
	log    *slog.Logger
}

// controlDialTimeout is short: a broker whose host is down must not keep a
// question from the others for long.
const controlDialTimeout = time.Second

// NewControl makes a Control. It connects when it is first used.
func NewControl(cfg Config, log *slog.Logger) (*Control, error) {
	opts, err := cfg.Options(log)
	if err != nil {
		return nil, err
	}
	dial, err := cfg.Dialer(controlDialTimeout)
	if err != nil {
		return nil, err
	}
	// A question is asked again by whoever still wants to know: a short retry
	// finds another broker, a long one would hide that there is none.
	client, err := kgo.NewClient(append(opts,
		kgo.Dialer(dial),
		kgo.RequestRetries(3),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
	)...)
	if err != nil {
		return nil, err
	}
	return &Control{client: client, admin: kadm.NewClient(client), log: log}, nil
}

// Admin returns the administration client.
func (c *Control) Admin() *kadm.Client { return c.admin }

// Close ends the connection.
func (c *Control) Close() { c.client.Close() }

// Prepare succeeds when the cluster answers and, if create is set, the topics
// are there. A cluster that answers but will not create a topic for a reason
// that time does not mend (authorization, policy) is a warning: the service
// runs, and says at each request what is missing.
func (c *Control) Prepare(ctx context.Context, create bool, topics ...string) error {
	if _, err := metadata(ctx, c.client); err != nil {
		return err
	}
	if !create || len(topics) == 0 {
		return nil
	}
	err := c.CreateTopics(ctx, 0, topics...)
	var code *kerr.Error
	if errors.As(err, &code) && !code.Retriable {
		c.log.WarnContext(ctx, "topics could not be created", slog.Any("topics", topics), slog.Any("error", err))
		return nil
	}
	return err
}
