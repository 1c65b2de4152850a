package ingest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

const (
	// completenessInterval is how often it is looked at, and stated, how far the log is
	// complete.
	completenessInterval = time.Second
	// completenessTimeout keeps a store that does not answer from holding up the next try.
	completenessTimeout = 5 * time.Second
)

// completeness knows how far each partition of this member is complete: all that Kafka
// had acknowledged before a moment lies below where the log ended when it was asked after
// that moment, and once all below that is settled, it stays so.
//
// Where the log ends is asked for with ListOffsets. The end that comes with a fetch may be
// behind for a moment when a partition has a new leader; ListOffsets is answered with an
// error then. Records of open transactions lie below that end as well, so that one holds
// the moment back until it is committed or aborted.
type completeness struct {
	mu      sync.Mutex
	settled map[int]int64
	// pending is the moment that waits for a partition to be settled up to its end; there
	// is one at most, or a partition that is always a little behind would never get there.
	pending map[int]moment
}

// moment is when a log was asked for its end, and the answer.
type moment struct {
	at         time.Time
	end        int64
	partitions int // of the topic
}

func newCompleteness(positions map[int]int64) *completeness {
	return &completeness{settled: maps.Clone(positions), pending: map[int]moment{}}
}

// wrote takes note of ranges that the ledger has acknowledged, all of those before them
// included.
func (c *completeness) wrote(ranges []store.Range) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range ranges {
		c.settled[r.Partition] = max(c.settled[r.Partition], r.To)
	}
}

// saw takes note of where the logs ended after a moment, and returns the latest moment
// that each partition has reached, if it is a new one.
func (c *completeness) saw(logs map[int]bounds, at time.Time, partitions int) map[int]moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	reached := map[int]moment{}
	take := func(p int) {
		if m, ok := c.pending[p]; ok && c.settled[p] >= m.end {
			reached[p] = m
			delete(c.pending, p)
		}
	}
	for p, log := range logs {
		take(p)
		if waiting, ok := c.pending[p]; !ok || log.end <= waiting.end {
			c.pending[p] = moment{at, log.end, partitions}
		}
		take(p)
	}
	return reached
}

// partitions are those of this member.
func (c *completeness) partitions() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.settled))
}

// stateCompleteness states how far the partitions are complete, every second until ctx
// ends. Nothing waits for it, and what fails is left to the next time; the log tells when
// it begins to fail, and when it no longer does.
func (c *consumer) stateCompleteness(ctx context.Context, t topic, complete *completeness) error {
	ticker := time.NewTicker(completenessInterval)
	defer ticker.Stop()
	partitions := complete.partitions()
	failing := false
	for len(partitions) > 0 {
		err := c.stateOnce(ctx, t, complete, partitions)
		switch {
		case err != nil && !failing && ctx.Err() == nil:
			c.logger.WarnContext(ctx, "state how far the log is complete, trying again", "error", err)
		case err == nil && failing:
			c.logger.InfoContext(ctx, "it is stated again how far the log is complete")
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

func (c *consumer) stateOnce(ctx context.Context, t topic, complete *completeness, partitions []int) error {
	ctx, cancel := context.WithTimeout(ctx, completenessTimeout)
	defer cancel()
	at := time.Now() // before the question: what is acknowledged in between may lie beyond the end
	logs, err := c.source.bounds(ctx, partitions)
	if err != nil {
		return err
	}
	// Asked for after the ends: they could be those of another topic of the same name.
	id, all, err := c.source.describe(ctx)
	if err != nil {
		return err
	}
	if id != t.id {
		return nil // before the next block is written, ingest halts
	}
	var facts []store.Completeness
	for p, m := range complete.saw(logs, at, len(all)) {
		facts = append(facts, store.Completeness{TopicID: t.id, Topic: t.name, Partition: p, Partitions: m.partitions, Through: m.at.UTC().Truncate(time.Millisecond)})
	}
	return c.store.InsertCompleteness(ctx, facts)
}
