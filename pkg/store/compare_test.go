package store

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCompareAgreesWithPlainGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 9, 3000)
	found := map[string]int{}
	for range cases(80) {
		w.hurry()
		q := Comparison{Limit: 1 + w.random.IntN(6)}
		q.Selection, _ = w.filter(t)
		if q.Against, _ = w.filter(t); w.random.IntN(2) == 0 { // wide enough that something stands out
			q.Against = Filter{}
		}
		q.Against.Tenant, q.Against.Catalogue = q.Selection.Tenant, w.catalogue
		for _, field := range ComparedFields() {
			if w.random.IntN(3) > 0 {
				q.Fields = append(q.Fields, field)
			}
		}
		got, err := w.Compare(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(q.Fields) == 0 {
			continue
		}
		want := w.compared(&q)
		if got.Count != want.Count || got.Rest != want.Rest || !got.Reached.IsZero() || !got.Until.IsZero() || len(got.Fields) != len(q.Fields) {
			t.Fatalf("%+v\ngot  %+v\nwant %+v", q, got, want)
		}
		for i, f := range got.Fields {
			for j, v := range f.Values {
				if k := &want.Fields[i].Values[min(j, len(want.Fields[i].Values)-1)]; math.Abs(k.Score-v.Score) < 1e-6 {
					k.Score = v.Score
				}
			}
			if fmt.Sprint(f) != fmt.Sprint(want.Fields[i]) {
				t.Fatalf("%+v\ngot  %+v\nwant %+v", q, f, want.Fields[i])
			}
			found[f.Field] += len(f.Values)
		}
	}
	for _, field := range ComparedFields() {
		if found[field] == 0 {
			t.Errorf("nothing was ever over-represented in %s: %v", field, found)
		}
	}
}

// What there was time for is right for the time that it is of, and holds the selection
// before it holds anything that is newer.
func TestComparePartlyAgreesWithPlainGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 13, 3000)
	w.rate = 50
	seen := map[string]int{}
	const questions = 50
	for i := range questions {
		q := Comparison{Selection: Filter{Tenant: "default"}, Against: Filter{Tenant: "default"}, Fields: []string{"action"}, Limit: 5}
		q.Selection.From = worldBegin.AddDate(0, 0, w.random.IntN(50))
		q.Selection.To = q.Selection.From.AddDate(0, 0, 1+w.random.IntN(20))
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*i/8)*time.Millisecond)
		if i == questions-1 { // one has time, as the first has none
			cancel()
			ctx, cancel = context.WithCancel(t.Context())
		}
		got, err := w.Compare(ctx, q)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if !got.Until.IsZero() && !got.Until.Equal(q.Selection.To) {
			t.Fatalf("%+v: until %s", q.Selection, got.Until)
		}
		seen[fmt.Sprint("reached all ", got.Reached.IsZero(), ", and the newer ", got.Until.IsZero())]++
		for _, f := range []*Filter{&q.Selection, &q.Against} {
			f.From = maxTime(f.From, got.Reached)
			if !got.Until.IsZero() {
				f.To = got.Until
			}
		}
		if want := w.compared(&q); got.Count != want.Count || got.Rest != want.Rest || len(got.Fields[0].Values) != len(want.Fields[0].Values) {
			t.Fatalf("%+v\ngot  %+v\nwant %+v", q, got, want)
		}
	}
	if len(seen) < 2 {
		t.Errorf("all answers are alike: %v", seen)
	}
}

