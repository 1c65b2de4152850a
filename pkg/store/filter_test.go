package store

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/search"
)

func TestFilterByText(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	texts := []string{
		"Added 4 × LED Panel 60x60 to Summer Fair 2026", // 0
		"STRASSE and Straße",                            // 1
		"İstanbul ve ıssız",                             // 2
		"ΩΜΕΓΑ και ωμέγα",                               // 3
		"日本語の説明",                                        // 4
		"party 🎉 time",                                  // 5
		"100% of a_b is c\\d",                           // 6
		"100 percent of axb",                            // 7
		`quote ' and " and \' end`,                      // 8
		"first line\nsecond line",                       // 9
		"nul \x00 inside",                               // 10
		"{x:String} ? $1 @name `tick` --",               // 11
	}
	var all []Action
	for i, text := range texts {
		all = append(all, event(i, func(a *Action) { a.Description = text }))
		// The same in the subject's name, under another id.
		all = append(all, event(100+i, func(a *Action) { a.Subject.Name = text }))
	}
	// A needle must not begin in the description and end in the name.
	all = append(all, event(200, func(a *Action) { a.Description, a.Subject.Name = "ends here", "begins there" }))
	insert(t, s, all)

	f := func(needle string, want ...int) {
		t.Helper()
		var ids []string
		for _, n := range slices.Backward(want) {
			ids = append(ids, event(100+n, nil).ID)
		}
		for _, n := range slices.Backward(want) {
			ids = append(ids, event(n, nil).ID)
		}
		filter := Filter{Tenant: "default", Text: []search.Text{{Needle: needle}}}
		got := listIDs(t, s, filter, 100)
		if strings.Join(got, " ") != strings.Join(ids, " ") {
			t.Errorf("%q: got %v, want %v", needle, got, ids)
		}
		wantIDs(t, eachID(t, s, filter), got...)
	}
	f("led panel 60X60", 0)
	f("LED", 0)
	f("ÜBER")
	// One and two characters.
	f("×", 0)
	f("&")
	f("🎉", 5)
	f("語", 4)
	f("y ", 5)
	// Case.
	f("straße", 1)
	f("STRASSE", 1)
	f("istanbul") // İ folds to i with a dot above, not to i
	f("İSTANBUL", 2)
	f("ωμεγα", 3)
	f("ΩΜΈΓΑ", 3)
	f("日本語", 4)
	// What SQL, LIKE and the driver would take for something else.
	f("%", 6)
	f("100% of a", 6)
	f("a_b", 6)
	f("_", 6)
	f(`c\d`, 6)
	f(`\`, 6, 8)
	f(`'`, 8)
	f(`"`, 8)
	f(`\'`, 8)
	f("{x:string}", 11)
	f("? $1 @NAME `tick`", 11)
	f("?", 11)
	f("--", 11)
	// Line ends and NUL.
	f("line\nsecond", 9)
	f("\n", 9)
	f("\x00", 10)
	f("nul \x00 in", 10)
	f("here\nbegins")
	f("e\nb")

	got := listIDs(t, s, Filter{Tenant: "default", Text: []search.Text{{Needle: "ends"}}}, 10)
	wantIDs(t, got, event(200, nil).ID)
	if n := len(listIDs(t, s, Filter{Tenant: "default"}, 7)); n != len(all) {
		t.Errorf("without a needle: %d of %d", n, len(all))
	}
}

func TestFilterByTime(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	const ms = time.Millisecond
	insert(t, s, []Action{
		event(1, func(a *Action) { a.Time = noon.Add(-ms) }),
		event(2, nil),
		event(3, func(a *Action) { a.Time = noon.Add(ms) }),
		event(4, func(a *Action) { a.Time = time.Unix(0, 0).UTC() }),
		event(5, func(a *Action) { a.Time = time.Date(2100, 12, 31, 23, 59, 59, 999e6, time.UTC) }),
	})
	f := func(from, to time.Time, want ...int) {
		t.Helper()
		var ids []string
		for _, n := range want {
			ids = append(ids, event(n, nil).ID)
		}
		filter := Filter{Tenant: "default", From: from, To: to}
		wantIDs(t, listIDs(t, s, filter, 10), ids...)
		wantIDs(t, eachID(t, s, filter), ids...)
	}
	open := time.Time{}
	f(open, open, 5, 3, 2, 1, 4)
	f(noon, open, 5, 3, 2)
	f(open, noon, 1, 4)
	f(noon, noon.Add(ms), 2)
	f(noon, noon.Add(2*ms), 3, 2)
	f(noon.Add(-ms), noon, 1)
	// Bounds between two milliseconds.
	f(noon.Add(1), open, 5, 3)
	f(noon.Add(-1), open, 5, 3, 2)
	f(open, noon.Add(1), 2, 1, 4)
	f(noon.Add(ms/2), noon.Add(ms/2+1))
	// Another zone is the same moment.
	f(noon.In(time.FixedZone("", -5*3600)), open, 5, 3, 2)
	// Beyond what can be stored.
	f(time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), 5, 3, 2, 1, 4)
	f(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), open)
	f(open, time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC))
	f(open, time.Date(1850, 1, 1, 0, 0, 0, 0, time.UTC))
}

