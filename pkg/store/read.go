package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/actionlog/actionlog/pkg/action"
)

// Order is the order of a list.
type Order int

// The orders: by time, then by id, then by content, all three down or up. Among ids,
// those that are UUIDs come after all others.
const (
	NewestFirst Order = iota
	OldestFirst
)

// Reversed is the other order.
func (o Order) Reversed() Order { return NewestFirst + OldestFirst - o }

// orderBy is the order as SQL: that of the table's key or its reverse, so that the
// engine reads along it and stops early. Content hashes make it total.
func (o Order) orderBy() string {
	if o == OldestFirst {
		return " ORDER BY time, id_high, id_low, id_text, content_hash"
	}
	return " ORDER BY time DESC, id_high DESC, id_low DESC, id_text DESC, content_hash DESC"
}

// Cursor is the place of an event in a list: what makes two rows the same event
// within a tenant.
type Cursor struct {
	Time        time.Time
	ID          string
	ContentHash action.ContentHash
}

// Compare orders places as oldest first does.
func (c *Cursor) Compare(o *Cursor) int {
	high, low, text := splitID(c.ID)
	otherHigh, otherLow, otherText := splitID(o.ID)
	return cmp.Or(c.Time.Compare(o.Time), cmp.Compare(high, otherHigh), cmp.Compare(low, otherLow), cmp.Compare(text, otherText),
		bytes.Compare(c.ContentHash[:], o.ContentHash[:]))
}

func (a *Action) cursor() Cursor { return Cursor{a.Time, a.ID, a.ContentHash} }

// Cursor returns the place of the event in a list.
func (a *Action) Cursor() *Cursor {
	c := a.cursor()
	return &c
}

// Each calls f with every event that matches, newest first and each once, until
// f returns an error, which it returns. Its memory does not grow with the result.
// The event that f is given is overwritten by the next one, and is not marked as
// conflicting. In the end it makes sure that there is nothing more to read.
func (s *Store) Each(ctx context.Context, filter Filter, f func(*Action) error) error {
	var last Cursor // no event has an empty id
	return s.untilNoMore(ctx, filter, func(after *Cursor) (*Cursor, error) {
		err := s.read(ctx, &filter, NewestFirst, after, 0, listSettings, func(a *Action) error {
			if c := a.cursor(); c != last {
				last, after = c, &last
				return f(a)
			}
			return nil
		})
		return after, err
	})
}

// anyAfter reports whether an event matches that comes after a place. It counts, so
// that it cannot be cut short unseen.
func (s *Store) anyAfter(ctx context.Context, f Filter, after *Cursor) (bool, error) {
	c, err := f.conditionAfter(NewestFirst, after)
	if err != nil {
		return false, err
	}
	n, err := collectOne(ctx, s.conn, "SELECT count() FROM (SELECT 1 FROM actions WHERE "+c.sql()+" LIMIT 1)", c.args, func(n *uint64) []any { return []any{n} })
	return n > 0, err
}

// maxSameID bounds how many events of one id are returned: whoever may emit could
// give every event the same.
const maxSameID = 1000

