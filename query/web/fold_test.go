package web

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// Events are written as how many, actor, a colon, and a view of a record (v1), another
// action of a request (r1), a view within a request (v1r1), or something else (x).
func TestRuns(t *testing.T) {
	t.Parallel()
	f := func(events, want string) {
		t.Helper()
		var actions []store.Action
		for e := range strings.FieldsSeq(events) {
			who, what, _ := strings.Cut(e[1:], ":")
			a := store.Action{Event: action.Event{Actor: action.Actor{ID: who, Type: "user"}, Action: "invoice.posted", Outcome: "success"}}
			if view, ok := strings.CutPrefix(what, "v"); ok {
				a.Action, a.Subject = "record.viewed", action.Record{Type: "invoice", ID: view[:1]}
				what = view[1:]
			}
			if request, ok := strings.CutPrefix(what, "r"); ok {
				a.RequestID = request
			}
			actions = append(actions, slices.Repeat([]store.Action{a}, int(e[0]-'0'))...)
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
	f("2a:x", "")
	f("1a:v1", "")
	f("3a:v1", "0-2 views")
	f("1a:v1 2a:v2", "1-2 views")
	f("1a:v1 1b:v1", "")
	f("1a:v1 1b:x 1a:v1", "")
	f("2a:r1 3a:r2 1a:x", "0-1 request, 2-4 request")
	f("1a:r1 1b:r1", "")
	f("1a:v1r1 1a:v1r2 1a:v1r3", "0-2 views")
	f("1a:v1r1 1a:r1 1a:v1", "0-1 request")
	f("1a:v1 1a:v1r1 1a:r1", "0-1 views")
	f("1a:r1 2a:v1", "1-2 views")
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

// However a list is cut into pages, the rows that are appended fold as they would on one page.
func TestRunsGoOnInWhatIsAppended(t *testing.T) {
	t.Parallel()
	at := func(i int, what string) store.Action {
		a := store.Action{Event: action.Event{ID: fmt.Sprint(i), Time: time.Unix(int64(1000-i), 0), Actor: action.Actor{ID: what[:1]}, Action: "invoice.posted", Outcome: "success"}}
		if strings.Contains(what, "v") {
			a.Action, a.Subject = "record.viewed", action.Record{Type: "invoice", ID: "1"}
		}
		if _, request, ok := strings.Cut(what, "r"); ok {
			a.RequestID = request
		}
		return a
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var actions []store.Action
		for i := range 12 {
			actions = append(actions, at(i, []string{"av", "avr1", "avr2", "ar1", "bv", "br1", "ax"}[random.IntN(7)]))
		}
		whole := runs(actions)
		// The heads of the rows that are appended, and how long the runs are then.
		heads, lengths, last := map[string]int{}, map[string]int{}, (*openRun)(nil)
		for begin := 0; begin < len(actions); {
			page := actions[begin:min(len(actions), begin+1+random.IntN(5))]
			joined := last.takes(page)
			if joined > 0 {
				lengths[last.Head] = last.Length + joined
			}
			for _, r := range runs(page[joined:]) {
				lengths[page[joined+r.from].ID] = r.to - r.from
			}
			last = readOpenRun(last.with(page[:joined]).String())
			if joined < len(page) {
				last = readOpenRun(lastRun(page[joined:], false).String())
			}
			begin += len(page)
		}
		for _, r := range whole {
			heads[actions[r.from].ID] = r.to - r.from
		}
		if !maps.Equal(heads, lengths) {
			t.Fatalf("%v: in pages %v, as a whole %v", actions, lengths, heads)
		}
	}
}
