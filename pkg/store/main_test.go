package store

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// testStore is a store in a database of its own, with the schema.
func testStore(t testing.TB) *Store {
	t.Helper()
	dsn := embeddedtest.Database(t)
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	s.fewMerged = 0 // or no test would ask a projection
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// noon is the time of events for which the time does not matter.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// event returns an event with what is required, as if it had been decoded from a
// message of its own; change alters it. Offsets count up with n.
func event(n int, change func(*Action)) Action {
	a := Action{Event: action.Event{
		ID: fmt.Sprintf("id-%06d", n), Time: noon, Tenant: "default",
		Actor: action.Actor{ID: "u-1", Type: "user"}, Action: "invoice.posted", Outcome: "success",
	}}
	a.Origin = action.Origin{TopicID: [16]byte{7}, Topic: "actions", Offset: int64(n), Time: noon}
	if change != nil {
		change(&a)
	}
	if a.ContentHash == (action.ContentHash{}) {
		brief := a.Event
		brief.Details = nil // %v would spell its bytes
		sum := sha256.Sum256(append(fmt.Appendf(nil, "%v", brief), a.Details...))
		copy(a.ContentHash[:], sum[:])
	}
	return a
}

// insert writes each of the blocks as an insert of its own.
func insert(t testing.TB, s *Store, blocks ...[]Action) {
	t.Helper()
	for _, block := range blocks {
		var b Batch
		for i := range block {
			b.Append(&block[i])
		}
		if err := s.InsertActions(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
	}
}

// execute runs SQL that the store itself has no need of.
func execute(t testing.TB, s *Store, sql string) {
	t.Helper()
	if err := s.conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// count returns what a query for one number answers.
func count(t testing.TB, s *Store, sql string) uint64 {
	t.Helper()
	var n uint64
	if err := s.conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// listIDs returns the ids of everything that matches, read in pages.
func listIDs(t testing.TB, s *Store, f Filter, limit int) []string {
	t.Helper()
	ids := []string{}
	var after *Cursor
	for {
		page, err := s.List(t.Context(), Search{Filter: f, After: after, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Actions) > limit {
			t.Fatalf("a page of %d has %d actions", limit, len(page.Actions))
		}
		for _, a := range page.Actions {
			ids = append(ids, a.ID)
		}
		if page.Next == nil {
			return ids
		}
		if len(page.Actions) != limit {
			t.Fatalf("a page of %d that is not the last has %d actions", limit, len(page.Actions))
		}
		after = page.Next
	}
}

// eachID returns the ids that Each gives.
func eachID(t testing.TB, s *Store, f Filter) []string {
	t.Helper()
	ids := []string{}
	if err := s.Each(t.Context(), f, func(a *Action) error { ids = append(ids, a.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	return ids
}

func wantIDs(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %d: %s\nwant %d: %s", len(got), strings.Join(got, " "), len(want), strings.Join(want, " "))
	}
}
