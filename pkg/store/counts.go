package store

import (
	"context"
	"fmt"
	"time"
)

// Count is how many events match.
type Count struct {
	// Count is their number, each event once; when Reached is set, that of the newest.
	Count uint64
	// Reached is up to where all was counted when the context's deadline came; the zero
	// time stands for everything.
	Reached time.Time
}

// Count counts the events that match. When the context's deadline comes it returns how
// many there are at least.
func (s *Store) Count(ctx context.Context, f Filter) (Count, error) {
	var c Count
	p := f.projection()
	if asked := f.span(); asked.to.Sub(asked.from) >= manyDays {
		p = p.byDays()
	}
	reached, err := s.stretch(ctx, &f, p, apart, func(ctx context.Context, window *Filter) error {
		var n uint64
		err := s.exactly(ctx, window, p, func(merged, rest []span) error {
			from, err := window.union("SELECT count() AS n", "", p, merged, rest)
			if err != nil {
				return err
			}
			n, err = collectOne(ctx, s.conn, "SELECT sum(n)"+from.sql+finalSettings, from.args, func(n *uint64) []any { return []any{n} })
			return err
		})
		if err == nil {
			c.Count += n
		}
		return err
	})
	if err != nil {
		return Count{}, fmt.Errorf("count actions: %w", err)
	}
	c.Reached = reached
	return c, nil
}

// Reach returns the time that a filter asks about, half-open and in whole milliseconds.
// Where the filter leaves a side open, it ends with the tenant's events, whatever else the
// filter asks of them; from is not before to where there are none. What it reads for that
// is as of now, unlike the extents by which lists choose their windows.
func (s *Store) Reach(ctx context.Context, f Filter) (from, to time.Time, err error) {
	asked := f.span()
	if asked.empty() || !f.From.IsZero() && !f.To.IsZero() {
		return asked.from, asked.to, nil
	}
	c, err := tenantCondition(f.Tenant)
	if err != nil {
		return from, to, fmt.Errorf("find how far actions reach: %w", err)
	}
	c.within(f.From, f.To)
	one := "(SELECT time FROM actions WHERE " + c.sql() + " ORDER BY time"
	type answer struct {
		events         uint64
		oldest, newest time.Time
	}
	a, err := collectOne(ctx, s.conn, "SELECT count(), min(time), max(time) FROM (SELECT time FROM "+one+" LIMIT 1) UNION ALL SELECT time FROM "+one+" DESC LIMIT 1))",
		append(c.args, c.args...), func(a *answer) []any { return []any{&a.events, &scanTime{&a.oldest}, &scanTime{&a.newest}} })
	if err != nil {
		return from, to, fmt.Errorf("find how far actions reach: %w", err)
	}
	if a.events == 0 {
		return asked.from, asked.from, nil
	}
	if f.From.IsZero() {
		asked.from = a.oldest
	}
	if f.To.IsZero() {
		asked.to = a.newest.Add(time.Millisecond)
	}
	return asked.from, asked.to, nil
}
