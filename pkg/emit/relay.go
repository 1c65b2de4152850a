package emit

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/action"
)

const (
	defaultRelayInterval = time.Second

	// relayRows and relayBytes bound what a relay holds: what fits one request to a
	// partition, so that no later event goes through when an earlier one does not.
	relayRows  = 1000
	relayBytes = maxKafkaMessageBytes + relayOverhead // the largest row alone is read too
	// relayOverhead is what a row takes beside its JSON: its key, at four bytes a
	// character, and the framing, twice, so that two rows keep below maxBatchBytes.
	relayOverhead = 4*action.MaxTenant + 2*recordOverhead

	maxRelayBackoff = 10 * time.Second

	// relayGrace is how long the database has to delete what was acknowledged when
	// the relay is stopped. Rows that it does not delete are only sent once more.
	relayGrace = 5 * time.Second
)

// RelayConfig says what a relay moves, and where to.
type RelayConfig struct {
	// Outbox is where the events are. Required.
	Outbox *Outbox
	// DB is the database that the outbox is in. A relay on PostgreSQL keeps one
	// connection while it publishes. With SQLite set a busy timeout: where a row
	// cannot be deleted, it is sent again. Required.
	DB *sql.DB
	// Emitter is where the events go. Required.
	Emitter *Emitter
	// Interval is how often to look for events. Default 1 s.
	Interval time.Duration
	// Logger is told of failures: a warning for what is tried again, an error for a
	// row that is refused. Default: nobody is.
	Logger *slog.Logger
}

// Relay publishes what an [Outbox] holds. It deletes a row after Kafka has
// acknowledged it, so that no committed event is lost, whatever is killed when. One
// whose deletion did not get through is published again with the same bytes, which
// ingest recognises.
//
// Any number of relays may run. On PostgreSQL one works at a time, holding an
// advisory lock, and the others stand by. On SQLite several send the same events.
//
// Order: the events of a tenant reach Kafka in the order in which they were added
// within a transaction, and across two transactions when the second one added its
// event after the first had committed. Transactions that overlap come in either
// order, each event after its commit. Repeats aside, that order holds across
// failures of the relay, the database and Kafka, while the topic keeps its number of
// partitions.
//
// A row that is not JSON, or that Kafka refuses for what it is (too large for the
// topic), does not hold up the others: it stays in the table with its error, is
// logged once, and is left alone until its error is set to NULL again.
type Relay struct {
	cfg  RelayConfig
	wake chan struct{}
}

// NewRelay returns a relay.
func NewRelay(cfg RelayConfig) (*Relay, error) {
	if cfg.Outbox == nil || cfg.DB == nil || cfg.Emitter == nil {
		return nil, errors.New("emit: a relay needs Outbox, DB and Emitter")
	}
	if cfg.Interval <= 0 {
		cfg.Interval = defaultRelayInterval
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Relay{cfg: cfg, wake: make(chan struct{}, 1)}, nil
}

// Wake makes the relay look now. To publish at once what a transaction added, call
// it after the commit; without it the events wait for the next look. It never blocks.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // it is going to look anyway
	}
}

