package ingest

import (
	"context"

	"github.com/actionlog/actionlog/pkg/store"
)

// FetchFrom fetches a partition from one offset to another, as an ingester does that
// resumes there. It returns the ids of the events and what the ledger would be told.
func (i *Ingester) FetchFrom(ctx context.Context, partition int, from, to int64) (ids []string, r store.Range, err error) {
	id, err := i.source.topicID(ctx)
	if err != nil {
		return nil, r, err
	}
	all, turns := &block{}, make(chan *block, 1)
	turns <- all
	f := fetcher{
		consumer: i.consumer, topic: topic{i.cfg.Topic, id}, partition: partition, position: from, fetchBytes: 1 << 20, turns: turns, added: turns,
	}
	for f.position < to {
		if err := f.fetch(ctx); err != nil {
			return nil, r, err
		}
	}
	for n := range all.actions.Rows() {
		ids = append(ids, all.actions.Row(n).ID)
	}
	return ids, all.ranges[0], nil
}
