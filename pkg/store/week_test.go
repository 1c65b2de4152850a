package store

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestWeekAgreesWithPlainGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 11, 3000)
	zones := []string{"UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"}
	for range cases(60) {
		w.hurry()
		zone, err := time.LoadLocation(zones[w.random.IntN(len(zones))])
		if err != nil {
			t.Fatal(err)
		}
		f, matching := w.filter(t)
		want := inWeek(matching, zone)
		got, err := w.Week(t.Context(), f, zone)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("%s, %+v\ngot  %+v\nwant %+v", zone, f, got, want)
		}
	}
}

// inWeek counts by what the clock shows at each event.
func inWeek(events []Action, zone *time.Location) Week {
	var week Week
	days := map[string]bool{}
	for _, a := range events {
		shown := a.Time.In(zone)
		days[shown.Format(time.DateOnly)] = true
		week.Counts[(shown.Weekday()+6)%7][shown.Hour()]++
	}
	week.Days = uint64(len(days))
	return week
}

// Clocks are set in the middle of a quarter of an hour, and are off by parts of a minute.
func TestWeekFollowsOddClocks(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	f := func(name, tenant string, around time.Time) {
		t.Helper()
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		var events []Action
		for i := range 400 {
			events = append(events, event(i, func(a *Action) {
				a.Tenant, a.Time = tenant, around.Add(time.Duration(i-200)*29*time.Second)
			}))
		}
		insert(t, s, events, events[:50])
		got, err := s.Week(t.Context(), Filter{Tenant: tenant}, zone)
		if want := inWeek(events, zone); err != nil || got != want {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", name, got, err, want)
		}
	}
	f("America/St_Johns", "a", time.Date(2010, 3, 14, 3, 31, 0, 0, time.UTC))
	f("America/St_Johns", "b", time.Date(2010, 11, 7, 2, 31, 0, 0, time.UTC))
	f("Africa/Monrovia", "c", time.Date(1972, 1, 7, 0, 44, 30, 0, time.UTC))
	f("Pacific/Apia", "d", time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC)) // which had no 30th
	f("America/New_York", "e", time.Date(1970, 1, 1, 5, 0, 0, 0, time.UTC).Add(100*time.Minute))
	if grain := grainOf(time.UTC, allEvents); grain != 900 {
		t.Errorf("the grain of UTC is %d seconds", grain)
	}
}

func TestSessionsAgreeWithPlainGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 12, 3000)
	several := false
	for range cases(40) {
		f, matching := w.filter(t)
		ids := []string{"s-0", "s-2", "s-3", "nothing"}[w.random.IntN(3):]
		got, err := w.Sessions(t.Context(), f, time.Time{}, ids)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]Session{}
		addresses, agents := map[string]bool{}, map[string]bool{}
		slices.SortFunc(matching, func(a, b Action) int { return compareKeys(&a, &b) })
		for _, a := range matching {
			if !slices.Contains(ids, a.SessionID) {
				continue
			}
			s := want[a.SessionID]
			if key := fmt.Sprint(a.SessionID, a.IP); a.IP.IsValid() {
				if s.IP = a.IP; !addresses[key] {
					s.Addresses, addresses[key] = s.Addresses+1, true
				}
			}
			if key := a.SessionID + a.UserAgent; a.UserAgent != "" {
				if s.UserAgent = a.UserAgent; !agents[key] {
					s.UserAgents, agents[key] = s.UserAgents+1, true
				}
			}
			want[a.SessionID] = s
			several = several || s.Addresses > 1 && s.UserAgents > 1
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%+v %v\ngot  %+v\nwant %+v", f, ids, got, want)
		}
	}
	if !several {
		t.Error("no session ever had several addresses and user agents")
	}
}

func TestSessionsAreThoseOfTheTimeThatWasCounted(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	insert(t, s, []Action{
		event(1, func(a *Action) { a.SessionID, a.IP, a.UserAgent = "s", netip.MustParseAddr("10.0.0.1"), "old" }),
		event(2, func(a *Action) { a.SessionID, a.Time, a.UserAgent = "s", noon.Add(time.Hour), "new" }),
	})
	got, err := s.Sessions(t.Context(), Filter{Tenant: "default"}, noon.Add(time.Minute), []string{"s"})
	if want := (Session{UserAgent: "new", UserAgents: 1}); err != nil || got["s"] != want {
		t.Errorf("%+v, %v", got, err)
	}
}
