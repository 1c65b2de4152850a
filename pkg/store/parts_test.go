package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

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

func TestMergedTimeIsReadFromProjections(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	catalogue, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	const rows = 50_000
	// The engine drops repeats within this insert, so its part is as good as merged.
	execute(t, s, fmt.Sprintf(`INSERT INTO actions (tenant, time, id_low, actor_id, actor_name, ip, action, outcome)
		SELECT 'default', fromUnixTimestamp64Milli(toInt64(%d + number * 2000), 'UTC'), number, 'u-' || toString(number %% 7), 'Ann', toIPv6('10.0.0.' || toString(number %% 9)), 'invoice.posted', 'success'
		FROM numbers(%d)`, worldBegin.UnixMilli(), rows))
	f := everything()
	f.Catalogue = catalogue
	within := f
	within.From, within.To = worldBegin.Add(15*time.Minute), worldBegin.Add(26*time.Hour)
	outcome := f
	outcome.Conditions = []Condition{{Field: "category", Values: []string{"finance"}}, {Field: "outcome", Values: []string{"success"}}}
	actor := f
	actor.Conditions = []Condition{{Field: "actor", Values: []string{"u-1"}}}
	address := f
	address.Conditions = []Condition{{Field: "ip", Values: []string{"10.0.0.0/30"}}}
	ask := func(name string, question func(ctx context.Context) (uint64, error)) {
		t.Helper()
		ctx, cost := WithCost(t.Context())
		n, err := question(ctx)
		if err != nil || n == 0 || cost.RowsRead() == 0 || cost.RowsRead() > rows/10 {
			t.Errorf("%s: %d rows were read for %d, %v", name, cost.RowsRead(), n, err)
		}
	}
	for name, f := range map[string]Filter{"all": f, "within": within, "outcome": outcome, "actor": actor, "address": address} {
		ask("count "+name, func(ctx context.Context) (uint64, error) {
			c, err := s.Count(ctx, f)
			return c.Count, err
		})
	}
	for name, f := range map[string]Filter{"all": f, "within": within, "outcome": outcome} {
		for _, step := range []time.Duration{45 * time.Minute, 24 * time.Hour} {
			ask("histogram "+name, func(ctx context.Context) (uint64, error) {
				edges := []time.Time{worldBegin.Add(-70 * 24 * time.Hour)}
				for range 60 {
					edges = append(edges, worldBegin.Add(step*time.Duration(len(edges)-1)))
				}
				h, err := s.Histogram(ctx, f, edges)
				return h.Counts[1]["invoice.posted"], err
			})
		}
	}
	ask("facets", func(ctx context.Context) (uint64, error) {
		facets, err := s.Facets(ctx, FacetQuestion{Filter: f, Fields: []string{"actor", "action", "category", "outcome", "subject_type", "ip"}, Limit: 10})
		return facets.Facets[0].Distinct, err
	})
	ask("prefix", func(ctx context.Context) (uint64, error) {
		facets, err := s.Facets(ctx, FacetQuestion{Filter: f, Fields: []string{"actor"}, Limit: 10, Prefix: "ann"})
		return facets.Facets[0].Distinct, err
	})
}
