package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// How much of a fetch's answer is handed on at a time.
const (
	chunkRows  = 5000
	chunkBytes = 4 << 20
)

// fetcher reads one partition.
type fetcher struct {
	*consumer
	topic     topic
	partition int
	// position is the next offset to read.
	position int64
}

// run fetches and decodes, and hands on what it made, until ctx ends.
func (f *fetcher) run(ctx context.Context, chunks chan<- chunk) error {
	for {
		err := f.retry(ctx, "fetch", func(ctx context.Context) error { return f.fetch(ctx, chunks) })
		if err != nil {
			return fmt.Errorf("fetch %s[%d] at offset %d: %w", f.topic.name, f.partition, f.position, err)
		}
	}
}

// fetch asks for records once. It returns nil when there were none.
func (f *fetcher) fetch(ctx context.Context, chunks chan<- chunk) error {
	records, err := f.source.fetch(ctx, f.partition, f.position)
	if errors.Is(err, errOutOfRange) {
		return f.outOfRange(ctx)
	}
	if err != nil {
		return err
	}
	before, empty := f.position, records.empty()
	for more := true; more; {
		var c chunk
		c, more, err = f.read(records)
		// What was read before an error is good.
		if err := errors.Join(f.send(ctx, chunks, c), err); err != nil {
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

func (f *fetcher) send(ctx context.Context, chunks chan<- chunk, c chunk) error {
	if c.part.From == c.part.To {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case chunks <- c:
		f.position = c.part.To
		return nil
	}
}

func (f *fetcher) chunk() chunk {
	return chunk{part: store.Range{
		TopicID: f.topic.id, Topic: f.topic.name, Partition: f.partition, From: f.position, To: f.position,
	}}
}

// skip counts the offsets up to the given one as holding no event: what is there is
// a transaction's marker, was aborted, or is gone.
func (c *chunk) skip(offset int64) {
	if offset > c.part.To {
		c.part.Skipped += offset - c.part.To
		c.part.To = offset
	}
}

// read makes a chunk of the next records. It reports whether there may be more.
func (f *fetcher) read(records stretch) (c chunk, more bool, err error) {
	c = f.chunk()
	for {
		r, err := records.next()
		if errors.Is(err, io.EOF) {
			return c, false, nil
		}
		if err != nil {
			return c, false, fmt.Errorf("read a record after offset %d: %w", c.part.To, err)
		}
		if r.offset < c.part.To {
			continue // brokers return whole batches, which may begin before the position
		}
		if !r.event {
			c.skip(r.offset + 1)
			continue
		}
		c.skip(r.offset)
		c.add(r.message, action.Origin{
			TopicID: f.topic.id, Topic: f.topic.name, Partition: f.partition, Offset: r.offset, Time: r.time.UTC(),
		})
		if c.part.Accepted+c.part.Rejected >= chunkRows || c.bytes >= chunkBytes {
			return c, true, nil
		}
	}
}

// add decodes one record.
func (c *chunk) add(message action.Message, origin action.Origin) {
	c.part.To = origin.Offset + 1
	c.bytes += len(message.Value)
	event, rejection := message.Decode(origin)
	if rejection != nil {
		c.part.Rejected++
		c.rejected = append(c.rejected, store.Rejected{Rejection: *rejection, Origin: origin, Raw: message.Value, Headers: message.Headers})
		return
	}
	c.part.Accepted++
	if c.part.FirstTime.IsZero() || event.Time.Before(c.part.FirstTime) {
		c.part.FirstTime = event.Time
	}
	if event.Time.After(c.part.LastTime) {
		c.part.LastTime = event.Time
	}
	c.actions = append(c.actions, store.Action{Event: event, ContentHash: message.Hash(), Origin: origin})
}

// outOfRange decides what it means that the broker does not have the position.
func (f *fetcher) outOfRange(ctx context.Context) error {
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
