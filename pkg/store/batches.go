package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

const (
	// exportBlock is how many events a batch holds at most. Fewer cost the engine more,
	// and more do not stay in the processor's cache.
	exportBlock = 4096
	// gatherRows and gatherTime bound what is gathered where events come one by one.
	gatherRows = 1024
	gatherTime = 100 * time.Millisecond
)

// EachBatch calls f with every event that matches, newest first and each once, until f
// returns an error, which it returns. The events come in batches, of which f is to take
// the rows that it is given: the others are repeats. A batch holds what Columns
// shows and the hash, not the origin, and no more than 4,096 rows; it is valid until
// f returns, and not for inserts. Memory does not grow with the result.
//
// As Each, it makes sure in the end that there is nothing more to read. Over HTTP it
// reads several times as fast as Each.
func (s *Store) EachBatch(ctx context.Context, filter Filter, f func(b *Batch, rows []int) error) error {
	if !s.overHTTP {
		return s.eachGathered(ctx, filter, f)
	}
	var b Batch
	var last Cursor // no event has an empty id
	var rows []int
	return s.untilNoMore(ctx, filter, func(after *Cursor) (*Cursor, error) {
		c, err := filter.conditionAfter(NewestFirst, after)
		if err != nil {
			return nil, err
		}
		query := "SELECT " + listOf(shownColumns) + " FROM actions WHERE " + c.sql() + NewestFirst.orderBy()
		err = s.eachBlock(ctx, shownColumns, query, c.args, &b, func() error {
			rows = rows[:0]
			for i := range b.rows {
				if !b.repeats(i, &last) {
					rows = append(rows, i)
				}
			}
			if len(rows) == 0 {
				return nil
			}
			last = b.cursor(b.rows - 1)
			after = &last
			return f(&b, rows)
		})
		if err != nil {
			return nil, fmt.Errorf("read actions: %w", err)
		}
		return after, nil
	})
}

// repeats reports whether row i is the event of the row before; last is the event
// before the batch.
func (b *Batch) repeats(i int, last *Cursor) bool {
	hashes := b.columns[len(shownColumns)-1].(*hashCells) //nolint:forcetypeassert // the last of shownColumns
	// Next to never have two events the same hash.
	if i == 0 {
		return hashes.at(0) == string(last.ContentHash[:]) && b.cursor(0) == *last
	}
	return hashes.at(i) == hashes.at(i-1) && b.cursor(i) == b.cursor(i-1)
}

func (b *Batch) cursor(i int) Cursor {
	a := b.Row(i)
	return a.cursor()
}

// eachBlock runs a query for some columns, over HTTP, and calls each when the batch
// holds the next block of the answer. When each ends the read by an error, the engine's
// query is cancelled.
func (s *Store) eachBlock(ctx context.Context, columns []stored, query string, args []any, b *Batch, each func() error) error {
	ctx, cancel := context.WithCancel(counted(ctx))
	defer cancel()
	settings := clickhouse.Settings{"max_block_size": exportBlock}
	if s.compressed {
		settings["compress"] = 1
	}
	answer, err := s.conn.QueryFormat(clickhouse.Context(ctx, clickhouse.WithSettings(settings)), "Native", query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }()
	defer cancel() // first, so that Close does not wait for what nobody reads
	r := newNativeReader(answer, s.compressed)
	for {
		err := r.block(columns, b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			// The engine puts its error behind the last block, after a line end that was
			// taken for a block.
			if _, failed := io.CopyN(io.Discard, r, nativeBuffer); failed != nil && !errors.Is(failed, io.EOF) {
				return failed
			}
			return err
		}
		if b.rows == 0 {
			continue
		}
		if err := each(); err != nil {
			return err
		}
	}
}

// eachGathered is EachBatch for the native protocol, where clickhouse-go gives the
// events out one by one.
func (s *Store) eachGathered(ctx context.Context, filter Filter, f func(b *Batch, rows []int) error) error {
	var b Batch
	var rows []int
	var given time.Time
	give := func() error {
		err := f(&b, rows)
		b.Reset()
		rows, given = rows[:0], time.Now()
		return err
	}
	err := s.Each(ctx, filter, func(a *Action) error {
		rows = append(rows, b.Rows())
		b.Append(a)
		if len(rows) == gatherRows || time.Since(given) >= gatherTime {
			return give()
		}
		return nil
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	return give()
}

// untilNoMore calls read, with the place after which it is to read and which returns
// that of the last event it read, until there is nothing more.
//
// A query that someone kills may end as if it were complete: the embedded engine's
// does. So after the last event the store asks whether there is another one, and
// reads on if so.
func (s *Store) untilNoMore(ctx context.Context, filter Filter, read func(after *Cursor) (*Cursor, error)) error {
	var after *Cursor
	for {
		var err error
		if after, err = read(after); err != nil {
			return err
		}
		more, err := s.anyAfter(ctx, filter, after)
		if err != nil {
			return fmt.Errorf("make sure that all actions were read: %w", err)
		}
		if !more {
			return nil
		}
	}
}
