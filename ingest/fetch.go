package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// What one fetch asks for, and how much of its answer is handed on at a time.
const (
	fetchBytes = 4 << 20
	fetchWait  = 500 * time.Millisecond
	chunkRows  = 5000
	chunkBytes = 4 << 20
)

// fetcher reads one partition.
type fetcher struct {
	*Ingester
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
	response, err := f.client.Fetch(ctx, &kafka.FetchRequest{
		Topic:          f.topic.name,
		Partition:      f.partition,
		Offset:         f.position,
		MinBytes:       1,
		MaxBytes:       fetchBytes,
		MaxWait:        fetchWait,
		IsolationLevel: kafka.ReadCommitted,
	})
	if err != nil {
		return err
	}
	if errors.Is(response.Error, kafka.OffsetOutOfRange) {
		return f.outOfRange(ctx)
	}
	if response.Error != nil {
		return response.Error
	}
	if batch, ok := response.Records.(*protocol.ControlBatch); ok {
		return f.send(ctx, chunks, f.skipTo(batch.BaseOffset+1))
	}
	for {
		c, more, err := f.read(response.Records)
		if err != nil {
			return err
		}
		if !more {
			// Markers of transactions at the end hold no record: step over them, or the
			// next fetch returns the same.
			c = f.skipMarkers(c, response.Records)
		}
		if err := f.send(ctx, chunks, c); err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
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

// skipTo is a chunk without records that ends at an offset.
func (f *fetcher) skipTo(offset int64) chunk {
	c := f.chunk()
	c.skip(offset)
	return c
}

func (f *fetcher) chunk() chunk {
	return chunk{part: store.Range{
		TopicID: f.topic.id, Topic: f.topic.name, Partition: f.partition, From: f.position, To: f.position,
	}}
}

// skip counts the offsets up to the given one as holding no record.
func (c *chunk) skip(offset int64) {
	if offset > c.part.To {
		c.part.Skipped += offset - c.part.To
		c.part.To = offset
	}
}

func (f *fetcher) skipMarkers(c chunk, records kafka.RecordReader) chunk {
	if stream, ok := records.(*protocol.RecordStream); ok {
		for _, r := range stream.Records {
			if batch, ok := r.(*protocol.ControlBatch); ok && batch.BaseOffset == c.part.To {
				c.skip(batch.BaseOffset + 1)
			}
		}
	}
	return c
}

// read makes a chunk of the next records. It reports whether there may be more.
func (f *fetcher) read(records kafka.RecordReader) (c chunk, more bool, err error) {
	c = f.chunk()
	for {
		record, err := records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return c, false, nil
		}
		if err != nil {
			return c, false, fmt.Errorf("read a record after offset %d: %w", c.part.To, err)
		}
		value, err := readValue(record)
		if err != nil {
			return c, false, fmt.Errorf("read the record at offset %d: %w", record.Offset, err)
		}
		if record.Offset < c.part.To {
			continue // brokers return whole batches, which may begin before the position
		}
		c.skip(record.Offset)
		c.add(value, action.Origin{
			TopicID: f.topic.id, Topic: f.topic.name, Partition: f.partition, Offset: record.Offset, Time: record.Time.UTC(),
		})
		if c.part.Accepted+c.part.Rejected >= chunkRows || c.bytes >= chunkBytes {
			return c, true, nil
		}
	}
}

// add decodes one record.
func (c *chunk) add(value []byte, origin action.Origin) {
	c.part.To = origin.Offset + 1
	c.bytes += len(value)
	event, err := action.Decode(value, origin)
	if rejection, ok := errors.AsType[*action.Rejection](err); ok {
		c.part.Rejected++
		c.rejected = append(c.rejected, store.Rejected{Rejection: *rejection, Origin: origin, Raw: value})
		return
	}
	c.part.Accepted++
	if c.part.FirstTime.IsZero() || event.Time.Before(c.part.FirstTime) {
		c.part.FirstTime = event.Time
	}
	if event.Time.After(c.part.LastTime) {
		c.part.LastTime = event.Time
	}
	c.actions = append(c.actions, store.Action{Event: event, ContentHash: action.HashContent(value), Origin: origin})
}

func readValue(record *kafka.Record) ([]byte, error) {
	if record.Key != nil {
		_ = record.Key.Close()
	}
	if record.Value == nil {
		return nil, nil
	}
	defer func() { _ = record.Value.Close() }()
	return protocol.ReadAll(record.Value)
}

// outOfRange decides what it means that the broker does not have the position.
func (f *fetcher) outOfRange(ctx context.Context) error {
	assigned := []kafka.PartitionAssignment{{ID: f.partition}}
	positions, err := f.positions(ctx, f.topic, assigned)
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
