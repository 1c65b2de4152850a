package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

// searchAll reads a list to its end, in pages.
func searchAll(t testing.TB, s *Store, q Search) []string {
	t.Helper()
	ids := []string{}
	for {
		page, err := s.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Actions {
			ids = append(ids, a.ID)
		}
		if q.After = page.Next; q.After == nil {
			return ids
		}
	}
}

// scattered are events at irregular distances, from milliseconds to years.
func scattered(n int) []Action {
	var all []Action
	at := noon
	for i := range n {
		all = append(all, event(i, func(a *Action) { a.Time = at }))
		at = at.Add(-time.Duration(i*i*i*i*(i%7)) * 997 * time.Millisecond)
	}
	return all
}

func TestListInBothOrdersAcrossWindows(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	all := scattered(60)
	insert(t, s, all)
	slices.SortFunc(all, func(a, b Action) int {
		if c := b.Time.Compare(a.Time); c != 0 {
			return c
		}
		return -cmpID(a.ID, b.ID)
	})
	for _, limit := range []int{5, 50} {
		for _, bounds := range [][2]time.Time{
			{},
			// Between two milliseconds, as times that are counted from now are.
			{noon.Add(-300 * 24 * time.Hour).Add(1), noon.Add(-500 * time.Microsecond)},
			{noon.Add(time.Hour), noon.Add(2 * time.Hour)},
		} {
			var want []string
			for _, a := range all {
				if (bounds[0].IsZero() || !a.Time.Before(bounds[0])) && (bounds[1].IsZero() || a.Time.Before(bounds[1])) {
					want = append(want, a.ID)
				}
			}
			filter := Filter{Tenant: "default", From: bounds[0], To: bounds[1]}
			wantIDs(t, searchAll(t, s, Search{Filter: filter, Limit: limit}), want...)
			slices.Reverse(want)
			wantIDs(t, searchAll(t, s, Search{Filter: filter, Order: OldestFirst, Limit: limit}), want...)
			progress := func([]Action, time.Time) error { return nil }
			wantIDs(t, searchAll(t, s, Search{Filter: filter, Order: OldestFirst, Limit: limit, Progress: progress}), want...)
		}
	}
}

func cmpID(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// An event a day, to the millisecond, stands on the very edge of windows that are a
// day long.
func TestListAtTheEdgesOfWindows(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var all []Action
	var newest, oldest []string
	for n := range 8 {
		for _, ms := range []int{-1, 0, 1} {
			id := fmt.Sprintf("%03d %+d", n, ms)
			all = append(all, event(3*n+ms+1, func(a *Action) {
				a.ID, a.Time = id, noon.Add(time.Duration(-24*n)*time.Hour-time.Duration(ms)*time.Millisecond)
			}))
			newest = append(newest, id)
		}
	}
	oldest = slices.Clone(newest)
	slices.Reverse(oldest)
	insert(t, s, all)
	for _, limit := range []int{1, 7} {
		for _, fraction := range []time.Duration{0, 500 * time.Microsecond, time.Millisecond - 1} {
			to := noon.Add(2 * time.Millisecond).Add(-fraction)
			wantIDs(t, searchAll(t, s, Search{Filter: Filter{Tenant: "default", To: to}, Limit: limit}), newest...)
			from := all[len(all)-1].Time.Add(-fraction)
			wantIDs(t, searchAll(t, s, Search{Filter: Filter{Tenant: "default", From: from}, Order: OldestFirst, Limit: limit}), oldest...)
		}
	}
}

func TestWindowsGrowAndEnd(t *testing.T) {
	t.Parallel()
	f := func(order Order, more, found int) {
		t.Helper()
		w := &windows{order: order, start: noon, widen: widen}
		w.extend(firstSpan)
		for steps := 0; ; steps++ {
			before := w.span()
			if !w.advance(more, found) {
				break
			}
			if steps > 100 || !w.edge.IsZero() && w.span() <= before {
				t.Fatalf("order %d, %d more, %d found: step %d is no longer than the one before: %s", order, more, found, steps, w.span())
			}
		}
	}
	for _, order := range []Order{NewestFirst, OldestFirst} {
		for _, more := range []int{1, 7, 50, 1000} {
			for _, found := range []int{0, 1, 9, 10_000_000} {
				f(order, more, found)
			}
		}
	}
}

func TestProgressTellsWhatIsFoundAndHowFarTheSearchHasCome(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	insert(t, s, []Action{
		event(1, nil), event(2, func(a *Action) { a.Description = "other"; a.ID = event(1, nil).ID }),
		event(3, func(a *Action) { a.Time = noon.AddDate(-1, 0, 0) }),
	})
	for _, order := range []Order{NewestFirst, OldestFirst} {
		var told []string
		var marks []time.Time
		page, err := s.List(t.Context(), Search{Filter: everything(), Order: order, Limit: 10, Progress: func(found []Action, reached time.Time) error {
			for _, a := range found {
				told = append(told, a.ID)
				if a.Conflicting != (a.ID == event(1, nil).ID) {
					t.Errorf("%s: conflicting is %v", a.ID, a.Conflicting)
				}
			}
			marks = append(marks, reached)
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, a := range page.Actions {
			want = append(want, a.ID)
		}
		wantIDs(t, told, want...)
		if len(marks) < 3 || !marks[len(marks)-1].IsZero() {
			t.Errorf("%d marks, the last is %s", len(marks), marks[len(marks)-1])
		}
		for i, m := range marks[1 : len(marks)-1] {
			if m.Before(marks[i]) != (order == NewestFirst) {
				t.Errorf("%s comes after %s", m, marks[i])
			}
		}
	}
	stop := errors.New("the client went away")
	if _, err := s.List(t.Context(), Search{Filter: everything(), Limit: 10, Progress: func([]Action, time.Time) error { return stop }}); !errors.Is(err, stop) {
		t.Errorf("the error of progress ends in %v", err)
	}
}

func TestATimeThatIsUpMakesAPagePartial(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	insert(t, s, []Action{event(1, nil), event(2, nil)})
	over, cancel := context.WithDeadline(t.Context(), noon)
	defer cancel()
	after := &Cursor{Time: noon, ID: event(2, nil).ID, ContentHash: action.ContentHash{0xff}}
	for range 2 { // before it is known how far the actions reach, and then
		for _, from := range []*Cursor{nil, after} {
			page, err := s.List(over, Search{Filter: everything(), After: from, Limit: 10, Progress: func([]Action, time.Time) error {
				t.Error("progress was made")
				return nil
			}})
			if err != nil || !page.Partial || len(page.Actions) > 0 || page.Next != from {
				t.Errorf("after %v: %+v, %v", from, page, err)
			}
		}
		if _, err := s.List(t.Context(), Search{Filter: everything(), Limit: 1}); err != nil {
			t.Fatal(err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.List(gone, Search{Filter: everything(), Limit: 10}); !errors.Is(err, context.Canceled) {
		t.Errorf("of a client that went away: %v", err)
	}
}
