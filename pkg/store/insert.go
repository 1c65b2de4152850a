package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// Range states that every record of a topic's partition in [From, To) is stored
// or rejected. Accepted + Rejected + Skipped + Lost = To − From; skipped are offsets
// that hold no record (transaction markers, compacted records), lost are records
// that the operator gave up.
type Range struct {
	TopicID                           [16]byte
	Topic                             string
	Partition                         int
	From, To                          int64
	Accepted, Rejected, Skipped, Lost int64
	// Note says who gave records up, and why.
	Note string
	// FirstTime and LastTime bound the times of the accepted events; zero without any.
	FirstTime, LastTime time.Time
}

// insertContext adds the settings of an insert: it is synchronous, may touch as many
// partitions as its events do, and is stored even where the server takes it for a repeat:
// repeats are the table's to collapse, and a server that has only begun to store the
// first would lose both. Repeats within the insert are left to merges and reads as all
// others are, which saves a fifth of its time.
func insertContext(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"async_insert":                    0,
		"max_partitions_per_insert_block": 0,
		"insert_deduplicate":              0,
		"optimize_on_insert":              0,
		// A part without an index would have to be read whole for each question.
		"materialize_skip_indexes_on_insert": 1,
	}))
}

// InsertActions writes events. When it returns without an error they are durable.
// After an error they may or may not be there: insert the same again.
func (s *Store) InsertActions(ctx context.Context, actions *Batch) error {
	return s.insert(ctx, "actions", columnList, actions.Rows(), func(b driver.Batch) error {
		if len(actions.columns) != len(allColumns) {
			return errors.New("a batch of EachBatch has not all that an insert needs")
		}
		for i, into := range b.Columns() {
			if err := actions.columns[i].insert(into); err != nil {
				return err
			}
		}
		return nil
	})
}

// InsertRejected writes messages that could not be accepted, as InsertActions does.
func (s *Store) InsertRejected(ctx context.Context, rejected []Rejected) error {
	const columns = "topic_id, topic, partition, offset, time, reason, field, message, raw, headers"
	return s.insert(ctx, "rejected", columns, len(rejected), eachAppended(rejected, func(b driver.Batch, r *Rejected) error {
		headers := make([]headerRow, len(r.Headers))
		for i, h := range r.Headers {
			headers[i] = headerRow{h.Key, string(h.Value)}
		}
		return b.Append(uuid.UUID(r.Origin.TopicID), r.Origin.Topic, uint32(r.Origin.Partition), uint64(r.Origin.Offset),
			clampTime(r.Origin.Time), string(r.Reason), r.Field, r.Message, string(r.Raw), headers)
	}))
}

// InsertRanges adds to the ledger. It must be called only when every record of
// the ranges is durable in actions or in rejected.
func (s *Store) InsertRanges(ctx context.Context, ranges []Range) error {
	const columns = "topic_id, topic, partition, `from`, `to`, accepted, rejected, skipped, lost, note, first_time, last_time"
	return s.insert(ctx, "ledger", columns, len(ranges), eachAppended(ranges, func(b driver.Batch, r *Range) error {
		return b.Append(uuid.UUID(r.TopicID), r.Topic, uint32(r.Partition), uint64(r.From), uint64(r.To),
			uint64(r.Accepted), uint64(r.Rejected), uint64(r.Skipped), uint64(r.Lost), r.Note, nullTime(r.FirstTime), nullTime(r.LastTime))
	}))
}

// eachAppended fills an insert row by row.
func eachAppended[T any](rows []T, appendRow func(driver.Batch, *T) error) func(driver.Batch) error {
	return func(b driver.Batch) error {
		for i := range rows {
			if err := appendRow(b, &rows[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

func (s *Store) insert(ctx context.Context, table, columns string, rows int, fill func(driver.Batch) error) error {
	if rows == 0 {
		return nil
	}
	batch, err := s.conn.PrepareBatch(insertContext(ctx), "INSERT INTO "+table+" ("+columns+")")
	if err != nil {
		return fmt.Errorf("prepare an insert into %s: %w", table, err)
	}
	defer func() { _ = batch.Close() }()
	if err := fill(batch); err != nil {
		return fmt.Errorf("append to an insert into %s: %w", table, err)
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert into %s: %w", table, err)
	}
	return nil
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// The times that come back as they were stored: DateTime64 holds 1900 to 2299, but
// clickhouse-go counts in nanoseconds, which end in April 2262.
var (
	minStored = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	maxStored = time.Date(2261, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
)

// clampTime keeps a Kafka timestamp, which may be anything, within what the
// database can hold.
func clampTime(t time.Time) time.Time {
	return minTime(maxTime(t, minStored), maxStored)
}
