package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// How much a fetcher adds to a block before others have their turn, in records and in
// bytes of messages.
const (
	turnRows  = 1000
	turnBytes = 1 << 20
)

// fetcher reads one partition.
type fetcher struct {
	*consumer
	topic     topic
	partition int
	// position is the next offset to read.
	position int64
	// fetchBytes is how much is asked for at a time.
	fetchBytes int
	// turns gives the block that is being filled to one fetcher at a time, which gives it
	// back to added.
	turns <-chan *block
	added chan<- *block
}

// run fetches, and decodes into blocks, until ctx ends.
func (f *fetcher) run(ctx context.Context) error {
	for {
		if err := f.retry(ctx, stepFetch, f.fetch); err != nil {
			return fmt.Errorf("fetch %s[%d] at offset %d: %w", f.topic.name, f.partition, f.position, err)
		}
	}
}

// fetch asks for records once. It returns nil when there were none.
func (f *fetcher) fetch(ctx context.Context) error {
	records, err := f.source.fetch(ctx, f.partition, f.position, f.fetchBytes)
	if errors.Is(err, errOutOfRange) {
		return f.outOfRange(ctx)
	}
	if err != nil {
		return err
	}
	before, empty := f.position, records.empty()
	for more := true; more; {
		if more, err = f.turn(ctx, records); err != nil {
			return err
		}
	}
	if f.position == before && !empty {
		// It would be returned again, at once and for ever.
		return fmt.Errorf("the broker returns a batch without a record at or after offset %d: "+
			"set cleanup.policy=delete for the topic, compaction removes events", f.position)
	}
	return nil
}

// turn adds the next records to the block that is being filled. It reports whether
// there may be more.
func (f *fetcher) turn(ctx context.Context, records fetched) (more bool, err error) {
	var b *block
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case b = <-f.turns:
	}
	part := store.Range{TopicID: f.topic.id, Topic: f.topic.name, Partition: f.partition, From: f.position, To: f.position}
	more, err = f.read(records, b, &part)
	b.include(part) // what was read before an error is good
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case f.added <- b:
		f.position = part.To
		f.metrics.read(part)
		return more, err
	}
}

// skip counts the offsets up to the given one as holding no event: what is there is
// a transaction's marker, was aborted, or is gone.
func skip(part *store.Range, offset int64) {
	if offset > part.To {
		part.Skipped += offset - part.To
		part.To = offset
	}
}

// read adds the next records to a block, and to what its ledger will be told of them.
func (f *fetcher) read(records fetched, b *block, part *store.Range) (more bool, err error) {
	for enough := b.bytes + turnBytes; ; {
		r, err := records.next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("read a record after offset %d: %w", part.To, err)
		}
		if r.offset < part.To {
			continue // brokers return whole batches, which may begin before the position
		}
		if !r.event {
			skip(part, r.offset+1)
			continue
		}
		skip(part, r.offset)
		b.add(r.message, action.Origin{
			TopicID: f.topic.id, Topic: f.topic.name, Partition: f.partition, Offset: r.offset, Time: r.time.UTC(),
		}, part)
		if part.Accepted+part.Rejected >= turnRows || b.bytes >= enough {
			return true, nil
		}
	}
}

// outOfRange decides what it means that the broker does not have the position.
func (f *fetcher) outOfRange(ctx context.Context) error {
	if err := f.checkTopic(ctx, f.topic); err != nil {
		return err
	}
	positions, err := f.positions(ctx, f.topic, []int{f.partition})
	if err != nil {
		return err
	}
	if settled := positions[f.partition]; settled > f.position {
		f.position = settled
		return nil
	}
	return haltf("topic %s partition %d has no offset %d any more, though it is not settled: see the broker's log, then restart ingest",
		f.topic.name, f.partition, f.position)
}
