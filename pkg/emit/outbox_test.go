package emit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
)

// outboxBundle is an application's database with an empty outbox, and a topic.
type outboxBundle struct {
	*emit.Outbox

	db      *sql.DB
	dialect emit.Dialect
	table   string
	emitter *emit.Emitter
	topic   string
}

// openSQLite returns a database of the test's own.
func openSQLite(t *testing.T) *sql.DB {
	t.Helper()
	return openDB(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+
		"?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_txlock=immediate")
}

func openDB(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return db
}

func newOutbox(t *testing.T, dialect emit.Dialect, db *sql.DB) *outboxBundle {
	t.Helper()
	b := &outboxBundle{db: db, dialect: dialect, table: "outbox_" + strings.ReplaceAll(filepath.Base(t.Name()), "-", "_")}
	var err error
	if b.Outbox, err = emit.NewOutbox(emit.OutboxConfig{Dialect: dialect, Table: b.table}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second time does nothing
		b.exec(t, b.Schema())
	}
	b.emitter, b.topic = newEmitter(t, 3)
	return b
}

func (b *outboxBundle) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := b.db.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// left counts the rows, or those that a condition holds for.
func (b *outboxBundle) left(t testing.TB, where string) (n int) {
	t.Helper()
	if err := b.db.QueryRow("SELECT count(*) FROM " + b.table + " WHERE " + where).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *outboxBundle) begin(t testing.TB) *sql.Tx {
	t.Helper()
	tx, err := b.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// add adds events in a transaction of their own.
func (b *outboxBundle) add(t testing.TB, events ...action.Event) {
	t.Helper()
	tx := b.begin(t)
	if err := errors.Join(b.Add(t.Context(), tx, events...), tx.Commit()); err != nil {
		t.Fatal(err)
	}
}

// relay runs a relay until the test, or what it returns, ends it.
func (b *outboxBundle) relay(t *testing.T, log *slog.Logger) (relay *emit.Relay, stop func()) {
	t.Helper()
	return b.relayTo(t, b.emitter, log)
}

func (b *outboxBundle) relayTo(t *testing.T, e *emit.Emitter, log *slog.Logger) (relay *emit.Relay, stop func()) {
	t.Helper()
	relay, err := emit.NewRelay(emit.RelayConfig{
		Outbox: b.Outbox, DB: b.db, Emitter: e, Interval: 10 * time.Millisecond, Logger: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- relay.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the relay: %v", err)
		}
	})
	t.Cleanup(stop)
	return relay, stop
}

func (b *outboxBundle) waitEmpty(t *testing.T) {
	t.Helper()
	embeddedtest.Eventually(t, "the outbox is empty", func() bool { return b.left(t, "true") == 0 })
}

func outboxEvent(id string) action.Event {
	return action.Event{ID: id, Actor: action.Actor{ID: "u-1"}, Action: "invoice.posted"}
}

// ids are those of messages, in their order.
func ids(t *testing.T, messages []message) string {
	t.Helper()
	all := make([]string, len(messages))
	for i, m := range messages {
		all[i] = decoded(t, m.value).ID
	}
	return strings.Join(all, " ")
}

// captured is a log that a test reads while it is written.
type captured struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (c *captured) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.Write(p)
}

func (c *captured) count(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Count(c.buf.String(), what)
}

func (c *captured) logger() *slog.Logger { return slog.New(slog.NewTextHandler(c, nil)) }

func TestOutboxOnSQLite(t *testing.T) {
	t.Parallel()
	testOutbox(t, emit.SQLite, openSQLite)
}

// testOutbox holds for every database.
func testOutbox(t *testing.T, dialect emit.Dialect, open func(*testing.T) *sql.DB) {
	run := func(name string, test func(*testing.T, *outboxBundle)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newOutbox(t, dialect, open(t)))
		})
	}
	run("publishes what is committed", testOutboxCommits)
	run("publishes at once when woken", testRelayWakes)
	run("gives no id twice", testOutboxIDs)
	run("refuses an event that is too large", testOutboxRefuses)
	run("repeats what it could not delete", testRelayRepeats)
	run("keeps the order of each tenant with two relays", testTwoRelays)
	run("waits for Kafka", testRelayWaitsForKafka)
	run("waits for the database", testRelayWaitsForTheDatabase)
	run("passes over what nobody can publish", testRelayPassesOverPoison)
	run("ends with its emitter", testRelayEndsWithItsEmitter)
}

