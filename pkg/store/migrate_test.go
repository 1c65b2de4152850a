package store

import (
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

func TestMigrateTwiceAppliesOnce(t *testing.T) {
	t.Parallel()
	dsn := embeddedtest.Database(t)
	migrations, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	first, err := Migrate(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != len(migrations) {
		t.Errorf("the first run applied %d of %d", len(first), len(migrations))
	}
	second, err := Migrate(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if len(second) != 0 {
		t.Errorf("the second run applied %d", len(second))
	}
}

func TestMigrateFromSeveralMachinesAtOnce(t *testing.T) {
	t.Parallel()
	dsn := embeddedtest.Database(t)
	g, ctx := errgroup.WithContext(t.Context())
	for range 8 {
		g.Go(func() error {
			_, err := Migrate(ctx, dsn)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	insert(t, s, []Action{event(1, nil)})
}

func TestMigrateAfterACutMigration(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	// The tables are there, but the record of the migration is not.
	execute(t, s, "TRUNCATE TABLE schema_migrations")
	execute(t, s, "DROP TABLE ledger")
	if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "run actionlog migrate") {
		t.Errorf("Ping does not say what to do: %v", err)
	}
	if _, err := Migrate(t.Context(), dsnOf(t, s)); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Settled(t.Context(), "actions"); err != nil {
		t.Error(err)
	}
}

func TestMigrateRefusesAChangedFile(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	execute(t, s, "INSERT INTO schema_migrations SELECT version, name, 'another', now64(3) FROM schema_migrations FINAL")
	execute(t, s, "OPTIMIZE TABLE schema_migrations FINAL")
	if _, err := Migrate(t.Context(), dsnOf(t, s)); err == nil || !strings.Contains(err.Error(), "new migration") {
		t.Errorf("a changed migration is not refused: %v", err)
	}
}

func TestMigrateMakesTheDatabase(t *testing.T) {
	t.Parallel()
	dsn := embeddedtest.Database(t)
	s, err := Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	execute(t, s, "DROP DATABASE "+quoteName(s.database)+" SYNC")
	if err := s.Ping(t.Context()); err == nil || !IsUnavailable(err) || !strings.Contains(err.Error(), "run actionlog migrate") {
		t.Errorf("Ping without a database: %v", err)
	}
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// dsnOf returns the DSN of a store's database on the tests' engine.
func dsnOf(t *testing.T, s *Store) string {
	t.Helper()
	return embeddedtest.Engine(t).DSN(s.database)
}

func TestADSNMayBoundQuestions(t *testing.T) {
	t.Parallel()
	dsn := dsnOf(t, testStore(t))
	f := func(dsn string, want uint64) {
		t.Helper()
		s, err := Open(dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		if got := count(t, s, "SELECT toUInt64(getSetting('max_query_size'))"); got != want {
			t.Errorf("questions of %d bytes, want %d", got, want)
		}
	}
	f(dsn, maxQuery)
	f(dsn+"?max_query_size=500000", 500_000)
}

func TestOpenRefusesADSNWithoutADatabase(t *testing.T) {
	t.Parallel()
	f := func(dsn, want string) {
		t.Helper()
		if err := CheckDSN(dsn); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %q and no password", dsn, err, want)
		}
		if _, err := Open(dsn); err == nil {
			t.Errorf("%s was opened", dsn)
		}
	}
	f("http://u:secret@127.0.0.1:8123", "names no database")
	f("http://u:secret@127.0.0.1:8123/", "names no database")
	f("http://u:secret@127.0.0.1:port/actionlog", "cannot be read")
	f("http://u:secret@127.0.0.1:8123/a?dial_timeout=secret", "cannot be read")
}

func TestQuotedTextsReachTheEngineAsTheyAre(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	for _, text := range []string{"actions", `it's`, `a\b`, `who?`, `\?`, `\\?'`, "straße\n"} {
		// As a part of the query and, as in a ledger's, within a text that is cast.
		query := "SELECT " + quote(text) + ", CAST(?, 'Array(String)')[1], ?"
		err := eachRow(t.Context(), s.conn, query, []any{"[" + quote(text) + "]", text}, func(scan func(...any) error) error {
			var got [3]string
			if err := scan(&got[0], &got[1], &got[2]); err != nil {
				return err
			}
			if got != [3]string{text, text, text} {
				t.Errorf("%q comes out as %q", text, got)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
