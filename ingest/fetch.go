package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"

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
	records, err := f.ask(ctx)
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return f.outOfRange(ctx)
	}
	if err != nil {
		return err
	}
	before, batches := f.position, len(records.batches)
	for more := true; more; {
		var c chunk
		if c, more, err = f.read(records); err != nil {
			return err
		}
		if err := f.send(ctx, chunks, c); err != nil {
			return err
		}
	}
	if f.position == before && batches > 0 {
		// It would be returned again, at once and for ever.
		return fmt.Errorf("the broker returns a batch without a record at or after offset %d: "+
			"set cleanup.policy=delete for the topic, compaction removes events", f.position)
	}
	return nil
}

// ask sends one fetch request. It is not sent by the client's Fetch, which withholds
// what the answer says of aborted transactions.
func (f *fetcher) ask(ctx context.Context) (*records, error) {
	message, err := f.transport.RoundTrip(ctx, f.client.Addr, &fetchapi.Request{
		ReplicaID:      -1,
		MaxWaitTime:    int32(fetchWait.Milliseconds()),
		MinBytes:       1,
		MaxBytes:       fetchBytes,
		IsolationLevel: int8(kafka.ReadCommitted),
		SessionID:      -1,
		SessionEpoch:   -1,
		Topics: []fetchapi.RequestTopic{{
			Topic: f.topic.name,
			Partitions: []fetchapi.RequestPartition{{
				Partition:          int32(f.partition),
				CurrentLeaderEpoch: -1,
				FetchOffset:        f.position,
				LogStartOffset:     -1,
				PartitionMaxBytes:  fetchBytes,
			}},
		}},
	})
	if err != nil {
		return nil, err
	}
	response, ok := message.(*fetchapi.Response)
	if !ok {
		return nil, fmt.Errorf("the broker's answer to a fetch is a %T", message)
	}
	if response.ErrorCode != 0 {
		return nil, kafka.Error(response.ErrorCode)
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return nil, errors.New("the broker's answer does not hold the partition that was asked for")
	}
	partition := response.Topics[0].Partitions[0]
	if partition.ErrorCode != 0 {
		return nil, kafka.Error(partition.ErrorCode)
	}
	return newRecords(partition), nil
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
func (f *fetcher) read(records *records) (c chunk, more bool, err error) {
	c = f.chunk()
	for {
		record, event, err := records.next()
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
		if !event {
			c.skip(record.Offset + 1)
			continue
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
