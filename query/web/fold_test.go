package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// Events are written as actor, a colon, and a view of a record (v1), another action of a
// request (r1), a view within a request (v1r1), or something else (x).
func TestRuns(t *testing.T) {
	t.Parallel()
	f := func(events, want string) {
		t.Helper()
		var actions []store.Action
		for i, e := range strings.Fields(events) {
			who, what, _ := strings.Cut(e, ":")
			a := store.Action{Event: action.Event{ID: fmt.Sprint(i), Actor: action.Actor{ID: who, Type: "user"}, Action: "invoice.posted", Outcome: "success"}}
			if view, ok := strings.CutPrefix(what, "v"); ok {
				a.Action, a.Subject = "record.viewed", action.Record{Type: "invoice", ID: view[:1]}
				what = view[1:]
			}
			if request, ok := strings.CutPrefix(what, "r"); ok {
				a.RequestID = request
			}
			actions = append(actions, a)
		}
		var got []string
		for _, r := range runs(actions) {
			kind := "request"
			if r.views {
				kind = "views"
			}
			got = append(got, fmt.Sprintf("%d-%d %s", r.from, r.to-1, kind))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %q, want %q", events, got, want)
		}
	}
	f("", "")
	f("a:x a:x", "")
	f("a:v1", "")
	f("a:v1 a:v1 a:v1", "0-2 views")
	f("a:v1 a:v2 a:v2", "1-2 views")
	f("a:v1 b:v1", "")
	f("a:v1 b:x a:v1", "")
	f("a:r1 a:r1 a:r2 a:r2 a:r2 a:x", "0-1 request, 2-4 request")
	f("a:r1 b:r1", "")
	f("a:v1r1 a:v1r2 a:v1r3", "0-2 views")
	f("a:v1r1 a:r1 a:v1", "0-1 request")
	f("a:v1 a:v1r1 a:r1", "0-1 views")
	f("a:r1 a:v1 a:v1", "1-2 views")
}

func TestRunsLeaveOutWhatIsMoreThanAView(t *testing.T) {
	t.Parallel()
	view := store.Action{Event: action.Event{Actor: action.Actor{ID: "a"}, Action: "record.viewed", Outcome: "success", Subject: action.Record{Type: "invoice", ID: "1"}}}
	denied, conflicting, ofNothing := view, view, view
	denied.Outcome, conflicting.Conflicting, ofNothing.Subject = "denied", true, action.Record{}
	for name, other := range map[string]store.Action{"denied": denied, "conflicting": conflicting, "of no record": ofNothing} {
		if got := runs([]store.Action{view, other}); got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
