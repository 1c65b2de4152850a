package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/actionlog/actionlog/schemas"
)

// migrationsTable records what has been applied. It cannot be a migration itself.
const migrationsTable = `CREATE TABLE IF NOT EXISTS schema_migrations
(
    version  UInt32,
    name     String,
    checksum String,
    applied  DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree ORDER BY version`

// ClickHouse's error codes, from src/Common/ErrorCodes.cpp.
const (
	codeUnknownTable         = 60
	codeUnknownDatabase      = 81
	codeTooManyQueries       = 202
	codeMemoryLimit          = 241
	codeAuthenticationFailed = 516
)

// Migration is one numbered file of schemas/clickhouse.
type Migration struct {
	Version  uint32
	Name     string
	Checksum string
	// Statements can each be repeated without harm: a migration that was cut short,
	// or that two machines run at once, is simply run again.
	Statements []string
}

// Migrations returns the schema's migrations in their order.
func Migrations() ([]Migration, error) {
	files, err := fs.Glob(schemas.ClickHouse, "clickhouse/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list the migrations: %w", err)
	}
	var migrations []Migration
	for _, file := range files {
		text, err := fs.ReadFile(schemas.ClickHouse, file)
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", file, err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "clickhouse/"), ".sql")
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("migration %s: its name must begin with a number: %w", file, err)
		}
		sum := sha256.Sum256(text)
		m := Migration{Version: uint32(version), Name: name, Checksum: hex.EncodeToString(sum[:]), Statements: statements(string(text))}
		migrations = append(migrations, m)
	}
	return migrations, nil
}

// statements splits a migration into its statements: each ends with a semicolon at
// the end of a line. Lines that are a comment and nothing else are left out, so
// that they may hold semicolons too.
func statements(text string) []string {
	var all []string
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "--") {
			continue
		}
		b.WriteString(line)
		if strings.HasSuffix(strings.TrimSpace(line), ";") {
			all = append(all, strings.TrimSuffix(strings.TrimSpace(b.String()), ";"))
			b.Reset()
		}
	}
	if rest := strings.TrimSpace(b.String()); rest != "" {
		all = append(all, rest)
	}
	return all
}

// Migrate creates the database that the DSN names where it is missing, and
// brings its schema up to date. It returns the migrations that it applied. It is
// safe to run again and from several machines at once. A migration whose file
// has changed since it was applied is an error.
func Migrate(ctx context.Context, dsn string) ([]Migration, error) {
	if err := createDatabase(ctx, dsn); err != nil {
		return nil, err
	}
	s, err := Open(dsn)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()

	if err := s.conn.Exec(ctx, migrationsTable); err != nil {
		return nil, fmt.Errorf("create the table of migrations: %w", err)
	}
	applied, err := s.applied(ctx)
	if err != nil {
		return nil, err
	}
	migrations, err := Migrations()
	if err != nil {
		return nil, err
	}
	var done []Migration
	for _, m := range migrations {
		if checksum, ok := applied[m.Version]; ok {
			if checksum != m.Checksum {
				return done, fmt.Errorf("migration %s was applied from a file with other content: put changes into a new migration", m.Name)
			}
			continue
		}
		for _, statement := range m.Statements {
			if err := s.conn.Exec(ctx, statement); err != nil {
				return done, fmt.Errorf("apply migration %s: %w", m.Name, err)
			}
		}
		record := "INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)"
		if err := s.conn.Exec(ctx, record, m.Version, m.Name, m.Checksum); err != nil {
			return done, fmt.Errorf("record migration %s: %w", m.Name, err)
		}
		done = append(done, m)
	}
	return done, s.makeCursorKey(ctx)
}

func createDatabase(ctx context.Context, dsn string) error {
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return fmt.Errorf("parse the ClickHouse DSN: %w", err)
	}
	database := options.Auth.Database
	options.Auth.Database = "default"
	options.DialTimeout = dialTimeout
	conn, err := clickhouse.Open(options)
	if err != nil {
		return fmt.Errorf("open ClickHouse: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(database)); err != nil {
		return fmt.Errorf("create database %q: %w", database, err)
	}
	return nil
}

// quoteName writes a name as ClickHouse's identifier.
func quoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// quote writes a text as ClickHouse's literal.
func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// applied returns the checksums of the applied migrations by version.
func (s *Store) applied(ctx context.Context) (map[uint32]string, error) {
	applied := map[uint32]string{}
	err := eachRow(ctx, s.conn, "SELECT version, checksum FROM schema_migrations FINAL", nil, func(scan func(...any) error) error {
		var version uint32
		var checksum string
		if err := scan(&version, &checksum); err != nil {
			return err
		}
		applied[version] = checksum
		return nil
	})
	if exception, ok := errors.AsType[*clickhouse.Exception](err); ok && (exception.Code == codeUnknownTable || exception.Code == codeUnknownDatabase) {
		return nil, fmt.Errorf("database %q has no schema yet, run actionlog migrate: %w", s.database, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the applied migrations: %w", err)
	}
	return applied, nil
}
