package ingest

import (
	"bytes"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// block is what one round of inserts writes. It holds the rows of all partitions
// together: the fewer parts overlap in time, the faster they are read.
type block struct {
	actions  store.Batch
	rejected []store.Rejected
	// ranges are what the ledger will be told, in the order in which they began.
	ranges []store.Range
	// bytes is the size of the messages.
	bytes int
	// event is the one that was decoded last. Its texts may be parts of its message.
	event store.Action
}

func (b *block) rows() int   { return b.actions.Rows() + len(b.rejected) }
func (b *block) empty() bool { return len(b.ranges) == 0 }

// add decodes one message, and counts it in the range that it belongs to. It keeps no
// reference to the message.
func (b *block) add(message action.Message, origin action.Origin, part *store.Range) {
	part.To = origin.Offset + 1
	b.bytes += message.Size()
	if rejection := message.DecodeInto(&b.event.Event, origin); rejection != nil {
		part.Rejected++
		b.rejected = append(b.rejected, store.Rejected{Rejection: *rejection, Origin: origin, Raw: bytes.Clone(message.Value), Headers: message.Headers})
		return
	}
	part.Accepted++
	if at := b.event.Time; part.FirstTime.IsZero() || at.Before(part.FirstTime) {
		part.FirstTime = at
	}
	if at := b.event.Time; at.After(part.LastTime) {
		part.LastTime = at
	}
	b.event.ContentHash, b.event.Origin = message.Hash(), origin
	b.actions.Append(&b.event)
}

// include adds a range whose rows are in the block.
func (b *block) include(part store.Range) {
	if part.From == part.To {
		return
	}
	// As a rule a partition's parts follow each other. Where another owner has settled
	// what Kafka has deleted since, they do not, and a range must not cover the gap.
	for i := range b.ranges {
		if r := &b.ranges[i]; r.Partition == part.Partition && r.To == part.From {
			extend(r, part)
			return
		}
	}
	b.ranges = append(b.ranges, part)
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