// Get returns the events of a tenant that carry an id, the one that Kafka got first
// ahead: one as a rule, none when there is no such event, more when the id was used
// again, with another time or other content. The order is that of Kafka's timestamps,
// then of offsets: offsets alone say nothing across partitions. It returns the first
// 1,000 at most, and fewer when they hold more than about 8 MiB.
func (s *Store) Get(ctx context.Context, tenant, id string) ([]Action, error) {
	c, err := tenantCondition(tenant)
	if err != nil {
		return nil, fmt.Errorf("read the actions of an id: %w", err)
	}
	high, low, other := splitID(id)
	c.and("id_high = ? AND id_low = ? AND id_text = ?", high, low, other)
	var actions []Action
	text := 0
	query := "SELECT " + columnList + " FROM actions WHERE " + c.sql() + " ORDER BY kafka_time, offset, partition, topic_id LIMIT 1 BY time, content_hash LIMIT ?"
	err = s.scan(ctx, query, append(c.args, maxSameID), allColumns, func(a *Action) error {
		if text < maxPageText {
			actions = append(actions, *a)
		}
		text += a.size()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the actions of an id: %w", err)
	}
	if err := s.markConflicts(ctx, tenant, actions); err != nil {
		return nil, err
	}
	return actions, nil
}

// listSettings end a query for rows. No projection holds rows, and to look whether one
// does, or which granules may hold the newest rows before any is read, takes longer than
// it spares.
const listSettings = " SETTINGS optimize_use_projections = 0, use_skip_indexes_on_data_read = 0, use_skip_indexes_for_top_k = 0, use_top_k_dynamic_filtering = 0"

// sparseSettings are for what matches little, and where an index tells: all of it is
// found and then put in order, at once in all parts.
const sparseSettings = listSettings + ", optimize_read_in_order = 0"

// read calls each with the rows that match and come after a place, in the order,
// repeats included; limit 0 means all.
func (s *Store) read(ctx context.Context, f *Filter, order Order, after *Cursor, limit int, settings string, each func(*Action) error) error {
	c, err := f.conditionAfter(order, after)
	if err != nil {
		return err
	}
	query := "SELECT " + listOf(shownColumns) + " FROM actions WHERE " + c.sql() + order.orderBy()
	if limit > 0 {
		query += " LIMIT ?"
		c.args = append(c.args, limit)
	}
	query += settings
	if err := s.scan(ctx, query, c.args, shownColumns, each); err != nil {
		return fmt.Errorf("read actions: %w", err)
	}
	return nil
}

// scan runs a query for columns and calls each with every row. The action is
// overwritten by the next row.
func (s *Store) scan(ctx context.Context, query string, args []any, columns []stored, each func(*Action) error) error {
	var a Action
	to := destinations(columns, &a)
	return eachRow(ctx, s.conn, query, args, func(scan func(...any) error) error {
		a.Related = nil // the driver appends to what it finds
		if err := scan(to...); err != nil {
			return err
		}
		return each(&a)
	})
}

// markConflicts marks the events that share tenant, time and id with another one
// of other content, whether or not that one is among them.
func (s *Store) markConflicts(ctx context.Context, tenant string, actions []Action) error {
	if len(actions) == 0 {
		return nil
	}
	if alone, err := s.alone(ctx, tenant, actions); alone || err != nil {
		return err
	}
	c, err := sameEvents(tenant, actions)
	if err != nil {
		return fmt.Errorf("find conflicting actions: %w", err)
	}
	found, err := collect(ctx, s.conn, "SELECT toUnixTimestamp64Milli(time) AS ms, id_high, id_low, id_text FROM actions WHERE "+c.sql()+
		" GROUP BY time, id_high, id_low, id_text HAVING uniqExact(content_hash) > 1"+listSettings, c.args,
		func(i *identity) []any { return []any{&i.ms, &i.high, &i.low, &i.text} })
	if err != nil {
		return fmt.Errorf("find conflicting actions: %w", err)
	}
	conflicting := map[identity]bool{}
	for _, i := range found {
		conflicting[i] = true
	}
	for i := range actions {
		actions[i].Conflicting = conflicting[identityOf(&actions[i])]
	}
	return nil
}

// identity is what one event of a tenant has alone, unless another conflicts with it.
type identity struct {
	ms        int64
	high, low uint64
	text      string
}

func identityOf(a *Action) identity {
	high, low, text := splitID(a.ID)
	return identity{a.Time.UnixMilli(), high, low, text}
}

// alone reports whether events are all that there is of their times and of a part of
// their ids, as nearly every page is: then none conflicts with another. That takes half
// the time of looking for those that do.
func (s *Store) alone(ctx context.Context, tenant string, actions []Action) (bool, error) {
	c, err := tenantCondition(tenant)
	if err != nil {
		return false, fmt.Errorf("look for conflicting actions: %w", err)
	}
	identities := map[identity]bool{}
	times, lows := make([]string, len(actions)), make([]uint64, len(actions))
	for i := range actions {
		own := identityOf(&actions[i])
		identities[own] = true
		times[i], lows[i] = sqlTime(actions[i].Time), own.low
	}
	if len(identities) < len(actions) {
		return false, nil
	}
	c.between(actions)
	c.and("time IN (?) AND id_low IN (?)", times, lows)
	n, err := collectOne(ctx, s.conn, "SELECT count() FROM actions WHERE "+c.sql()+listSettings, c.args, func(n *uint64) []any { return []any{n} })
	if err != nil {
		return false, fmt.Errorf("look for conflicting actions: %w", err)
	}
	return n == uint64(len(actions)), nil
}

// sameEvents asks for the rows of a tenant that share time and id with one of some
// events. They are compared as the key's own columns, so that the engine reads only the
// granules that hold them: a page of rare events may span decades.
func sameEvents(tenant string, actions []Action) (*condition, error) {
	c, err := tenantCondition(tenant)
	if err != nil {
		return nil, err
	}
	pairs := make([]clickhouse.GroupSet, len(actions))
	for i := range actions {
		high, low, text := splitID(actions[i].ID)
		pairs[i] = clickhouse.GroupSet{Value: []any{sqlTime(actions[i].Time), high, low, text}}
	}
	c.between(actions)
	c.and("(time, id_high, id_low, id_text) IN (?)", pairs)
	return c, nil
}

// between bounds the time by those of some events.
func (c *condition) between(actions []Action) {
	earliest, latest := actions[0].Time, actions[0].Time
	for i := range actions {
		earliest, latest = minTime(earliest, actions[i].Time), maxTime(latest, actions[i].Time)
	}
	c.and("time >= "+milliseconds+" AND time <= "+milliseconds, earliest.UnixMilli(), latest.UnixMilli())
}

// sqlTime is a time as SQL reads it.
func sqlTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// extent returns the times of a tenant's oldest and newest event, as they were a minute
// ago at most; without any, both are those of no event. It is for choosing how to search,
// not for what to find, but is the tenant's own: marks of progress show it.
func (s *Store) extent(ctx context.Context, tenant string) (extent, error) {
	s.extents.lock.Lock()
	e, known := s.extents.of[tenant]
	s.extents.lock.Unlock()
	if known && time.Since(e.read) < extentAge {
		return e, nil
	}
	const ends = "(SELECT time FROM actions WHERE tenant = ? ORDER BY time LIMIT 1) UNION ALL (SELECT time FROM actions WHERE tenant = ? ORDER BY time DESC LIMIT 1)"
	e = extent{read: time.Now()}
	if err := s.conn.QueryRow(ctx, "SELECT min(time), max(time), (SELECT count() FROM actions) FROM ("+ends+")", tenant, tenant).Scan(&scanTime{&e.oldest}, &scanTime{&e.newest}, &e.rows); err != nil {
		return e, fmt.Errorf("read how far the actions reach: %w", err)
	}
	s.extents.lock.Lock()
	defer s.extents.lock.Unlock()
	if len(s.extents.of) >= maxExtents || s.extents.of == nil {
		s.extents.of = map[string]extent{} // the names may be made up
	}
	s.extents.of[tenant] = e
	return e, nil
}

const (
	// extentAge is how long an extent is taken for the present one.
	extentAge = time.Minute
	// maxExtents is of how many tenants they are kept.
	maxExtents = 1024
)

// extent is how far a tenant's events reach.
type extent struct {
	read, oldest, newest time.Time
	// rows are those of all tenants.
	rows uint64
}

// holding is the time that holds so many rows, if they are spread evenly.
func (e extent) holding(rows float64) time.Duration {
	share := rows / float64(max(e.rows, 1))
	return time.Duration(min(share, 1) * float64(e.newest.Sub(e.oldest)))
}

// extents are those that were read last.
type extents struct {
	lock sync.Mutex
	of   map[string]extent
}