func testOutboxCommits(t *testing.T, b *outboxBundle) {
	_, stop := b.relay(t, nil)
	rolledBack := b.begin(t)
	if err := errors.Join(b.Add(t.Context(), rolledBack, outboxEvent("never")), rolledBack.Rollback()); err != nil {
		t.Fatal(err)
	}
	ctx := emit.WithDefaults(t.Context(), action.Event{Tenant: "acme", RequestID: "r-1"})
	tx := b.begin(t)
	events := []action.Event{outboxEvent("1"), {Actor: action.Actor{ID: "Ōta <&>"}, Action: "a.b", Details: json.RawMessage(`{"a": "\u2028"}`)}}
	if err := errors.Join(b.Add(ctx, tx, events...), b.Add(ctx, tx, outboxEvent("3")), tx.Commit()); err != nil {
		t.Fatal(err)
	}
	b.waitEmpty(t)
	stop()

	// Byte for byte what Emit sends.
	if err := b.emitter.Emit(ctx, events...); err != nil {
		t.Fatal(err)
	}
	got := readTopic(t, b.topic, 5)
	if want := fmt.Sprintf("1 %[1]s 3 1 %[1]s", events[1].ID); ids(t, got) != want {
		t.Errorf("published %s, want %s", ids(t, got), want)
	}
	for i := range 2 {
		if got[i].value != got[3+i].value || got[i].key != "acme" || got[3+i].key != "acme" {
			t.Errorf("the relay sent\n%+v, Emit sends\n%+v", got[i], got[3+i])
		}
	}
	if ev := decoded(t, got[0].value); ev.RequestID != "r-1" || time.Since(ev.Time) > time.Hour {
		t.Errorf("not completed: %+v", ev)
	}
}

