package store

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/search"
)

func TestCountAgreesWithPlainGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 3000)
	for range cases(120) {
		w.hurry()
		f, want := w.filter(t)
		got, err := w.Count(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if got.Count != uint64(len(want)) || !got.Reached.IsZero() {
			t.Fatalf("%+v: counted %d, want %d, reached %s", f, got.Count, len(want), got.Reached)
		}
	}
}

func TestHistogramAgreesWithPlainGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, 3000)
	for range cases(100) {
		w.hurry()
		f, want := w.filter(t)
		at := worldBegin.Add(time.Duration(w.random.IntN(20*24)-5*24) * time.Hour)
		grain := []time.Duration{time.Hour, 45 * time.Minute, 24 * time.Hour, 7 * time.Minute, 90 * time.Second}[w.random.IntN(5)]
		edges := []time.Time{at}
		if w.random.IntN(2) == 0 {
			edges[0] = at.Add(1234567 * time.Microsecond) // the first is cut to the bounds
		}
		for range 1 + w.random.IntN(100) {
			at = at.Add(grain * time.Duration(1+w.random.IntN(3)))
			if at.After(edges[0]) {
				edges = append(edges, at)
			}
		}
		counts := make([]map[string]uint64, len(edges)-1)
		for i := range counts {
			counts[i] = map[string]uint64{}
		}
		for _, a := range want {
			for i := range counts {
				if !a.Time.Before(edges[i]) && a.Time.Before(edges[i+1]) {
					counts[i][a.Action]++
				}
			}
		}
		got, err := w.Histogram(t.Context(), f, edges)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got.Counts, counts, maps.Equal) {
			t.Fatalf("%+v between %v:\ngot  %v\nwant %v", f, edges, got.Counts, counts)
		}
	}
}

func TestCountsStayExactWhileRowsAreMergedAndInserted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5, 2000)
	execute(t, w.Store, "SYSTEM START MERGES actions")
	f := everything()
	f.Catalogue = w.catalogue
	f.To = worldBegin.AddDate(0, 0, 40)
	want := len(w.matching(&f))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			// Repeats of old events, and new ones after the range.
			var b Batch
			for n := range 20 {
				a := w.events[(i*20+n)%len(w.events)]
				a.Origin.Offset += int64(10_000_000 + i)
				b.Append(&a)
				late := event(100_000+i*20+n, func(a *Action) { a.Time = f.To.Add(time.Duration(n) * time.Hour) })
				b.Append(&late)
			}
			err := w.InsertActions(ctx, &b)
			if err == nil && i%3 == 0 {
				err = w.conn.Exec(ctx, "OPTIMIZE TABLE actions FINAL")
			}
			if err != nil && ctx.Err() == nil {
				done <- err
				return
			}
		}
	}()
	for range 12 {
		got, err := w.Count(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		facets, err := w.Facets(t.Context(), FacetQuestion{Filter: f, Fields: []string{"actor", "action"}, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		var actors, actions uint64
		for _, v := range facets.Facets[0].Values {
			actors += v.Count
		}
		for _, v := range facets.Facets[1].Values {
			actions += v.Count
		}
		if got.Count != uint64(want) || actors != got.Count || actions != got.Count {
			t.Fatalf("counted %d, by actor %d, by action %d, want %d", got.Count, actors, actions, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCountWithoutTimeIsALowerBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 6, 500)
	f := everything()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	got, err := w.Count(ctx, f)
	if err != nil || got.Count > uint64(len(w.matching(&f))) || !got.Reached.Equal(allEvents.to) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.Count(t.Context(), Filter{}); err == nil {
		t.Error("a count without a tenant is not refused")
	}
}

func TestReachIsWhatIsAskedOrTheTenantHas(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	behind := func(n int) time.Time { return day(n).Add(time.Millisecond) }
	for n, tenant := range []string{"other", "default", "default", "default", "other"} {
		insert(t, s, []Action{event(n, func(a *Action) { a.Tenant, a.Time = tenant, day(n) })})
	}
	f := func(from, to, wantFrom, wantTo time.Time) {
		t.Helper()
		gotFrom, gotTo, err := s.Reach(t.Context(), Filter{Tenant: "default", From: from, To: to})
		if err != nil {
			t.Fatal(err)
		}
		if !gotFrom.Equal(wantFrom) || !gotTo.Equal(wantTo) {
			t.Errorf("from %s to %s: %s to %s, want %s to %s", from, to, gotFrom, gotTo, wantFrom, wantTo)
		}
	}
	open := time.Time{}
	f(open, open, day(1), behind(3))
	f(day(2), open, day(2), behind(3))
	f(day(2).Add(1), open, behind(2), behind(3)) // whole milliseconds
	f(open, day(2), day(1), day(2))
	f(day(-50), day(50), day(-50), day(50))
	f(day(4), open, day(4), day(4))
	f(open, day(1), allEvents.from, allEvents.from)
	f(time.Unix(-1, 0), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), allEvents.from, allEvents.to)
	if _, _, err := s.Reach(t.Context(), Filter{}); err == nil {
		t.Error("a question without a tenant is not refused")
	}
}

func TestCommonTextsAreCountedWithoutTheIndex(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var all []Action
	for n := range 3000 {
		all = append(all, event(n, func(a *Action) {
			a.Description = "a common word"
			if n%1000 == 7 {
				a.Description = "a rare ẞtone"
			}
		}))
	}
	insert(t, s, all)
	f := func(needle string, not bool, want uint64, common bool) {
		t.Helper()
		filter := Filter{Tenant: "default", Text: []search.Text{{Needle: needle, Not: not}}}
		if n, err := s.Count(t.Context(), filter); err != nil || n.Count != want {
			t.Errorf("%s: %d events, %v; want %d", needle, n.Count, err, want)
		}
		if err := s.findCommon(t.Context(), &filter); err != nil || filter.common != common {
			t.Errorf("%s: common is %v, %v", needle, filter.common, err)
		}
	}
	f("COMMON", false, 2997, true)
	f("common", true, 3, false)
	f("sstone", false, 3, false)
	f("nowhere", false, 0, false)
}
