package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

// bulk inserts events of two years, all but those of the last quarter merged.
func bulk(t testing.TB, s *Store, n int) {
	t.Helper()
	begin := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	execute(t, s, fmt.Sprintf(`INSERT INTO actions (tenant, time, id_high, id_low, content_hash, actor_id, actor_name, ip, action, outcome, subject_type, subject_id, description, session_id, topic, offset)
		SELECT 'default', fromUnixTimestamp64Milli(toInt64(%d + number * %d), 'UTC'), number, cityHash64(number), MD5(toString(number)),
			'u-' || toString(intHash32(number) %% 3000), 'Name ' || toString(intHash32(number) %% 3000), toIPv6(toIPv4(toUInt32(167772160 + intHash32(number) %% 5000))),
			'invoice.kind' || toString(number %% 40), 'success', 'type' || toString(number %% 5), toString(number), 'Added LED panel to number ' || toString(number), toString(intDiv(number, 50)), 'actions', number
		FROM numbers(%d) SETTINGS max_partitions_per_insert_block = 0`, begin.UnixMilli(), (2*365*24*time.Hour).Milliseconds()/int64(n), n))
	for quarter := begin; quarter.Before(begin.AddDate(0, 21, 0)); quarter = quarter.AddDate(0, 3, 0) {
		execute(t, s, "OPTIMIZE TABLE actions PARTITION "+quarterOf(quarter)+" FINAL")
	}
}

const bulkRows = 100_000

func BenchmarkAggregates(b *testing.B) {
	s := testStore(b)
	bulk(b, s, bulkRows)
	catalogue, err := action.LoadCatalogue("")
	if err != nil {
		b.Fatal(err)
	}
	f := Filter{Tenant: "default", Catalogue: catalogue}
	word := f
	word.Text = []search.Text{{Needle: "panel"}}
	actor := f
	actor.Conditions = []Condition{{Field: "actor", Values: []string{"u-17"}}}
	edges := []time.Time{time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	for len(edges) < 60 {
		edges = append(edges, edges[len(edges)-1].AddDate(0, 0, 14))
	}
	fields := []string{"actor", "action", "category", "outcome", "subject_type", "ip"}
	run := func(name string, ask func(context.Context) error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := ask(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for name, filter := range map[string]Filter{"all": f, "word": word, "actor": actor} {
		run("count/"+name, func(ctx context.Context) error {
			_, err := s.Count(ctx, filter)
			return err
		})
		run("histogram/"+name, func(ctx context.Context) error {
			_, err := s.Histogram(ctx, filter, edges)
			return err
		})
		run("facets/"+name, func(ctx context.Context) error {
			_, err := s.Facets(ctx, FacetQuestion{Filter: filter, Fields: fields, Limit: 10, Others: true})
			return err
		})
	}
	run("facets/prefix", func(ctx context.Context) error {
		_, err := s.Facets(ctx, FacetQuestion{Filter: f, Fields: []string{"actor"}, Limit: 10, Prefix: "name 29"})
		return err
	})
	run("budget/word", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		n, err := s.Count(ctx, word)
		if n.Count == 0 {
			b.Error("nothing was counted")
		}
		return err
	})
	run("profile", func(ctx context.Context) error {
		_, err := s.Facets(ctx, FacetQuestion{Filter: actor, Fields: []string{"action", "ip", "session_id", "on_behalf_of"}, Limit: 10, Times: true})
		return err
	})
	day := f
	day.From, day.To = edges[20], edges[20].AddDate(0, 0, 1)
	run("compare/day", func(ctx context.Context) error {
		_, err := s.Compare(ctx, Comparison{Selection: day, Against: f, Fields: ComparedFields(), Limit: 10})
		return err
	})
	run("compare/word", func(ctx context.Context) error {
		_, err := s.Compare(ctx, Comparison{Selection: word, Against: f, Fields: ComparedFields(), Limit: 10})
		return err
	})
	run("week", func(ctx context.Context) error {
		_, err := s.Week(ctx, actor, time.UTC)
		return err
	})
}