func TestFilterByActorAndAction(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	const odd = `o'\"%_?,[]()` + "\x00\n日"
	var all []Action
	for i, actor := range []string{"u-1", "u-2", odd} {
		for j, name := range []string{"invoice.posted", "data.erased"} {
			all = append(all, event(10*i+j, func(a *Action) { a.Actor.ID, a.Action = actor, name }))
		}
	}
	insert(t, s, all)
	f := func(actors, actions []string, want ...int) {
		t.Helper()
		var ids []string
		for _, n := range want {
			ids = append(ids, event(n, nil).ID)
		}
		wantIDs(t, listIDs(t, s, Filter{Tenant: "default", Conditions: conditions(actors, actions)}, 10), ids...)
	}
	f([]string{"u-1"}, nil, 1, 0)
	f([]string{"u-1", "u-2"}, nil, 11, 10, 1, 0)
	f([]string{odd}, nil, 21, 20)
	f([]string{"U-1"}, nil)
	f(nil, []string{"data.erased"}, 21, 11, 1)
	f([]string{"u-2", "nobody"}, []string{"data.erased", "invoice.posted"}, 11, 10)
	f([]string{"u-2"}, []string{"invoice"})
	many := []string{"u-2"}
	for i := range 99 {
		many = append(many, fmt.Sprintf("%0256d", i))
	}
	f(many, nil, 11, 10)
}

func TestFilterNeverCrossesTenants(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	const odd = `x' OR 1=1 --\`
	insert(t, s, []Action{
		event(1, nil),
		event(2, func(a *Action) { a.Tenant = "other" }),
		event(3, func(a *Action) { a.Tenant = odd }),
		event(4, func(a *Action) { a.Tenant = "Default" }),
	})
	wantIDs(t, listIDs(t, s, Filter{Tenant: "default"}, 10), event(1, nil).ID)
	wantIDs(t, listIDs(t, s, Filter{Tenant: odd}, 10), event(3, nil).ID)
	wantIDs(t, eachID(t, s, Filter{Tenant: "other"}), event(2, nil).ID)
	wantIDs(t, listIDs(t, s, Filter{Tenant: "nobody"}, 10))
	if _, err := s.List(t.Context(), Search{Filter: Filter{}, Limit: 10}); err == nil {
		t.Error("a list without a tenant is not refused")
	}
	if err := s.Each(t.Context(), Filter{}, func(*Action) error { return nil }); err == nil {
		t.Error("a read without a tenant is not refused")
	}
	if _, err := s.Get(t.Context(), "", event(1, nil).ID); err == nil {
		t.Error("an id without a tenant is not refused")
	}
	if actions, err := s.Get(t.Context(), "default", event(2, nil).ID); err != nil || len(actions) != 0 {
		t.Errorf("another tenant's action: %v, %v", actions, err)
	}
}

// A query that holds {…:…} is one with named parameters to clickhouse-go.
func TestNumbersAndAddressesAreAskedForTogether(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	insert(t, s, []Action{
		event(1, func(a *Action) {
			a.Subject.ID, a.Description, a.IP = "INV-204100", "Posted 311000", netip.MustParseAddr("10.0.0.7")
		}),
		event(2, func(a *Action) { a.Subject.ID, a.Description = "INV-204100", "Posted 311000" }),
	})
	f := Filter{
		Tenant: "default", Text: []search.Text{{Needle: "311000"}},
		Conditions: []Condition{{Field: "subject_id", Values: []string{"INV-204100"}}, {Field: "ip", Values: []string{"10.0.0.7"}}},
	}
	wantIDs(t, listIDs(t, s, f, 10), "id-000001")
	if n, err := s.Count(t.Context(), f); err != nil || n.Count != 1 {
		t.Errorf("counted %+v, %v", n, err)
	}
}

// conditions ask for one of some actors and one of some actions.
func conditions(actors, actions []string) []Condition {
	var all []Condition
	if actors != nil {
		all = append(all, Condition{Field: "actor", Values: actors})
	}
	if actions != nil {
		all = append(all, Condition{Field: "action", Values: actions})
	}
	return all
}
