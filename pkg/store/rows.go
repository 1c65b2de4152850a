package store

import (
	"context"
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// eachRow runs a query and calls each with the scan of every row. When each ends
// the read by an error, the engine's query is cancelled.
func eachRow(ctx context.Context, conn driver.Conn, query string, args []any, each func(scan func(...any) error) error) error {
	ctx, cancel := context.WithCancel(counted(ctx))
	defer cancel()
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			cancel()
			return err
		}
	}
	return rows.Err()
}

// collect runs a query and returns all its rows.
func collect[T any](ctx context.Context, conn driver.Conn, query string, args []any, destinations func(*T) []any) ([]T, error) {
	var all []T
	err := eachRow(ctx, conn, query, args, func(scan func(...any) error) error {
		var v T
		if err := scan(destinations(&v)...); err != nil {
			return err
		}
		all = append(all, v)
		return nil
	})
	return all, err
}

var errCutShort = errors.New("the query was cut short")

// collectOne runs a query whose answer is one row always, such as a count, and returns
// it. A query that someone kills may end as if it were complete, the embedded engine's
// does: that is an error here.
func collectOne[T any](ctx context.Context, conn driver.Conn, query string, args []any, destinations func(*T) []any) (T, error) {
	rows, err := collect(ctx, conn, query, args, destinations)
	if err == nil && len(rows) != 1 {
		err = errCutShort
	}
	if err != nil {
		var none T
		return none, err
	}
	return rows[0], nil
}
