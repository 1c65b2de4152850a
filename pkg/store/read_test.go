package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

func everything() Filter { return Filter{Tenant: "default"} }

func TestListIsNewestFirstThenByID(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	insert(t, s,
		[]Action{event(1, nil), event(2, func(a *Action) { a.ID = "a" }), event(3, func(a *Action) { a.ID = "Z" })},
		[]Action{event(4, func(a *Action) { a.Time = noon.AddDate(-10, 0, 0) }), event(5, func(a *Action) { a.Time = noon.Add(time.Hour) })},
	)
	want := []string{event(5, nil).ID, event(1, nil).ID, "a", "Z", event(4, nil).ID}
	for limit := 1; limit < 7; limit++ {
		wantIDs(t, listIDs(t, s, everything(), limit), want...)
	}
	wantIDs(t, eachID(t, s, everything()), want...)
}

func TestListIsStableWhileEventsArrive(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var all []Action
	for n := range 40 {
		all = append(all, event(n, func(a *Action) { a.Time = noon.Add(time.Duration(n) * time.Second) }))
	}
	insert(t, s, all)
	var got []string
	var after *Cursor
	for i := 0; ; i++ {
		page, err := s.List(t.Context(), Search{Filter: everything(), After: after, Limit: 7})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Actions {
			got = append(got, a.ID)
		}
		if after = page.Next; after == nil {
			break
		}
		// Newer events arrive, and what was shown is sent again.
		insert(t, s, []Action{event(1000+i, func(a *Action) { a.Time = noon.Add(time.Hour) }), all[39-i]})
	}
	var want []string
	for n := 39; n >= 0; n-- {
		want = append(want, all[n].ID)
	}
	wantIDs(t, got, want...)
}

func TestRepeatsAreNeverShownTwice(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	execute(t, s, "SYSTEM STOP MERGES actions")
	var all []Action
	var want []string
	for n := range 30 {
		all = append(all, event(n, func(a *Action) { a.Time = noon.Add(time.Duration(n/3) * time.Second) }))
		want = append([]string{all[n].ID}, want...)
	}
	insert(t, s, all)
	// Each row again at other offsets, and two of them more often than a short page
	// fetches, each in a part of its own: repeats collapse within an insert.
	again := func(n, times int) Action {
		a := all[n]
		a.Origin.Offset += int64(1000 * times)
		a.Origin.Partition += times
		return a
	}
	for i := range 16 {
		part := []Action{again(7, i+1), again(8, i+1)}
		if i < 4 {
			part = nil
			for n := range all {
				part = append(part, again(n, i+1))
			}
		}
		insert(t, s, part)
	}
	if physical := count(t, s, "SELECT count() FROM actions"); physical != 5*30+2*12 {
		t.Fatalf("%d rows: the engine does not hold the repeats that are to be passed over", physical)
	}
	for _, limit := range []int{1, 2, 3, 7, 29, 30, 31, 1000} {
		wantIDs(t, listIDs(t, s, everything(), limit), want...)
	}
	wantIDs(t, eachID(t, s, everything()), want...)
	for _, a := range all {
		found, err := s.Get(t.Context(), "default", a.ID)
		if err != nil || len(found) != 1 || found[0].Conflicting {
			t.Fatalf("get %s: %d events, %v", a.ID, len(found), err)
		}
		if found[0].Origin.Offset != a.Origin.Offset {
			t.Errorf("get %s: offset %d, want the first, %d", a.ID, found[0].Origin.Offset, a.Origin.Offset)
		}
	}
}

