package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/search"
)

func TestFacetsAgreeWithPlainGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, 3000)
	for range cases(60) {
		w.hurry()
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
	behalf := map[string]Action{}
	values := map[string]*FacetValue{}
	all := Facet{Field: field}
	matching := w.matching(&f)
	for _, a := range w.matching(&q.Filter) {
		if l, ok := behalf[a.OnBehalfOf.ID]; a.OnBehalfOf.Name != "" && (!ok || compareKeys(&l, &a) < 0) {
			behalf[a.OnBehalfOf.ID] = a
		}
	}
	for _, a := range matching {
		value := w.valueOf(&a, field)
		if value == "" || !begins(value) && (field != "actor" || !slices.ContainsFunc(names[value], begins)) {
			continue
		}
		v, ok := values[value]
		if !ok {
			v = &FacetValue{Value: value}
			values[value] = v
			switch field {
			case "actor":
				v.Name = latest[value].Actor.Name
			case "on_behalf_of":
				v.Name = behalf[value].OnBehalfOf.Name
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
