package ingest

import (
	"context"
	"fmt"

	"github.com/actionlog/actionlog/pkg/store"
)

// GiveUp settles the records of a partition below an offset that are not settled
// yet, as lost: the operator's answer when Kafka has deleted records before ingest
// read them, or when the topic was created again. What Kafka still has cannot be
// given up. It returns how many records were. The note says who did it and why, and
// stays in the ledger.
func (i *Ingester) GiveUp(ctx context.Context, partition int, to int64, note string) (int64, error) {
	return i.consumer.giveUp(ctx, partition, to, note)
}

func (c *consumer) giveUp(ctx context.Context, partition int, to int64, note string) (int64, error) {
	id, err := c.source.topicID(ctx)
	if err != nil {
		return 0, err
	}
	bounds, err := c.source.bounds(ctx, []int{partition})
	if err != nil {
		return 0, err
	}
	if first := bounds[partition].first; to > first {
		return 0, fmt.Errorf("topic %s partition %d begins at offset %d: what Kafka still has is not given up, say %d or less", c.cfg.Topic, partition, first, first)
	}
	if err := c.checkTopic(ctx, topic{c.cfg.Topic, id}); err != nil {
		return 0, err
	}
	ledger, err := c.store.Settled(ctx, c.cfg.Topic)
	if err != nil {
		return 0, err
	}
	from := ledger[id][partition].Offset
	to = max(to, from)
	if len(ledger) > 0 && ledger[id] == nil {
		// The topic was created again: what the old one had stored is settled by nobody else.
		if err := c.store.Abandon(ctx, c.cfg.Topic, id, note); err != nil {
			return 0, err
		}
	}
	r := store.Range{TopicID: id, Topic: c.cfg.Topic, Partition: partition, From: from, To: to, Lost: to - from, Note: note}
	if err := c.store.InsertRanges(ctx, []store.Range{r}); err != nil {
		return 0, err
	}
	return r.Lost, nil
}

// Settled returns up to where each partition of the topic, as it is now, is settled.
func (i *Ingester) Settled(ctx context.Context) (map[int]int64, error) {
	id, err := i.source.topicID(ctx)
	if err != nil {
		return nil, err
	}
	ledger, err := i.consumer.store.Settled(ctx, i.cfg.Topic)
	if err != nil {
		return nil, err
	}
	offsets := map[int]int64{}
	for partition, settled := range ledger[id] {
		offsets[partition] = settled.Offset
	}
	return offsets, nil
}
