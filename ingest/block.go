package ingest

import (
	"slices"

	"github.com/actionlog/actionlog/pkg/store"
)

// chunk is what was made of a stretch of one partition.
type chunk struct {
	part     store.Range
	actions  []store.Action
	rejected []store.Rejected
	// bytes is the size of the messages.
	bytes int
}

// block is what one round of inserts writes. It holds the rows of all partitions
// together: the fewer parts overlap in time, the faster they are read.
type block struct {
	actions  []store.Action
	rejected []store.Rejected
	// parts holds one range a partition: its chunks follow each other without a gap.
	parts map[int]store.Range
	bytes int
}

func newBlock() *block { return &block{parts: map[int]store.Range{}} }

func (b *block) rows() int   { return len(b.actions) + len(b.rejected) }
func (b *block) empty() bool { return len(b.parts) == 0 }

func (b *block) add(c chunk) {
	b.actions = append(b.actions, c.actions...)
	b.rejected = append(b.rejected, c.rejected...)
	b.bytes += c.bytes
	r, ok := b.parts[c.part.Partition]
	if !ok {
		b.parts[c.part.Partition] = c.part
		return
	}
	r.To = c.part.To
	r.Accepted += c.part.Accepted
	r.Rejected += c.part.Rejected
	r.Skipped += c.part.Skipped
	if r.FirstTime.IsZero() || (!c.part.FirstTime.IsZero() && c.part.FirstTime.Before(r.FirstTime)) {
		r.FirstTime = c.part.FirstTime
	}
	if c.part.LastTime.After(r.LastTime) {
		r.LastTime = c.part.LastTime
	}
	b.parts[c.part.Partition] = r
}

// ranges returns the block's rows of the ledger, in the order of partitions.
func (b *block) ranges() []store.Range {
	ranges := make([]store.Range, 0, len(b.parts))
	for _, r := range b.parts {
		ranges = append(ranges, r)
	}
	slices.SortFunc(ranges, func(a, b store.Range) int { return a.Partition - b.Partition })
	return ranges
}