// Run publishes until ctx ends, and then returns nil. While the database or Kafka is
// away it tries again, at longer and longer intervals up to 10 s (Kafka's own
// retries come first: see [Config]). It gives up only with [ErrClosed].
func (r *Relay) Run(ctx context.Context) error {
	for backoff := minBackoff; ; {
		more, err := r.round(ctx)
		wait, wake := r.cfg.Interval, r.wake
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the caller has ended it; what is left is for the next run
		case errors.Is(err, ErrClosed):
			return err
		case err != nil:
			r.cfg.Logger.Warn("publish the outbox again", "table", r.cfg.Outbox.table, "error", err)
			wait, wake = jitter(backoff), nil // the application must not hurry a relay that fails
			backoff = min(2*backoff, maxRelayBackoff)
		default:
			backoff = minBackoff
			if more {
				continue
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// database is what a round does its work on: the database, or a transaction.
type database interface {
	Execer
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// round moves the oldest rows, and tells whether there may be more.
func (r *Relay) round(ctx context.Context) (more bool, err error) {
	dbCtx, cancel := later(ctx, relayGrace)
	defer cancel()
	if r.cfg.Outbox.dialect == SQLite {
		return r.move(ctx, dbCtx, r.cfg.DB)
	}
	// The transaction holds the lock. It writes nothing and keeps no snapshot until
	// the events are acknowledged, so that it does not hold up VACUUM meanwhile.
	tx, err := r.cfg.DB.BeginTx(dbCtx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return false, fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after the commit it does nothing
	// The first number tells this lock from the application's own.
	var alone bool
	lock := "SELECT pg_try_advisory_xact_lock(1633906785, '" + r.cfg.Outbox.table + "'::regclass::oid::int4)"
	if err := tx.QueryRowContext(dbCtx, lock).Scan(&alone); err != nil {
		return false, fmt.Errorf("lock the outbox: %w", err)
	}
	if !alone {
		return false, nil
	}
	more, err = r.move(ctx, dbCtx, tx)
	if commitErr := tx.Commit(); commitErr != nil {
		err = errors.Join(err, fmt.Errorf("commit: %w", commitErr))
	}
	return more, err
}

// later returns a context that ends some time after ctx.
func later(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return late, func() {
		stop()
		cancel()
	}
}

// row is an event in the outbox.
type row struct {
	id int64
	// line is its JSON without line breaks.
	line []byte
	// wrong is why it can never be published, or "".
	wrong string
}

// move publishes the oldest rows until ctx ends, and deletes those acknowledged.
func (r *Relay) move(ctx, dbCtx context.Context, db database) (more bool, err error) {
	rows, err := r.read(dbCtx, db)
	if err != nil {
		return false, fmt.Errorf("read the outbox: %w", err)
	}
	acked, refused, err := r.publish(ctx, rows)
	if dbErr := r.settle(dbCtx, db, acked, refused); dbErr != nil {
		err = errors.Join(err, dbErr)
	}
	return len(rows) > 0, err
}

// read returns the oldest rows, as many as make one request. The database adds up
// their lengths, since one that has begun to send rows cannot be stopped cheaply.
func (r *Relay) read(ctx context.Context, db database) ([]row, error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf(`
		WITH oldest AS (
			SELECT id, CASE WHEN length(event) <= %[2]d THEN length(event) ELSE 0 END AS bytes
			FROM %[1]s WHERE error IS NULL ORDER BY id LIMIT %[3]d
		), counted AS (
			SELECT id, bytes, sum(bytes + %[4]d) OVER (ORDER BY id) AS total FROM oldest
		)
		SELECT e.id, CASE WHEN c.bytes > 0 THEN e.event END
		FROM %[1]s AS e JOIN counted AS c ON c.id = e.id WHERE c.total <= %[5]d ORDER BY e.id`,
		r.cfg.Outbox.table, maxKafkaMessageBytes, relayRows, relayOverhead, relayBytes))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var batch []row
	for rows.Next() {
		var next row
		var event []byte
		if err := rows.Scan(&next.id, &event); err != nil {
			return nil, err
		}
		next.line, next.wrong = line(event)
		batch = append(batch, next)
	}
	return batch, rows.Err()
}

// line returns the JSON of a row without line breaks, or what is wrong with it.
// [Outbox.Add] writes rows that are right; others may come from elsewhere.
func line(event []byte) (compact []byte, wrong string) {
	if len(event) == 0 || len(event) > maxKafkaMessageBytes {
		return nil, fmt.Sprintf("the event is empty, or longer than the %d bytes that fit a Kafka message", maxKafkaMessageBytes)
	}
	var buf bytes.Buffer
	if err := json.Compact(&buf, event); err != nil {
		return nil, "the event is not JSON: " + err.Error()
	}
	return buf.Bytes(), ""
}

// publish returns the rows that are acknowledged and those that never will be. An
// error is about the others.
func (r *Relay) publish(ctx context.Context, rows []row) (acked, refused []row, err error) {
	var good []row
	for _, row := range rows {
		if row.wrong == "" {
			good = append(good, row)
		} else {
			refused = append(refused, row)
		}
	}
	for len(good) > 0 {
		n, err := r.send(ctx, good)
		acked, good = append(acked, good[:n]...), good[n:]
		if err == nil {
			break
		}
		if refusal(err) == "" {
			return acked, refused, err
		}
		// That row is at fault, or another one in the same request: alone it shows.
		first := good[0]
		if _, err = r.send(ctx, good[:1]); err == nil {
			acked = append(acked, first)
		} else if first.wrong = refusal(err); first.wrong != "" {
			refused = append(refused, first)
		} else {
			return acked, refused, err
		}
		good = good[1:]
	}
	return acked, refused, nil
}

// send publishes rows byte for byte, and returns how many leading ones are
// acknowledged.
func (r *Relay) send(ctx context.Context, rows []row) (int, error) {
	var lines bytes.Buffer
	for _, row := range rows {
		lines.Write(row.line)
		lines.WriteByte('\n')
	}
	n, err := Lines(ctx, &lines, r.cfg.Emitter)
	return int(n), err
}

// refusal returns what Kafka says when it refuses a message for what it is, or "". Its
// time is not part of that: a row is sent with that of the attempt.
func refusal(err error) string {
	for _, code := range []kafka.Error{kafka.MessageSizeTooLarge, kafka.RecordListTooLarge, kafka.InvalidRecord} {
		if errors.Is(err, code) {
			return code.Error()
		}
	}
	return ""
}

// settle deletes the rows that are acknowledged, and marks those refused.
func (r *Relay) settle(ctx context.Context, db database, acked, refused []row) error {
	if len(acked) > 0 {
		ids := make([]string, len(acked))
		for i, row := range acked {
			ids[i] = strconv.FormatInt(row.id, 10)
		}
		// Not "up to this id": transactions commit in another order than they take ids.
		if _, err := db.ExecContext(ctx, "DELETE FROM "+r.cfg.Outbox.table+" WHERE id IN ("+strings.Join(ids, ",")+")"); err != nil {
			return fmt.Errorf("delete what is published: %w", err)
		}
	}
	for _, row := range refused {
		res, err := db.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET error = %s WHERE id = %d AND error IS NULL",
			r.cfg.Outbox.table, r.cfg.Outbox.placeholder, row.id), row.wrong)
		if err != nil {
			return fmt.Errorf("mark row %d as refused: %w", row.id, err)
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			r.cfg.Logger.Error("the event stays in the outbox: it can never be published; when that has changed, set its error to NULL",
				"table", r.cfg.Outbox.table, "id", row.id, "error", row.wrong)
		}
	}
	return nil
}
