package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

// world is a store and the events that it holds, each once.
type world struct {
	*Store
	catalogue *action.Catalogue
	events    []Action
	random    *rand.Rand
}

var worldBegin = time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC)

// newWorld fills a store: a month whose rows are one merged part, one that is a merged
// part and others, and one of parts that are not merged, with repeats within and across
// parts, ids that are used again with other content, and two tenants.
func newWorld(t testing.TB, seed uint64, n int) *world {
	t.Helper()
	catalogue, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Store: testStore(t), catalogue: catalogue, random: rand.New(rand.NewPCG(seed, 7))}
	r := w.random
	actions := []string{"invoice.posted", "invoice.viewed", "data.erased", "user.login", "unknown.thing"}
	for i := range n {
		w.events = append(w.events, event(i, func(a *Action) {
			a.Time = worldBegin.Add(time.Duration(r.Int64N(int64(60 * 24 * time.Hour)))).Truncate(time.Millisecond)
			if r.IntN(4) == 0 { // on edges, too
				a.Time = a.Time.Truncate(15 * time.Minute).Add(time.Duration(r.IntN(3)-1) * time.Millisecond)
			}
			if r.IntN(5) == 0 {
				a.Tenant = "other"
			}
			a.Actor.ID = fmt.Sprintf("u-%d", min(r.IntN(12), r.IntN(12)))
			a.Actor.Name = []string{"", "Ann", "Àlex " + a.Actor.ID, "Straße"}[r.IntN(4)]
			a.Action = actions[r.IntN(len(actions))]
			a.Outcome = action.Outcomes()[r.IntN(len(action.Outcomes()))]
			a.Subject.Type = []string{"", "invoice", "Project"}[r.IntN(3)]
			a.Subject.ID = fmt.Sprint(r.IntN(5))
			a.Description = []string{"Added LED panel", "Late fee of STRASSE", "x"}[r.IntN(3)]
			if r.IntN(3) > 0 {
				a.IP = []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("2001:db8::7"), netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(9))})}[r.IntN(3)]
			}
			if r.IntN(3) == 0 {
				a.SessionID = fmt.Sprintf("s-%d", r.IntN(4))
			}
			if i > 0 && r.IntN(20) == 0 { // an identity is used again
				other := w.events[r.IntN(i)]
				a.ID, a.Time, a.Tenant = other.ID, other.Time, other.Tenant
			}
		}))
	}
	some := func(of []Action, n int) []Action {
		var picked []Action
		for range n {
			a := of[r.IntN(len(of))]
			a.Origin.Offset += int64(1 + r.IntN(1_000_000))
			picked = append(picked, a)
		}
		return picked
	}
	months := map[string][]Action{}
	for _, a := range w.events {
		months[a.Time.Format("200601")] = append(months[a.Time.Format("200601")], a)
	}
	keys := slices.Sorted(maps.Keys(months))
	for i, key := range keys {
		events := months[key]
		half := len(events) / 2
		if i == 1 { // the events of the first half of the month are merged
			slices.SortFunc(events, func(a, b Action) int { return a.Time.Compare(b.Time) })
		}
		insert(t, w.Store, events[:half], some(events[:half], half/2))
		execute(t, w.Store, "OPTIMIZE TABLE actions PARTITION "+key+" FINAL")
		if i == 2 { // two merged parts that hold the same
			execute(t, w.Store, "ALTER TABLE actions DETACH PARTITION "+key)
			insert(t, w.Store, some(events[:half], half/2))
			execute(t, w.Store, "OPTIMIZE TABLE actions PARTITION "+key+" FINAL")
			execute(t, w.Store, "ALTER TABLE actions ATTACH PARTITION "+key)
		}
		insert(t, w.Store, slices.Concat(events[half:], some(events[half:], 9)), some(events, 5), some(events[half:], half/3))
		if i == 0 {
			execute(t, w.Store, "OPTIMIZE TABLE actions PARTITION "+key+" FINAL")
		}
	}
	execute(t, w.Store, "SYSTEM STOP MERGES actions")
	if rows := count(t, w.Store, "SELECT count() FROM actions"); rows <= uint64(n) {
		t.Fatalf("%d rows: the engine holds no repeats", rows)
	}
	parts, err := w.parts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if merged, rest := quarterHours.split(allEvents, parts); len(merged) == 0 || len(rest) == 0 {
		t.Fatalf("merged are %v, and are not %v: %+v", merged, rest, parts)
	}
	return w
}

