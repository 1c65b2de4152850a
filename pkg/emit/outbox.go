package emit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"

	"github.com/actionlog/actionlog/pkg/action"
)

// Dialect is the SQL of a database.
type Dialect int

// The databases that an outbox can be in.
const (
	// SQLite is SQLite 3, by any driver.
	SQLite Dialect = iota + 1
	// PostgreSQL is PostgreSQL 10 or later, by any driver with $1 for parameters.
	PostgreSQL
)

// tableName is what a table may be called: it becomes part of statements.
var tableName = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*\.)?[A-Za-z_][A-Za-z0-9_]*$`)

// OutboxConfig says where the outbox is.
type OutboxConfig struct {
	// Dialect is the database's. Required.
	Dialect Dialect
	// Table is the outbox's name, with its schema before a dot if wanted: letters,
	// digits and underscores. Default "actionlog_outbox".
	Table string
}

// Outbox writes events into a table of the application's own database, within the
// transaction that does what they tell of: either both happen or neither. A
// [Relay] publishes them.
type Outbox struct {
	dialect     Dialect
	table       string
	placeholder string // of a statement's only parameter
}

// NewOutbox returns an outbox. Its table must exist before it is used: see
// [Outbox.Schema].
func NewOutbox(cfg OutboxConfig) (*Outbox, error) {
	o := &Outbox{dialect: cfg.Dialect, table: cfg.Table}
	switch cfg.Dialect {
	case SQLite:
		o.placeholder = "?"
	case PostgreSQL:
		o.placeholder = "$1"
	default:
		return nil, errors.New("emit: the outbox has no Dialect: give emit.SQLite or emit.PostgreSQL")
	}
	if o.table == "" {
		o.table = "actionlog_outbox"
	}
	if !tableName.MatchString(o.table) {
		return nil, fmt.Errorf("emit: %q cannot name the outbox's table: use letters, digits and _, with a schema before a dot if wanted", o.table)
	}
	return o, nil
}

// Schema returns the statement that creates the table if it is not there, for the
// application's migrations. (PostgreSQL may answer one of two connections that run
// it at the same moment with an error.)
//
// A row is one event as JSON, in the order of its id, until it is published. A row
// with an error was refused and stays: see [Relay].
func (o *Outbox) Schema() string {
	// SQLite would give the id of a deleted row to the next one without
	// AUTOINCREMENT, and a slow relay would delete an event that it never sent.
	id, bytes := "INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB"
	if o.dialect == PostgreSQL {
		// Bytes, because a database in another encoding than UTF-8 cannot hold every
		// text. To read them: convert_from(event, 'UTF8').
		id, bytes = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BYTEA"
	}
	return "CREATE TABLE IF NOT EXISTS " + o.table + " (\n" +
		"\tid " + id + ",\n" +
		"\tevent " + bytes + " NOT NULL,\n" +
		"\terror TEXT\n" +
		")"
}

// Execer is what [Outbox.Add] needs of a transaction: a *[sql.Tx], or a *[sql.Conn]
// or anything else on which one was begun.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Add writes events into the outbox, as part of the transaction tx. They are
// completed from ctx (see [Fill]) and stamped (see [Stamp]) in the slice that is
// passed. An event that cannot be written as JSON of at most
// [action.MaxMessageBytes] is an error, and then none is written. After any other
// error the transaction has to be rolled back.
func (o *Outbox) Add(ctx context.Context, tx Execer, events ...action.Event) error {
	values, encoder := make([][]byte, len(events)), newEncoder()
	for i := range events {
		Fill(ctx, &events[i])
		err := Stamp(&events[i])
		if err == nil {
			values[i], err = encoder.encode(&events[i])
		}
		if err != nil {
			return fmt.Errorf("add event %d of %d to the outbox: %w", i+1, len(events), err)
		}
	}
	insert := "INSERT INTO " + o.table + " (event) VALUES (" + o.placeholder + ")"
	for i, value := range values {
		if _, err := tx.ExecContext(ctx, insert, value); err != nil {
			return fmt.Errorf("add event %d of %d to the outbox: %w", i+1, len(events), err)
		}
	}
	return nil
}
