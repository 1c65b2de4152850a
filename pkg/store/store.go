// Package store keeps events in ClickHouse: the schema, the inserts that ingest
// makes and the questions that query asks. It is the only package that speaks to
// the database.
package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

const (
	// dialTimeout bounds one attempt to connect, and the wait for a free connection.
	dialTimeout = 5 * time.Second
	// An export holds a connection for as long as it lasts, so clickhouse-go's own
	// default of ten is too few. A DSN may say otherwise.
	maxOpenConns = 64
	maxIdleConns = 16
	// maxQuery bounds a question, in bytes of SQL. The engine's own default of 256 KiB
	// is too little for a filter that fills a request of 64 KiB, whose values are written
	// with escapes and some of them many times, and for a thousand ids of the longest. A
	// DSN may say otherwise.
	maxQuery = 8 << 20
)

// Store is a connection pool to one ClickHouse database. It is safe for
// concurrent use.
type Store struct {
	conn     driver.Conn
	database string
	// overHTTP says whether the protocol is HTTP; compressed whether what comes over it
	// is asked for in ClickHouse's own compression.
	overHTTP, compressed bool
	extents              extents
	// rate is how many rows a second are read, by a guess.
	rate float64
	// fewMerged is how many rows are sooner read than a projection of theirs is asked for.
	fewMerged uint64
}

// Open connects to the database that a clickhouse-go DSN names, by the native
// protocol (clickhouse://user:password@host:9000/database) or over HTTP
// (http://user:password@host:8123/database). It does not wait for the server:
// Ping does.
func Open(dsn string) (*Store, error) {
	options, err := parseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	if options.DialTimeout == 0 {
		options.DialTimeout = dialTimeout
	}
	if options.MaxIdleConns == 0 {
		options.MaxIdleConns = maxIdleConns
	}
	if options.MaxOpenConns == 0 {
		options.MaxOpenConns = max(maxOpenConns, options.MaxIdleConns)
	}
	if options.Compression == nil && !allLocal(options.Addr) {
		options.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	}
	if options.Settings == nil {
		options.Settings = clickhouse.Settings{}
	}
	if _, ok := options.Settings["max_query_size"]; !ok {
		options.Settings["max_query_size"] = maxQuery
	}
	options.TransportFunc = counting
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	s := &Store{conn: conn, database: options.Auth.Database, overHTTP: options.Protocol == clickhouse.HTTP, rate: guessedRate, fewMerged: fewRows}
	if c := options.Compression; c != nil {
		s.compressed = c.Method == clickhouse.CompressionLZ4 || c.Method == clickhouse.CompressionZSTD
	}
	return s, nil
}

// CheckDSN reports what is wrong with a DSN, without connecting. The error does
// not repeat the DSN, which may hold a password.
func CheckDSN(dsn string) error {
	_, err := parseDSN(dsn)
	return err
}

func parseDSN(dsn string) (*clickhouse.Options, error) {
	//nolint:gosec // an example
	const example = "write it as in http://user:password@127.0.0.1:8123/actionlog"
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		// The cause is left out: it may quote the DSN, password and all.
		return nil, errors.New("the ClickHouse DSN cannot be read: " + example)
	}
	if options.Auth.Database == "" {
		return nil, errors.New("the ClickHouse DSN names no database: " + example)
	}
	return options, nil
}

// allLocal reports whether all addresses are of this machine: there, compression
// costs more than it saves.
func allLocal(addrs []string) bool {
	return !slices.ContainsFunc(addrs, func(addr string) bool {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return true
		}
		ip := net.ParseIP(host)
		return host != "localhost" && (ip == nil || !ip.IsLoopback())
	})
}

// IsUnavailable reports whether an error of a Store means that the database cannot
// be asked now, rather than that it failed at the question: it is not reached, has
// no schema, or refuses for lack of memory or of room.
func IsUnavailable(err error) bool {
	if exception, ok := errors.AsType[*clickhouse.Exception](err); ok {
		return slices.Contains([]int32{codeUnknownTable, codeUnknownDatabase, codeTooManyQueries, codeMemoryLimit, codeAuthenticationFailed}, exception.Code)
	}
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, clickhouse.ErrAcquireConnTimeout) || errors.Is(err, context.DeadlineExceeded)
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