// filter is any one, and those of the events that match.
func (w *world) filter(t testing.TB) (Filter, []Action) {
	t.Helper()
	r := w.random
	f := Filter{Tenant: []string{"default", "default", "other", "nobody"}[r.IntN(4)], Catalogue: w.catalogue}
	bound := func() time.Time {
		at := worldBegin.Add(time.Duration(r.Int64N(int64(62*24*time.Hour))) - 24*time.Hour)
		return at.Truncate([]time.Duration{1, time.Millisecond, time.Minute, 15 * time.Minute, 24 * time.Hour}[r.IntN(5)])
	}
	if r.IntN(2) == 0 {
		f.From = bound()
	}
	if r.IntN(2) == 0 {
		f.To = bound()
	}
	values := map[string][]string{
		"actor": {"u-0", "u-3", "u-7", "nobody"}, "action": {"invoice.*", "data.erased", "unknown.thing"}, "category": categoryNames(),
		"outcome": action.Outcomes(), "subject_type": {"invoice", "Project"}, "ip": {"10.0.0.0/29", "10.0.0.7", "2001:db8::7"},
		"subject_id": {"1", "2"}, "session_id": {"s-1"},
	}
	for _, field := range slices.Sorted(maps.Keys(values)) {
		if r.IntN(6) > 0 {
			continue
		}
		c := Condition{Field: field, Not: r.IntN(3) == 0}
		for range 1 + r.IntN(2) {
			c.Values = append(c.Values, values[field][r.IntN(len(values[field]))])
		}
		f.Conditions = append(f.Conditions, c)
	}
	if r.IntN(5) == 0 {
		f.Text = []search.Text{{Needle: []string{"led", "straße", "fee", "a"}[r.IntN(4)], Not: r.IntN(3) == 0}}
	}
	return f, w.matching(&f)
}

// matching is the filter in plain Go.
func (w *world) matching(f *Filter) []Action {
	var found []Action
	for _, a := range w.events {
		if a.Tenant == f.Tenant && (f.From.IsZero() || !a.Time.Before(f.From)) && (f.To.IsZero() || a.Time.Before(f.To)) &&
			!slices.ContainsFunc(f.Conditions, func(c Condition) bool { return w.has(&a, f, c) == c.Not }) &&
			!slices.ContainsFunc(f.Text, func(x search.Text) bool {
				needle := search.Fold(x.Needle)
				return (strings.Contains(search.Fold(a.Description), needle) || strings.Contains(search.Fold(a.Subject.Name), needle)) == x.Not
			}) && w.pairs(&a, f) {
			found = append(found, a)
		}
	}
	return found
}

// pairs: a type and an id that are both asked for have to be those of one record.
func (w *world) pairs(a *Action, f *Filter) bool {
	ids, types := f.Values("subject_id"), f.Values("subject_type")
	return len(ids) == 0 || len(types) == 0 || slices.Contains(ids, a.Subject.ID) && slices.Contains(types, a.Subject.Type)
}

func (w *world) has(a *Action, f *Filter, c Condition) bool {
	return slices.ContainsFunc(c.Values, func(value string) bool {
		switch c.Field {
		case "ip":
			p, err := parsePrefix(value)
			return err == nil && a.IP.IsValid() && p.Contains(a.IP)
		case "action":
			group, all := strings.CutSuffix(value, "*")
			return a.Action == value || all && strings.HasPrefix(a.Action, group)
		case "subject_id":
			return a.Subject.ID == value
		default:
			return w.valueOf(a, c.Field) == value
		}
	})
}

func (w *world) valueOf(a *Action, field string) string {
	switch field {
	case "actor":
		return a.Actor.ID
	case "action":
		return a.Action
	case "category":
		return string(w.catalogue.Lookup(a.Action).Category)
	case "outcome":
		return a.Outcome
	case "subject_type":
		return a.Subject.Type
	case "session_id":
		return a.SessionID
	case "on_behalf_of":
		return a.OnBehalfOf.ID
	case "ip":
		if !a.IP.IsValid() {
			return ""
		}
		return a.IP.String()
	}
	panic(field)
}

func TestCountAgreesWithPlainGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 3000)
	for range 300 {
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
	for range 200 {
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

func TestFacetsAgreeWithPlainGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, 3000)
	for range 150 {
		f, _ := w.filter(t)
		q := FacetQuestion{Filter: f, Limit: 1 + w.random.IntN(5), Times: w.random.IntN(3) == 0, Others: w.random.IntN(2) == 0}
		for _, field := range FacetFields() {
			if w.random.IntN(2) == 0 {
				q.Fields = append(q.Fields, field)
			}
		}
		if w.random.IntN(3) == 0 {
			q.Prefix = []string{"U-1", "àLEX u-2", "10.0", "inv", "STRASSE", "2001:", "a", "D"}[w.random.IntN(8)]
		}
		got, err := w.Facets(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i, field := range q.Fields {
			want := w.facet(&q, field)
			if fmt.Sprint(got.Facets[i]) != fmt.Sprint(want) {
				t.Fatalf("%+v\ngot  %+v\nwant %+v", q, got.Facets[i], want)
			}
		}
	}
}

// facet is one facet in plain Go.
func (w *world) facet(q *FacetQuestion, field string) Facet {
	f := q.Filter
	f.Conditions = slices.DeleteFunc(slices.Clone(f.Conditions), func(c Condition) bool { return q.Others && c.Field == field })
	names, latest := map[string][]string{}, map[string]Action{}
	for _, a := range w.events {
		if a.Tenant == f.Tenant && a.Actor.Name != "" {
			names[a.Actor.ID] = append(names[a.Actor.ID], a.Actor.Name)
			if l, ok := latest[a.Actor.ID]; !ok || compareKeys(&l, &a) < 0 {
				latest[a.Actor.ID] = a
			}
		}
	}
	prefix := search.Fold(q.Prefix)
	begins := func(text string) bool { return strings.HasPrefix(search.Fold(text), prefix) }
	values := map[string]*FacetValue{}
	all := Facet{Field: field}
	for _, a := range w.matching(&f) {
		value := w.valueOf(&a, field)
		if value == "" || !begins(value) && (field != "actor" || !slices.ContainsFunc(names[value], begins)) {
			continue
		}
		v, ok := values[value]
		if !ok {
			v = &FacetValue{Value: value}
			values[value] = v
			if field == "actor" {
				v.Name = latest[value].Actor.Name
			}
		}
		v.Count++
		if q.Times {
			if v.First.IsZero() || a.Time.Before(v.First) {
				v.First = a.Time
			}
			v.Last = maxTime(v.Last, a.Time)
		}
	}
	for _, v := range values {
		all.Values = append(all.Values, *v)
	}
	all.Distinct = uint64(len(all.Values))
	slices.SortFunc(all.Values, func(a, b FacetValue) int {
		if q.Times && field == "session_id" {
			return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Value, b.Value))
		}
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	for len(all.Values) > q.Limit {
		all.Other += all.Values[len(all.Values)-1].Count
		all.Values = all.Values[:len(all.Values)-1]
	}
	return all
}

// compareKeys is the order of the table.
func compareKeys(a, b *Action) int {
	aHigh, aLow, aText := splitID(a.ID)
	bHigh, bLow, bText := splitID(b.ID)
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(aHigh, bHigh), cmp.Compare(aLow, bLow), cmp.Compare(aText, bText), slices.Compare(a.ContentHash[:], b.ContentHash[:]))
}

func TestSplitCoversTheTimeOnce(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	for range 2000 {
		var parts []part
		for i := range r.IntN(8) {
			from := worldBegin.Add(time.Duration(r.IntN(200_000)) * time.Second)
			parts = append(parts, part{name: fmt.Sprint(i), level: uint32(r.IntN(2)), rows: 5, from: from, to: from.Add(time.Duration(1+r.IntN(90_000)) * time.Second)})
		}
		slices.SortFunc(parts, func(a, b part) int { return a.from.Compare(b.from) })
		asked := allEvents
		if r.IntN(2) == 0 {
			asked.from = worldBegin.Add(time.Duration(r.IntN(100_000)) * time.Second)
		}
		if r.IntN(2) == 0 {
			asked.to = worldBegin.Add(time.Duration(100_001+r.IntN(100_000)) * time.Second)
		}
		p := []projection{quarterHours, actorDays}[r.IntN(2)]
		merged, rest := p.split(asked, parts)
		for _, m := range merged {
			for _, edge := range []time.Time{m.from, m.to} {
				if !edge.Truncate(p.grain).Equal(edge) {
					t.Fatalf("%v is not on the grain", edge)
				}
			}
			for _, a := range parts {
				in := m.within(span{a.from, a.to})
				if in.empty() {
					continue
				}
				if a.level == 0 {
					t.Fatalf("%v reaches into %v", a, m)
				}
				for _, b := range parts {
					if b.name != a.name && !in.within(span{b.from, b.to}).empty() {
						t.Fatalf("%v and %v overlap in %v", a, b, m)
					}
				}
			}
		}
		all := slices.SortedFunc(slices.Values(slices.Concat(merged, rest)), func(a, b span) int { return a.from.Compare(b.from) })
		at := asked.from
		for _, s := range all {
			if s.empty() || !s.from.Equal(at) {
				t.Fatalf("%v and %v do not cover %v", merged, rest, asked)
			}
			at = s.to
		}
		if !at.Equal(asked.to) {
			t.Fatalf("%v and %v do not cover %v", merged, rest, asked)
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
	for range 60 {
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
	if err != nil || got.Count > uint64(len(w.matching(&f))) || got.Reached.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.Count(t.Context(), Filter{}); err == nil {
		t.Error("a count without a tenant is not refused")
	}
}

func TestStretchesCoverTheTimeOnceNewestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 7, 500)
	parts, err := w.parts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := stretches{ctx: t.Context(), parts: parts, asked: allEvents}
	to, rows := s.asked.to, s.weight(allEvents)/50
	steps := 0
	for ; to.After(s.asked.from); steps++ {
		from := s.back(to, rows)
		if !from.Before(to) || s.weight(span{from, to}) > rows*3+5 {
			t.Fatalf("from %s to %s: %f rows of %f", from, to, s.weight(span{from, to}), rows)
		}
		to = from
	}
	if steps < 10 {
		t.Errorf("%d windows", steps)
	}
}