func testRelayWakes(t *testing.T, b *outboxBundle) {
	relay, err := emit.NewRelay(emit.RelayConfig{Outbox: b.Outbox, DB: b.db, Emitter: b.emitter, Interval: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- relay.Run(ctx) }()
	for i := range 10 { // no more than the first one can be found by the first look
		b.add(t, outboxEvent(strconv.Itoa(i)))
		relay.Wake()
		b.waitEmpty(t)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	readTopic(t, b.topic, 10)
}

// testOutboxIDs: a slow relay deletes by id what another one has deleted before.
func testOutboxIDs(t *testing.T, b *outboxBundle) {
	b.add(t, outboxEvent("1"))
	b.exec(t, "DELETE FROM "+b.table)
	b.add(t, outboxEvent("2"))
	if n := b.left(t, "id > 1"); n != 1 {
		t.Error("the id of a deleted row was given again")
	}
}

func testOutboxRefuses(t *testing.T, b *outboxBundle) {
	large := outboxEvent("large")
	large.Description = strings.Repeat("x", action.MaxMessageBytes)
	tx := b.begin(t)
	err := b.Add(t.Context(), tx, outboxEvent("small"), large)
	if err == nil || !strings.Contains(err.Error(), "add event 2 of 2 to the outbox") || !strings.Contains(err.Error(), "ingest takes at most") {
		t.Errorf("got %v", err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := b.left(t, "true"); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// testRelayRepeats cuts a relay off between acknowledgement and deletion.
func testRelayRepeats(t *testing.T, b *outboxBundle) {
	if b.dialect == emit.SQLite {
		b.exec(t, "CREATE TRIGGER stop BEFORE DELETE ON "+b.table+" BEGIN SELECT RAISE(ABORT, 'cut off'); END")
	} else {
		b.exec(t, "CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''cut off''; END'")
		b.exec(t, "CREATE TRIGGER stop BEFORE DELETE ON "+b.table+" FOR EACH ROW EXECUTE FUNCTION cut_off()")
	}
	var log captured
	_, stop := b.relay(t, log.logger())
	b.add(t, outboxEvent("1"), outboxEvent("2"), outboxEvent("3"))
	embeddedtest.Eventually(t, "a deletion failed", func() bool { return log.count("cut off") > 0 })
	stop()
	if n := b.left(t, "error IS NULL"); n != 3 {
		t.Fatalf("%d rows are left, want 3", n)
	}
	_, before, err := logEnds(t.Context(), newClient(t, embeddedtest.Broker(t)), b.topic)
	if err != nil {
		t.Fatal(err)
	}

	if b.dialect == emit.SQLite {
		b.exec(t, "DROP TRIGGER stop")
	} else {
		b.exec(t, "DROP TRIGGER stop ON "+b.table)
	}
	_, stop = b.relay(t, nil)
	b.waitEmpty(t)
	stop()
	got := readTopic(t, b.topic, before+3)
	distinct := make(map[string]bool)
	for _, m := range got {
		distinct[m.key+m.value] = true // what ingest knows a repeat by
	}
	if before == 0 || before%3 != 0 || len(distinct) != 3 {
		t.Errorf("%d messages were sent before, %d are distinct: %+v", before, len(distinct), got)
	}
}

func testTwoRelays(t *testing.T, b *outboxBundle) {
	const tenants, each = 3, 400
	for range 2 {
		b.relay(t, nil)
	}
	var wg sync.WaitGroup
	for tenant := range tenants {
		wg.Go(func() {
			for n := 0; n < each; n += 4 {
				events := make([]action.Event, 4)
				for i := range events {
					events[i] = outboxEvent(fmt.Sprintf("%d-%d", tenant, n+i))
					events[i].Tenant = fmt.Sprintf("tenant-%d", tenant)
				}
				tx, err := b.db.Begin()
				if err == nil {
					err = errors.Join(b.Add(t.Context(), tx, events...), tx.Commit())
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.waitEmpty(t)

	messages, err := tryReadTopic(t, embeddedtest.Broker(t), b.topic, func(n int) bool { return n >= tenants*each })
	if err != nil {
		t.Fatal(err)
	}
	if b.dialect == emit.PostgreSQL && len(messages) != tenants*each {
		t.Errorf("%d messages, want %d: only one relay works at a time", len(messages), tenants*each)
	}
	next := make(map[string]int)
	for _, m := range messages {
		tenant, number, _ := strings.Cut(decoded(t, m.value).ID, "-")
		n, err := strconv.Atoi(number)
		if err != nil || n > next[tenant] {
			t.Fatalf("tenant %s: event %s where %d is next", tenant, number, next[tenant])
		}
		next[tenant] = max(next[tenant], n+1) // a lower one is a repeat
	}
	for tenant, n := range next {
		if n != each {
			t.Errorf("tenant %s has %d events, want %d", tenant, n, each)
		}
	}
}

func testRelayWaitsForKafka(t *testing.T, b *outboxBundle) {
	dir := t.TempDir()
	broker := embeddedtest.StartChildBroker(t, dir, "")
	createTopicAt(t, broker.Addr, 3)
	e := openEmitter(t, emit.Config{Brokers: []string{broker.Addr}, Topic: "events", RetryFor: time.Millisecond})
	var log captured
	_, stop := b.relayTo(t, e, log.logger())
	b.add(t, outboxEvent("1"))
	b.waitEmpty(t)

	broker.Kill()
	before := log.count("publish the outbox again")
	b.add(t, outboxEvent("2"))
	b.add(t, outboxEvent("3"))
	embeddedtest.Eventually(t, "the relay has tried", func() bool { return log.count("publish the outbox again") > before })
	if n := b.left(t, "error IS NULL"); n != 2 {
		t.Fatalf("%d rows wait, want 2", n)
	}
	embeddedtest.StartChildBroker(t, dir, broker.Addr)
	b.waitEmpty(t)
	stop()
	messages, err := tryReadTopic(t, broker.Addr, "events", func(n int) bool { return n >= 3 })
	if err != nil {
		t.Fatal(err)
	}
	var first []string // without what was sent again
	for id := range strings.FieldsSeq(ids(t, messages)) {
		if !slices.Contains(first, id) {
			first = append(first, id)
		}
	}
	if !slices.Equal(first, []string{"1", "2", "3"}) {
		t.Errorf("published %s", ids(t, messages))
	}
}

func testRelayWaitsForTheDatabase(t *testing.T, b *outboxBundle) {
	b.exec(t, "ALTER TABLE "+b.table+" RENAME TO away")
	var log captured
	b.relay(t, log.logger())
	embeddedtest.Eventually(t, "the relay has tried", func() bool { return log.count("publish the outbox again") > 1 })
	b.exec(t, "ALTER TABLE away RENAME TO "+b.table)
	b.add(t, outboxEvent("1"))
	b.waitEmpty(t)
	readTopic(t, b.topic, 1)
}

func testRelayPassesOverPoison(t *testing.T, b *outboxBundle) {
	setMaxMessageBytes(t, b.topic, 20_000)
	large := outboxEvent("large")
	for len(large.Description) < 40_000 { // and no compression brings it below
		large.Description += rand.Text()
	}
	tx := b.begin(t)
	insert := "INSERT INTO " + b.table + " (event) VALUES ($1)"
	for _, value := range [][]byte{[]byte("no JSON"), {}, bytes.Repeat([]byte(" "), 2<<20), []byte("{\n\"actor\":\n{\"id\":\"u\"}, \"action\":\"a.b\", \"id\":\"elsewhere\"}\n")} {
		if _, err := tx.Exec(insert, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(b.Add(t.Context(), tx, outboxEvent("1"), large, outboxEvent("2")), tx.Commit()); err != nil {
		t.Fatal(err)
	}
	var log captured
	b.relay(t, log.logger())
	embeddedtest.Eventually(t, "only what is refused is left", func() bool { return b.left(t, "error IS NULL") == 0 })
	b.add(t, outboxEvent("3")) // by then they are passed over
	embeddedtest.Eventually(t, "the next one is gone", func() bool { return b.left(t, "error IS NULL") == 0 })

	refused := b.left(t, "error LIKE '%not JSON%'")*100 + b.left(t, "error LIKE '%empty, or longer%'")*10 + b.left(t, "error LIKE '%Message Size Too Large%'")
	if refused != 121 || b.left(t, "true") != 4 || log.count("the event stays in the outbox") != 4 || log.count("level=WARN") != 0 {
		t.Errorf("refused %d, %d rows, log:\n%s", refused, b.left(t, "true"), log.buf.String())
	}
	got := readTopic(t, b.topic, 4)
	for _, m := range got {
		if strings.Contains(m.value, "elsewhere") && m.value != `{"actor":{"id":"u"},"action":"a.b","id":"elsewhere"}` {
			t.Errorf("sent %s", m.value)
		}
	}

	setMaxMessageBytes(t, b.topic, 1<<20)
	embeddedtest.Eventually(t, "it is sent after all", func() bool { // a cluster may take a moment to know of its new limit
		b.exec(t, "UPDATE "+b.table+" SET error = NULL WHERE error LIKE '%Message Size%'")
		return b.left(t, "true") == 3
	})
	readTopic(t, b.topic, 5)
}

func testRelayEndsWithItsEmitter(t *testing.T, b *outboxBundle) {
	e, err := emit.New(emit.Config{Brokers: []string{"127.0.0.1:1"}, Topic: "t"})
	if err != nil {
		t.Fatal(err)
	}
	relay, err := emit.NewRelay(emit.RelayConfig{Outbox: b.Outbox, DB: b.db, Emitter: e})
	if err := errors.Join(err, e.Close()); err != nil {
		t.Fatal(err)
	}
	b.add(t, outboxEvent("1"))
	if err := relay.Run(t.Context()); !errors.Is(err, emit.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if n := b.left(t, "error IS NULL"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestOutboxRefusesItsConfig(t *testing.T) {
	t.Parallel()
	refused := func(cfg emit.OutboxConfig, want string) {
		t.Helper()
		if _, err := emit.NewOutbox(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", cfg, err, want)
		}
	}
	refused(emit.OutboxConfig{}, "give emit.SQLite or emit.PostgreSQL")
	for _, name := range []string{"a b", "a;b", "a'b", `"a"`, "1a", "a.b.c", ".a", "a\n", "ä"} {
		refused(emit.OutboxConfig{Dialect: emit.SQLite, Table: name}, "cannot name the outbox's table")
	}
	if _, err := emit.NewRelay(emit.RelayConfig{}); err == nil || !strings.Contains(err.Error(), "needs Outbox, DB and Emitter") {
		t.Errorf("got %v", err)
	}
	o, err := emit.NewOutbox(emit.OutboxConfig{Dialect: emit.PostgreSQL, Table: "app.outbox_1"})
	if err != nil || !strings.HasPrefix(o.Schema(), "CREATE TABLE IF NOT EXISTS app.outbox_1 (") {
		t.Errorf("got %v, %v", o, err)
	}
}