func TestGetSeesPastManyRepeats(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	execute(t, s, "SYSTEM STOP MERGES actions")
	first := event(1, nil)
	insert(t, s, []Action{first})
	// Repeats collapse within an insert, so each is one of its own.
	for n := range 12 {
		again := first
		again.Origin.Offset = int64(10 + n)
		insert(t, s, []Action{again})
	}
	other := event(5000, func(a *Action) { a.ID = first.ID; a.Description = "other" })
	insert(t, s, []Action{other})
	if physical := count(t, s, "SELECT count() FROM actions"); physical != 14 {
		t.Fatalf("%d rows: the engine holds no repeats to pass over", physical)
	}
	found, err := s.Get(t.Context(), "default", first.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found[0].Origin.Offset != 1 || found[0].ContentHash != first.ContentHash || found[1].ContentHash != other.ContentHash {
		t.Errorf("%+v", found)
	}
}

func TestGetIsBounded(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	sameID := func(id string, from, n int, change func(*Action)) {
		t.Helper()
		var all []Action
		for i := range n {
			all = append(all, event(from+i, func(a *Action) {
				a.ID, a.Time = id, noon.Add(-time.Duration(i)*time.Millisecond)
				if change != nil {
					change(a)
				}
			}))
		}
		insert(t, s, all)
	}
	f := func(id string, first int64, want int) {
		t.Helper()
		found, err := s.Get(t.Context(), "default", id)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != want || found[0].Origin.Offset != first {
			t.Errorf("%s: %d events, the first of offset %d; want %d, %d", id, len(found), found[0].Origin.Offset, want, first)
		}
	}
	sameID("many", 0, maxSameID+1, nil)
	f("many", 0, maxSameID)
	sameID("long", 5000, 9, func(a *Action) { a.Details = text1MiB() })
	f("long", 5000, 8)
}

// text1MiB is longer than any detail is; nothing here minds.
func text1MiB() json.RawMessage { return json.RawMessage(strings.Repeat("x", 1<<20)) }

func TestAPageOfLongEventsEndsEarly(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var all []Action
	for n := range 10 {
		all = append(all, event(n, func(a *Action) { a.Details = text1MiB() }))
	}
	insert(t, s, all)
	var sizes []int
	seen := map[string]bool{}
	var after *Cursor
	for {
		page, err := s.List(t.Context(), Search{Filter: everything(), After: after, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.Actions))
		for _, a := range page.Actions {
			seen[a.ID] = true
		}
		if after = page.Next; after == nil {
			break
		}
	}
	if !slices.Equal(sizes, []int{8, 2}) || len(seen) != len(all) {
		t.Errorf("pages of %v with %d events, want 8 and 2 with %d", sizes, len(seen), len(all))
	}
}

func TestConflictsAreBothKeptAndBothMarked(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	first := event(3, func(a *Action) { a.Description = "first" })
	second := event(9, func(a *Action) { a.ID = first.ID; a.Description = "second" })
	elsewhen := event(8, func(a *Action) { a.ID = first.ID; a.Time = noon.Add(time.Second) })
	all := []Action{event(1, nil), event(2, nil), first, event(4, nil)}
	insert(t, s, all, []Action{second, second}, []Action{elsewhen})
	execute(t, s, "OPTIMIZE TABLE actions FINAL")

	marks := func(f Filter, limit int) map[string]bool {
		t.Helper()
		marks := map[string]bool{}
		var after *Cursor
		for {
			page, err := s.List(t.Context(), Search{Filter: f, After: after, Limit: limit})
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page.Actions {
				marks[fmt.Sprint(a.ID, " ", a.Description, " ", a.Time.Unix()-noon.Unix())] = a.Conflicting
			}
			if after = page.Next; after == nil {
				return marks
			}
		}
	}
	// Whatever the page's borders are.
	for limit := 1; limit < 8; limit++ {
		got := marks(everything(), limit)
		if len(got) != 6 {
			t.Fatalf("limit %d: %d events, want 6: %v", limit, len(got), got)
		}
		for name, conflicting := range got {
			if want := name == first.ID+" first 0" || name == first.ID+" second 0"; conflicting != want {
				t.Errorf("limit %d: %s: conflicting is %v, want %v", limit, name, conflicting, want)
			}
		}
	}
	// A filter that leaves only one of them does not take its mark.
	if got := marks(Filter{Tenant: "default", Text: []search.Text{{Needle: "second"}}}, 10); !got[first.ID+" second 0"] {
		t.Errorf("with a filter: %v", got)
	}

	found, err := s.Get(t.Context(), "default", first.ID)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, a := range found {
		order = append(order, fmt.Sprintf("%s %v", a.Description, a.Conflicting))
	}
	if want := []string{"first true", " false", "second true"}; !slices.Equal(order, want) {
		t.Errorf("get: %q, want %q in the order of offsets", order, want)
	}
}

func TestGetShowsFirstWhatKafkaGotFirst(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	at := func(description string, partition int, offset int64, received time.Time) Action {
		return event(1, func(a *Action) {
			a.Description, a.ContentHash[0] = description, description[0]
			a.Origin.Partition, a.Origin.Offset, a.Origin.Time = partition, offset, received
		})
	}
	original, forged := at("true", 3, 6789, noon), at("forged", 0, 81, noon.Add(2*time.Second))
	// A copy of the original does not make it any later.
	copied := at("true", 1, 9000, noon.Add(4*time.Second))
	insert(t, s, []Action{forged}, []Action{copied}, []Action{original})
	for range 2 {
		found, err := s.Get(t.Context(), "default", original.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != 2 || found[0].Description != "true" || found[0].Origin.Offset != 6789 || found[1].Description != "forged" {
			t.Errorf("got %+v, want the original ahead of the forgery", found)
		}
		execute(t, s, "OPTIMIZE TABLE actions FINAL")
	}
}

func TestConflictsInAFullPageOfTheLongestIDs(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var all []Action
	for n := range 1000 {
		id := fmt.Sprintf("%s%05d", string(slices.Repeat([]rune("𝄞"), 123)), n)
		all = append(all, event(n, func(a *Action) { a.ID = id; a.Time = noon.Add(-time.Duration(n) * 24 * time.Hour) }))
	}
	insert(t, s, all, []Action{event(5000, func(a *Action) { a.ID, a.Time, a.Description = all[999].ID, all[999].Time, "other" })})
	page, err := s.List(t.Context(), Search{Filter: everything(), Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range page.Actions {
		if a.Conflicting != (i == 999) {
			t.Errorf("event %d: conflicting is %v", i, a.Conflicting)
		}
	}
}

func TestTheSurvivorOfRepeatsIsTheLowestOffset(t *testing.T) {
	t.Parallel()
	f := func(order ...[2]int) {
		t.Helper()
		s := testStore(t)
		for _, at := range order {
			insert(t, s, []Action{event(1, func(a *Action) {
				a.Origin.Offset, a.Origin.Partition = int64(at[0]), at[1]
				a.ContentHash = action.ContentHash{1}
			})})
		}
		execute(t, s, "OPTIMIZE TABLE actions FINAL")
		if n := count(t, s, "SELECT count() FROM actions"); n != 1 {
			t.Fatalf("%v: %d rows after a merge", order, n)
		}
		found, err := s.Get(t.Context(), "default", event(1, nil).ID)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.MinFunc(order, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
		if got := [2]int{int(found[0].Origin.Offset), found[0].Origin.Partition}; got != want {
			t.Errorf("%v: %v survived, want %v", order, got, want)
		}
	}
	f([2]int{5, 0}, [2]int{9, 0})
	f([2]int{9, 0}, [2]int{5, 0})
	f([2]int{5, 3}, [2]int{5, 1}, [2]int{6, 0})
	f([2]int{1 << 40, 0}, [2]int{7, 1<<31 - 1})
	f([2]int{0, 1}, [2]int{0, 0})
}
