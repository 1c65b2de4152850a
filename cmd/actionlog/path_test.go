package main

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/query/webtest"
)

// TestTheWholePath follows an event from Kafka to the page and into the file.
func TestTheWholePath(t *testing.T) {
	t.Parallel()
	s := start(t, environment(t, t.TempDir()))
	now := time.Now().UTC()
	line := func(id string, ago time.Duration, actor, action, subject, description string) string {
		return fmt.Sprintf(`{"id":%q,"time":%q,"actor":{"id":%q,"name":"%s Example"},"ip":"192.0.2.7","action":%q,"subject":{"type":"document","id":"D-1","name":%q},`+
			`"description":%q,"session_id":"session-%s","user_agent":"Mozilla/5.0 (%s)"}`+"\n", id, now.Add(-ago).Format(time.RFC3339), actor, actor, action, subject, description, id, id)
	}
	s.emit(strings.NewReader(
		line("e1", time.Hour, "alice", "record.viewed", "Plan", "Viewed the plan") +
			line("e2", 2*time.Hour, "bob", "record.deleted", "Budget 2026", "Deleted the Budget") +
			line("e3", 100*24*time.Hour, "bob", "data.exported", "Customers", "Exported all customers")))
	embeddedtest.Eventually(t, "the events", func() bool { return len(s.exported("default")) == 3 })

	b := webtest.Open(t)
	shows := func(want ...string) {
		t.Helper()
		var got []string
		for _, row := range b.Rows() {
			got = append(got, row.Description)
		}
		if !slices.Equal(got, want) {
			t.Errorf("at %s: the page shows %q, want %q", b.URL(), got, want)
		}
	}
	const viewed, deleted, exported = "Viewed the plan", "Deleted the Budget", "Exported all customers"
	b.Go(s.Query)
	shows(viewed, deleted, exported)

	b.Type("#q", "budget")
	b.Submit("\r")
	shows(deleted)
	b.Go(s.Query + "/?actor=bob")
	shows(deleted, exported)
	b.Go(s.Query + "/?action=record.viewed&action=data.exported")
	shows(viewed, exported)
	b.Go(s.Query + "/?actor=bob&from=" + now.AddDate(0, 0, -7).Format("2006-01-02"))
	shows(deleted)

	rows, err := csv.NewReader(strings.NewReader(string(b.Download("a[aria-label='Download this view as CSV']")))).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("the file has %d rows, want the header and one event: %v", len(rows), err)
	}
	for column, want := range map[string]string{
		"id": "e2", "description": deleted, "session_id": "session-e2", "user_agent": "Mozilla/5.0 (e2)", "ip": "192.0.2.7", "subject_name": "Budget 2026",
	} {
		i := slices.Index(rows[0], column)
		if i < 0 || rows[1][i] != want {
			t.Errorf("column %s of the file: got %q, want %q", column, rows[1], want)
		}
	}
}
