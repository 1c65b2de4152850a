// Package store keeps events in ClickHouse: the schema, the inserts that ingest
// makes and the questions that query asks. It is the only package that speaks to
// the database.
package store

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// dialTimeout bounds one attempt to connect.
const dialTimeout = 5 * time.Second

// Store is a connection pool to one ClickHouse database. It is safe for
// concurrent use.
type Store struct {
	conn     driver.Conn
	database string
}

// Open connects to the database that a clickhouse-go DSN names, by the native
// protocol (clickhouse://user:password@host:9000/database) or over HTTP
// (http://user:password@host:8123/database). It does not wait for the server:
// Ping does.
func Open(dsn string) (*Store, error) {
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("parse the ClickHouse DSN: %w", err)
	}
	if options.Auth.Database == "" {
		return nil, fmt.Errorf("parse the ClickHouse DSN: it names no database, add one to the path, as in http://127.0.0.1:8123/actionlog")
	}
	options.DialTimeout = dialTimeout
	if options.Compression == nil {
		options.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	return &Store{conn: conn, database: options.Auth.Database}, nil
}

// Ping reports whether the server answers and the schema is the one that this
// program needs.
func (s *Store) Ping(ctx context.Context) error {
	applied, err := s.applied(ctx)
	if err != nil {
		return err
	}
	migrations, err := Migrations()
	if err != nil {
		return err
	}
	for _, m := range migrations {
		if _, ok := applied[m.Version]; !ok {
			return fmt.Errorf("the schema of database %q lacks version %d: run actionlog migrate", s.database, m.Version)
		}
	}
	return nil
}

// Close lets go of all connections.
func (s *Store) Close() error {
	if err := s.conn.Close(); err != nil {
		return fmt.Errorf("close ClickHouse: %w", err)
	}
	return nil
}
