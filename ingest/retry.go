package ingest

import (
	"context"
	"errors"
	"time"
)

// The wait between attempts doubles from the first to the second.
const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 10 * time.Second
)

// The steps that are tried until they succeed, as the log and the metrics call them.
const (
	stepPrepare  = "prepare the topic"
	stepJoin     = "join the consumer group"
	stepResume   = "find where to resume"
	stepReplay   = "find what to replay"
	stepFetch    = "fetch"
	stepTopic    = "check the topic"
	stepEvents   = "insert events"
	stepRejected = "insert rejected messages"
	stepLedger   = "add to the ledger"
)

// retry does a step until it succeeds, ctx ends or it halts. The wait between
// attempts is jittered, so that many ingesters do not strike a server that comes
// back all at once.
func (c *consumer) retry(ctx context.Context, step string, do func(context.Context) error) error {
	failing := false
	defer func() {
		if failing {
			c.failing.Add(-1)
		}
	}()
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		begun := time.Now()
		err := do(ctx)
		c.metrics.attempted(step, time.Since(begun))
		if err == nil {
			return nil
		}
		var h halt
		if errors.As(err, &h) || ctx.Err() != nil {
			return err
		}
		if !failing {
			failing = true
			c.failing.Add(1)
		}
		c.metrics.retries.WithLabelValues(step).Inc()
		wait := backoff/2 + c.jitter(backoff/2)
		c.logger.WarnContext(ctx, step+", trying again", "error", err, "wait", wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}
