package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// How much is handed on at a time, in records and in bytes of messages.
const (
	chunkRows  = 1000
	chunkBytes = 1 << 20
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
	// free holds the chunks that may be filled.
	free chan *chunk
}

// run fetches and decodes, and hands on what it made, until ctx ends.
func (f *fetcher) run(ctx context.Context, chunks chan<- *chunk) error {
	for {
		err := f.retry(ctx, stepFetch, func(ctx context.Context) error { return f.fetch(ctx, chunks) })
		if err != nil {
			return fmt.Errorf("fetch %s[%d] at offset %d: %w", f.topic.name, f.partition, f.position, err)
		}
	}
}

// fetch asks for records once. It returns nil when there were none.
func (f *fetcher) fetch(ctx context.Context, chunks chan<- *chunk) error {
	records, err := f.source.fetch(ctx, f.partition, f.position, f.fetchBytes)
	if errors.Is(err, errOutOfRange) {
		return f.outOfRange(ctx)
	}
	if err != nil {
		return err
	}
	before, empty := f.position, records.empty()
	for more := true; more; {
		c, err := f.chunk(ctx)
		if err != nil {
			return err
		}
		more, err = f.read(records, c)
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

func (f *fetcher) send(ctx context.Context, chunks chan<- *chunk, c *chunk) error {
	if c.part.From == c.part.To {
		f.free <- c
		return nil
	}
	part := c.part // the chunk is not ours once it is sent
	select {
	case <-ctx.Done():
		return ctx.Err()
	case chunks <- c:
		f.position = part.To
		f.metrics.read(part)
		return nil
	}
}

// chunk waits for a chunk that may be filled, and begins it at the position.
func (f *fetcher) chunk(ctx context.Context) (*chunk, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case c := <-f.free:
		c.reset()
		c.part = store.Range{TopicID: f.topic.id, Topic: f.topic.name, Partition: f.partition, From: f.position, To: f.position}
		return c, nil
	}
}

// skip counts the offsets up to the given one as holding no event: what is there is
// a transaction's marker, was aborted, or is gone.
func (c *chunk) skip(offset int64) {
	if offset > c.part.To {
		c.part.Skipped += offset - c.part.To
		c.part.To = offset
	}
}

// read adds the next records to a chunk. It reports whether there may be more.
func (f *fetcher) read(records fetched, c *chunk) (more bool, err error) {
	for {
		r, err := records.next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("read a record after offset %d: %w", c.part.To, err)
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
			return true, nil
		}
	}
}

// add decodes one record. It keeps no reference to the message.
func (c *chunk) add(message action.Message, origin action.Origin) {
	c.part.To = origin.Offset + 1
	c.bytes += message.Size()
	if rejection := message.DecodeInto(&c.event.Event, origin); rejection != nil {
		c.part.Rejected++
		c.rejected = append(c.rejected, store.Rejected{Rejection: *rejection, Origin: origin, Raw: bytes.Clone(message.Value), Headers: message.Headers})
		return
	}
	c.part.Accepted++
	if at := c.event.Time; c.part.FirstTime.IsZero() || at.Before(c.part.FirstTime) {
		c.part.FirstTime = at
	}
	if at := c.event.Time; at.After(c.part.LastTime) {
		c.part.LastTime = at
	}
	c.event.ContentHash, c.event.Origin = message.Hash(), origin
	c.actions.Append(&c.event)
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
