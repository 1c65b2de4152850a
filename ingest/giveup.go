package ingest

import (
	"context"

	"github.com/actionlog/actionlog/pkg/store"
)

// GiveUp settles every record of a partition below an offset that is not settled
// yet, as lost: the operator's answer when Kafka has deleted records before ingest
// read them, or when the topic was created again. It returns how many records were
// given up. The note says who did it and why, and stays in the ledger.
func (i *Ingester) GiveUp(ctx context.Context, partition int, to int64, note string) (int64, error) {
	id, err := i.source.topicID(ctx)
	if err != nil {
		return 0, err
	}
	ledger, err := i.consumer.store.Settled(ctx, i.cfg.Topic)
	if err != nil {
		return 0, err
	}
	from := ledger[id][partition].Offset
	if to < from {
		to = from
	}
	r := store.Range{TopicID: id, Topic: i.cfg.Topic, Partition: partition, From: from, To: to, Lost: to - from, Note: note}
	if err := i.consumer.store.InsertRanges(ctx, []store.Range{r}); err != nil {
		return 0, err
	}
	return r.Lost, nil
}