// compared is a comparison in plain Go, with Dunning's own form of the score: the
// logarithm of how much likelier the counts are when the two shares may differ.
func (w *world) compared(q *Comparison) Difference {
	selected := w.matching(&q.Selection)
	key := func(a *Action) string { return a.ID + string(a.ContentHash[:]) }
	chosen := map[string]bool{}
	for i := range selected {
		chosen[key(&selected[i])] = true
	}
	rest := slices.DeleteFunc(w.matching(&q.Against), func(a Action) bool { return chosen[key(&a)] })
	d := Difference{Count: uint64(len(selected)), Rest: uint64(len(rest))}
	for _, field := range q.Fields {
		f := ComparedField{Field: field}
		counts := map[typedID]*ComparedValue{}
		latest := map[typedID]Action{}
		for side, events := range [][]Action{selected, rest} {
			for _, a := range events {
				id := typedID{id: a.Subject.ID, kind: a.Subject.Type}
				name := a.Subject.Name
				if field != "subject" {
					id, name = typedID{id: w.valueOf(&a, field)}, a.OnBehalfOf.Name
				}
				v, ok := counts[id]
				if !ok {
					v = &ComparedValue{Value: id.id, Type: id.kind}
					counts[id] = v
				}
				if side == 1 {
					v.Rest++
					continue
				}
				v.Count++
				if l, ok := latest[id]; name != "" && (field == "subject" || field == "on_behalf_of") && (!ok || compareKeys(&l, &a) < 0) {
					latest[id], v.Name = a, name
				}
			}
		}
		for _, v := range counts {
			v.Score = likelihoodRatio(float64(v.Count), float64(d.Count), float64(v.Rest), float64(d.Rest))
			if field == "actor" {
				v.Name = w.actorName(q.Selection.Tenant, v.Value)
			}
			if v.Value != "" && v.Count >= leastCompared && v.Count*d.Rest > v.Rest*d.Count && v.Score >= leastScore {
				f.Values = append(f.Values, *v)
			}
		}
		f.Distinct = uint64(len(f.Values))
		slices.SortFunc(f.Values, func(a, b ComparedValue) int {
			if math.Abs(a.Score-b.Score) > 1e-9 {
				return cmp.Compare(b.Score, a.Score)
			}
			return cmp.Or(strings.Compare(a.Value, b.Value), strings.Compare(a.Type, b.Type))
		})
		f.Values = f.Values[:min(len(f.Values), q.Limit)]
		if len(f.Values) == 0 {
			f = ComparedField{Field: field}
		}
		d.Fields = append(d.Fields, f)
	}
	return d
}

func likelihoodRatio(k1, n1, k2, n2 float64) float64 {
	logL := func(p, k, n float64) float64 {
		sum := 0.
		if k > 0 {
			sum += k * math.Log(p)
		}
		if k < n {
			sum += (n - k) * math.Log(1-p)
		}
		return sum
	}
	p := (k1 + k2) / (n1 + n2)
	return 2 * (logL(k1/n1, k1, n1) + logL(k2/n2, k2, n2) - logL(p, k1, n1) - logL(p, k2, n2))
}

// actorName is the latest name that an actor was given.
func (w *world) actorName(tenant, id string) string {
	var latest *Action
	for i := range w.events {
		if a := &w.events[i]; a.Tenant == tenant && a.Actor.ID == id && a.Actor.Name != "" && (latest == nil || compareKeys(latest, a) < 0) {
			latest = a
		}
	}
	if latest == nil {
		return ""
	}
	return latest.Actor.Name
}

func TestCompareRefusesTwoTenants(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	for _, against := range []string{"", "other"} {
		q := Comparison{Selection: Filter{Tenant: "default"}, Against: Filter{Tenant: against}, Fields: ComparedFields(), Limit: 1}
		if d, err := s.Compare(t.Context(), q); err == nil {
			t.Errorf("%q: %+v", against, d)
		}
	}
	if d, err := s.Compare(t.Context(), Comparison{Fields: ComparedFields(), Limit: 1}); err == nil {
		t.Errorf("%+v", d)
	}
	q := Comparison{Selection: Filter{Tenant: "default"}, Against: Filter{Tenant: "default"}, Fields: []string{"details"}, Limit: 1}
	if d, err := s.Compare(t.Context(), q); err == nil || !strings.Contains(err.Error(), "session_id") {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestCompareGroupsOnTheDiskWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10, 2000)
	q := Comparison{
		Selection: Filter{Tenant: "default", From: worldBegin.Add(24 * time.Hour), To: worldBegin.AddDate(0, 0, 9)},
		Against:   Filter{Tenant: "default"}, Fields: ComparedFields(), Limit: 5,
	}
	window := q.either()
	query, err := q.query(comparedColumns, &window)
	if err != nil {
		t.Fatal(err)
	}
	small := strings.Replace(query.sql, "max_bytes_before_external_group_by = 268435456", "max_bytes_before_external_group_by = 1", 1)
	if small == query.sql {
		t.Fatal(query.sql)
	}
	type row struct {
		field, value, kind string
		s, r, distinct     uint64
		score              float64
	}
	var answers [2][]row
	for i, sql := range []string{query.sql, small} {
		answers[i], err = collect(t.Context(), w.conn, sql, query.args, func(r *row) []any { return []any{&r.field, &r.value, &r.kind, &r.s, &r.r, &r.score, &r.distinct} })
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(answers[0]) == 0 || !slices.Equal(answers[0], answers[1]) {
		t.Errorf("on the disk %+v, in memory %+v", answers[1], answers[0])
	}
}
