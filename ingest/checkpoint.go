package ingest

import (
	"context"
	"time"
)

// checkpointInterval bounds how many ranges have to be read to find where to resume.
const checkpointInterval = 10 * time.Minute

// checkpoint writes down how far the topic is settled, now and then, until ctx ends.
// Nothing depends on it but the time that it takes to find where to resume.
func (c *consumer) checkpoint(ctx context.Context, t topic) error {
	ticker := time.NewTicker(checkpointInterval)
	defer ticker.Stop()
	for {
		if err := c.store.Checkpoint(ctx, t.name); err != nil && ctx.Err() == nil {
			c.logger.WarnContext(ctx, "write a checkpoint", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
