package store

import (
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/search"
)

// An index is used only by its very expression: if the two part ways, everything is read
// and nothing else shows it.
func TestFiltersLeadToTheirIndexes(t *testing.T) {
	t.Parallel()
	migrations, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	table := strings.Join(migrations[0].Statements, "\n")
	for index, expression := range map[string]string{"by_term": termsSQL, "by_text": folded, "by_text_wide": folded, "by_ip": "hex(ip)"} {
		_, after, _ := strings.Cut(table, "INDEX "+index+" ")
		if found, _, _ := strings.Cut(strings.TrimSpace(after), "TYPE"); strings.TrimSpace(found) != expression {
			t.Errorf("the index %s is over\n%s\nand asked by\n%s", index, found, expression)
		}
	}

	s := testStore(t)
	insert(t, s, []Action{event(1, nil)})
	f := func(filter Filter, indexes ...string) {
		t.Helper()
		filter.Tenant = "default"
		c, err := filter.condition()
		if err != nil {
			t.Fatal(err)
		}
		lines, err := collect(t.Context(), s.conn, "EXPLAIN indexes = 1 SELECT time FROM actions WHERE "+c.sql(), c.args, func(line *string) []any { return []any{line} })
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n") + "\n"
		for _, index := range indexes {
			if !strings.Contains(plan, "Name: "+index+"\n") {
				t.Errorf("%+v does not use %s:\n%s", filter, index, plan)
			}
		}
	}
	field := func(name, value string) Filter {
		return Filter{Conditions: []Condition{{Field: name, Values: []string{value}}}}
	}
	text := func(needle string) Filter { return Filter{Text: []search.Text{{Needle: needle}}} }
	f(field("actor", "u-1"), "by_actor")
	f(field("on_behalf_of", "u-1"), "by_on_behalf")
	f(field("subject_id", "INV-100234"), "by_term")
	f(field("subject_id", "p-7"), "by_term")
	f(field("ip", "192.0.2.7"), "by_ip")
	f(field("session_id", "s-1"), "by_session")
	f(field("request_id", "r-1"), "by_request")
	f(text("invoice 100234"), "by_term")
	f(text("Ledger"), "by_text_wide", "by_text")
}
