package web

import (
	"testing"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

func TestARecordHasItsLatestName(t *testing.T) {
	t.Parallel()
	about := func(name string) store.Action {
		return store.Action{Event: action.Event{Subject: action.Record{Type: "invoice", ID: "1", Name: name}}}
	}
	beside := store.Action{Event: action.Event{Subject: action.Record{Type: "quote", ID: "1", Name: "Quote"}, Related: []action.Record{{Type: "invoice", ID: "1", Name: "Beside"}}}}
	newest, oldest := about("New"), about("First")
	f := func(want string, r Record) {
		t.Helper()
		r.Type, r.ID = "invoice", "1"
		if got := r.name(); got != want {
			t.Errorf("it is called %q, want %q", got, want)
		}
	}
	f("New", Record{Newest: &newest, Oldest: &oldest, Actions: []store.Action{about("Old")}}) // on a later page
	f("Old", Record{Newest: &beside, Oldest: &oldest, Actions: []store.Action{about(""), about("Old")}})
	f("First", Record{Newest: &beside, Oldest: &oldest})
	f("Beside", Record{Newest: &beside, Oldest: &beside})
	f("1", Record{})
}
