//go:build unix

package emit_test

import (
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
)

func TestOutboxOnPostgreSQL(t *testing.T) {
	t.Parallel()
	dsn := startPostgres(t)
	open := func(t *testing.T) *sql.DB { return openDB(t, "pgx", dsn) }
	testOutbox(t, emit.PostgreSQL, open)

	t.Run("publishes transactions as they commit", func(t *testing.T) {
		t.Parallel()
		testOutOfOrderCommits(t, newOutbox(t, emit.PostgreSQL, open(t)))
	})
	t.Run("takes over from a relay that is cut off", func(t *testing.T) {
		t.Parallel()
		testRelayTakesOver(t, newOutbox(t, emit.PostgreSQL, open(t)))
	})
}

// testOutOfOrderCommits: the row with the lower id is seen later.
func testOutOfOrderCommits(t *testing.T, b *outboxBundle) {
	_, stop := b.relay(t, nil)
	first := b.begin(t)
	if err := b.Add(t.Context(), first, outboxEvent("1")); err != nil {
		t.Fatal(err)
	}
	b.add(t, outboxEvent("2"))
	b.waitEmpty(t)
	readTopic(t, b.topic, 1)
	if err := first.Commit(); err != nil {
		t.Fatal(err)
	}
	b.waitEmpty(t)
	stop()
	if got := ids(t, readTopic(t, b.topic, 2)); got != "2 1" {
		t.Errorf("published %s", got)
	}
}

// testRelayTakesOver cuts off the connection of the relay that holds the lock,
// which Kafka is away for: the lock is not held longer than the connection.
func testRelayTakesOver(t *testing.T, b *outboxBundle) {
	nowhere := openEmitter(t, emit.Config{Brokers: []string{"127.0.0.1:1"}, Topic: "t"})
	b.relayTo(t, nowhere, nil)
	b.add(t, outboxEvent("1"))
	const holders = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1::regclass"
	holds := func() (n int) {
		if err := b.db.QueryRow(holders, b.table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	embeddedtest.Eventually(t, "the first relay works", func() bool { return holds() == 1 })
	b.relay(t, nil)
	b.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1::regclass", b.table)
	b.waitEmpty(t)
	readTopic(t, b.topic, 1)
}

// A database in another encoding keeps the bytes of an event as they are.
func TestOutboxOnPostgreSQLInLatin1(t *testing.T) {
	t.Parallel()
	dsn := startPostgres(t)
	admin := openDB(t, "pgx", dsn)
	if _, err := admin.Exec("CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	b := newOutbox(t, emit.PostgreSQL, openDB(t, "pgx", dsn+" dbname=latin1"))
	b.relay(t, nil)
	ev := outboxEvent("1")
	ev.Description = "Ōta ☃ \x00"
	b.add(t, ev)
	b.waitEmpty(t)
	if got := decoded(t, readTopic(t, b.topic, 1)[0].value); got.Description != ev.Description {
		t.Errorf("got %q", got.Description)
	}
}

// startPostgres starts a PostgreSQL server and returns how to reach it. The test is
// skipped where none is installed.
func startPostgres(t *testing.T) (dsn string) {
	t.Helper()
	bin := postgresBin(t)
	// Not t.TempDir, into which no other user can look.
	dir, err := os.MkdirTemp("", "actionlog-postgres-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the data: %v", err)
		}
	})
	attr := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, uidErr := strconv.Atoi(nobody.Uid)
		gid, gidErr := strconv.Atoi(nobody.Gid)
		if err := errors.Join(uidErr, gidErr, os.Chown(dir, uid, gid)); err != nil {
			t.Fatal(err)
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, attr
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}

	// It stops when its standard input ends, so it never outlives the test.
	server := exec.Command("sh", "-c", `"$@" </dev/null & read -r _; kill -INT $!; wait $!`, "sh",
		filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200")
	log := &captured{}
	server.Dir, server.SysProcAttr, server.Stdout, server.Stderr = dir, attr, log, log
	stdin, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(stdin.Close(), server.Wait()); err != nil {
			t.Errorf("the server ended: %v\n%s", err, log.buf.String())
		}
	})
	dsn = "host=" + dir + " user=postgres"
	db := openDB(t, "pgx", dsn)
	embeddedtest.Eventually(t, "PostgreSQL answers", func() bool { return db.Ping() == nil })
	return dsn
}

// postgresBin returns where the server's programs are: on the PATH, or where Debian
// keeps them.
func postgresBin(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path)
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		t.Skip("SKIPPED, nothing was tested on PostgreSQL: its server is not installed (Debian: apt-get install postgresql)")
	}
	return filepath.Dir(found[len(found)-1])
}
