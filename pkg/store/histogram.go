package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Histogram is how many events match in each of some stretches of time.
type Histogram struct {
	// Counts are those of each bucket, by action.
	Counts []map[string]uint64
	// Reached is up to where all was counted when the context's deadline came; the zero
	// time stands for everything. What is older is not in Counts.
	Reached time.Time
}

var errEdges = errors.New("a histogram needs two edges in whole seconds at least, each after the one before")

// Histogram counts the events that match between edges, at least two in order: bucket i
// is from edges[i] to before edges[i+1]. The filter's own bounds hold as well. Edges but
// the first and the last are in whole seconds.
func (s *Store) Histogram(ctx context.Context, f Filter, edges []time.Time) (Histogram, error) {
	if len(edges) < 2 {
		return Histogram{}, errEdges
	}
	f.From = maxTime(edges[0], f.From)
	if last := edges[len(edges)-1]; f.To.IsZero() || last.Before(f.To) {
		f.To = last
	}
	h := Histogram{Counts: make([]map[string]uint64, len(edges)-1)}
	for i := range h.Counts {
		h.Counts[i] = map[string]uint64{}
	}
	inner, grain, err := innerEdges(edges)
	if err != nil {
		return Histogram{}, err
	}
	p, moment := f.projection("action"), "time"
	if p != nil && grain%p.grain != 0 {
		p = nil
	} else if asked := f.span(); grain%actionDays.grain == 0 && asked.to.Sub(asked.from) >= manyDays {
		p = p.byDays()
	}
	if p != nil {
		moment = p.moment
	}
	query := fmt.Sprintf("SELECT roundDown(toInt64(toUnixTimestamp(toDateTime(%s, 'UTC'))), [%s]::Array(Int64)) AS edge, action, count() AS n", moment, joinNumbers(inner))
	type row struct {
		edge   int64
		action string
		n      uint64
	}
	reached, err := s.stretch(ctx, &f, p, apart, func(ctx context.Context, window *Filter) error {
		var found []row
		err := s.exactly(ctx, window, p, func(merged, rest []span) error {
			from, err := window.union(query, " GROUP BY edge, action", p, merged, rest)
			if err != nil {
				return err
			}
			found, err = collect(ctx, s.conn, "SELECT edge, action, sum(n)"+from.sql+" GROUP BY edge, action"+finalSettings, from.args,
				func(r *row) []any { return []any{&r.edge, &r.action, &r.n} })
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range found {
			i := sort.Search(len(inner), func(i int) bool { return inner[i] > r.edge }) - 1
			h.Counts[i][r.action] += r.n
		}
		return nil
	})
	if err != nil {
		return Histogram{}, fmt.Errorf("count actions by time: %w", err)
	}
	h.Reached = reached
	return h, nil
}

// innerEdges returns in Unix seconds where buckets begin; the first has all that is before
// the second. The grain is one of a day, a quarter of an hour and a second that all
// others are on.
func innerEdges(edges []time.Time) (inner []int64, grain time.Duration, err error) {
	inner, grain = []int64{0}, actionDays.grain
	for i, edge := range edges[1 : len(edges)-1] {
		if edge.Nanosecond() != 0 || !edges[i].Before(edge) {
			return nil, 0, errEdges
		}
		for _, finer := range []time.Duration{quarterHours.grain, time.Second} {
			if !edge.Truncate(grain).Equal(edge) {
				grain = min(grain, finer)
			}
		}
		// Buckets before and beyond all events are kept apart.
		inner = append(inner, max(min(edge.Unix(), math.MaxUint32), inner[i]+1))
	}
	return inner, grain, nil
}

func joinNumbers(numbers []int64) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(texts, ", ")
}
