package ingest

import "github.com/actionlog/actionlog/pkg/store"

// chunk is what was made of a stretch of one partition.
type chunk struct {
	part     store.Range
	actions  store.Batch
	rejected []store.Rejected
	// bytes is the size of the messages, with their headers: rejected ones keep these.
	bytes int
	// event is the one that was decoded last. Its texts may be parts of its message.
	event store.Action
}

func (c *chunk) reset() {
	c.actions.Reset()
	c.part, c.rejected, c.bytes = store.Range{}, nil, 0
}

// block is what one round of inserts writes. It holds the rows of all partitions
// together: the fewer parts overlap in time, the faster they are read.
type block struct {
	actions  store.Batch
	rejected []store.Rejected
	// ranges are what the ledger will be told, in the order in which they began.
	ranges []store.Range
	bytes  int
}

func (b *block) rows() int   { return b.actions.Rows() + len(b.rejected) }
func (b *block) empty() bool { return len(b.ranges) == 0 }

func (b *block) add(c *chunk) {
	b.actions.AppendBatch(&c.actions)
	b.rejected = append(b.rejected, c.rejected...)
	b.bytes += c.bytes
	// As a rule a partition's chunks follow each other. Where another owner has settled
	// what Kafka has deleted since, they do not, and a range must not cover the gap.
	for i := range b.ranges {
		if r := &b.ranges[i]; r.Partition == c.part.Partition && r.To == c.part.From {
			extend(r, c.part)
			return
		}
	}
	b.ranges = append(b.ranges, c.part)
}

// reset empties the block for new rows.
func (b *block) reset() {
	b.actions.Reset()
	b.rejected, b.ranges, b.bytes = nil, nil, 0
}

// extend adds to a range the one that follows it.
func extend(r *store.Range, next store.Range) {
	r.To = next.To
	r.Accepted += next.Accepted
	r.Rejected += next.Rejected
	r.Skipped += next.Skipped
	if r.FirstTime.IsZero() || (!next.FirstTime.IsZero() && next.FirstTime.Before(r.FirstTime)) {
		r.FirstTime = next.FirstTime
	}
	if next.LastTime.After(r.LastTime) {
		r.LastTime = next.LastTime
	}
}
