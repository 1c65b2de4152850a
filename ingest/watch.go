package ingest

import (
	"context"
	"time"
)

// watchInterval is how often the logs are looked at for the metrics.
const watchInterval = 5 * time.Second

// watch looks at where the logs of partitions begin and end until ctx ends. Fetches
// would tell it too, but there are none while the store is slow: just when lag, and
// what retention is about to delete, have to be seen.
func (i *Ingester) watch(ctx context.Context, partitions []int) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		if logs, err := i.source.bounds(ctx, partitions); err == nil {
			i.metrics.saw(logs, time.Now())
		} else {
			i.logger.DebugContext(ctx, "look at the logs", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
