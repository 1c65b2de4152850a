package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/actionlog/actionlog/pkg/action"
)

// newestFirst is the one order of every list: the reverse of the table's key, so
// that the engine reads backwards and stops early. Content hashes make it total.
const newestFirst = " ORDER BY time DESC, id DESC, content_hash DESC"

// Cursor is the place of an event in a list.
type Cursor struct {
	Time        time.Time
	ID          string
	ContentHash action.ContentHash
}

func (a *Action) cursor() Cursor { return Cursor{a.Time, a.ID, a.ContentHash} }

// Page is a stretch of a list, newest first.
type Page struct {
	Actions []Action
	// Next is where the following page begins; nil when this one is the last.
	Next *Cursor
}

// List returns the newest events that match, at most limit of them, that come
// after the cursor in newest-first order (from the newest when it is nil).
// Conflicting events are marked.
func (s *Store) List(ctx context.Context, f Filter, after *Cursor, limit int) (Page, error) {
	// The engine may still hold repeats of a row. They are neighbours: a few more
	// rows are fetched than asked for, and repeats are passed over.
	fetch := limit + 1 + limit/8 + 8
	var page Page
	for {
		fetched := 0
		err := s.read(ctx, f, after, fetch, func(a *Action) error {
			fetched++
			// When the page is full the few rows that are left are read all the same: a
			// read that is broken off costs its connection.
			if page.Next != nil || after != nil && a.cursor() == *after {
				return nil
			}
			if len(page.Actions) == limit {
				page.Next = after
				return nil
			}
			cursor := a.cursor()
			after = &cursor
			page.Actions = append(page.Actions, *a)
			return nil
		})
		if err != nil {
			return Page{}, err
		}
		if page.Next != nil || fetched < fetch {
			break
		}
	}
	if err := s.markConflicts(ctx, f.Tenant, page.Actions); err != nil {
		return Page{}, err
	}
	return page, nil
}

// Each calls f with every event that matches, newest first and each once, until
// f returns an error, which it returns. Its memory does not grow with the result.
// The event that f is given is overwritten by the next one, and is not marked as
// conflicting.
func (s *Store) Each(ctx context.Context, filter Filter, f func(*Action) error) error {
	var last key
	first := true
	return s.read(ctx, filter, nil, 0, func(a *Action) error {
		if k := a.key(); first || k != last {
			first, last = false, k
			return f(a)
		}
		return nil
	})
}

// maxSameID bounds how many events of one id are returned: whoever may emit could
// give every event the same.
const maxSameID = 1000

// Get returns the events of a tenant that carry an id, in the order in which the
// log received them: one as a rule, none when there is no such event, more when
// the id was used again, with another time or other content. It returns the first
// 1,000 at most.
func (s *Store) Get(ctx context.Context, tenant, id string) ([]Action, error) {
	var actions []Action
	query := "SELECT " + columnList + " FROM actions WHERE tenant = ? AND id = ? ORDER BY offset, partition, topic_id LIMIT 1 BY time, content_hash LIMIT ?"
	err := s.scan(ctx, query, []any{tenant, id, maxSameID}, func(a *Action) error {
		actions = append(actions, *a)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("get action: %w", err)
	}
	if err := s.markConflicts(ctx, tenant, actions); err != nil {
		return nil, err
	}
	return actions, nil
}

// read streams the rows that match in newest-first order, repeats included;
// limit 0 means all.
func (s *Store) read(ctx context.Context, f Filter, after *Cursor, limit int, each func(*Action) error) error {
	c, err := f.condition()
	if err != nil {
		return err
	}
	if after != nil {
		c.and("time <= "+milliseconds, after.Time.UnixMilli())
		c.and("(time, id, content_hash) < ("+milliseconds+", ?, toFixedString(unhex(?), 16))",
			after.Time.UnixMilli(), after.ID, hex.EncodeToString(after.ContentHash[:]))
	}
	query := "SELECT " + columnList + " FROM actions WHERE " + c.sql() + newestFirst
	if limit > 0 {
		query += " LIMIT ?"
		c.args = append(c.args, limit)
	}
	if err := s.scan(ctx, query, c.args, each); err != nil {
		return fmt.Errorf("read actions: %w", err)
	}
	return nil
}

// scan runs a query for columnList and calls each with every row. The action is
// overwritten by the next row. When each ends the read, the engine's query is
// cancelled.
func (s *Store) scan(ctx context.Context, query string, args []any, each func(*Action) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := s.conn.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var a Action
	to := destinations(&a)
	for rows.Next() {
		a.Related = nil // the driver appends to what it finds
		if err := rows.Scan(to...); err != nil {
			return err
		}
		if err := each(&a); err != nil {
			cancel()
			return err
		}
	}
	return rows.Err()
}

// markConflicts marks the events that share tenant, time and id with another one
// of other content, whether or not that one is among them.
func (s *Store) markConflicts(ctx context.Context, tenant string, actions []Action) error {
	if len(actions) == 0 {
		return nil
	}
	type identity struct {
		time int64
		id   string
	}
	// The pairs are compared as the key's own columns, so that the engine reads only
	// the granules that hold them: a page of rare events may span decades.
	pairs := make([]clickhouse.GroupSet, len(actions))
	earliest, latest := actions[0].Time, actions[0].Time
	for i, a := range actions {
		pairs[i] = clickhouse.GroupSet{Value: []any{a.Time.UTC().Format("2006-01-02 15:04:05.000"), a.ID}}
		earliest, latest = minTime(earliest, a.Time), maxTime(latest, a.Time)
	}
	// A thousand of the longest ids, each byte escaped, take over half a megabyte.
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_query_size": 4 << 20}))
	rows, err := s.conn.Query(ctx, "SELECT toUnixTimestamp64Milli(time) AS ms, id FROM actions WHERE tenant = ? AND time >= "+milliseconds+" AND time <= "+milliseconds+
		" AND (time, id) IN (?) GROUP BY time, id HAVING uniqExact(content_hash) > 1",
		tenant, earliest.UnixMilli(), latest.UnixMilli(), pairs)
	if err != nil {
		return fmt.Errorf("find conflicting actions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	conflicting := map[identity]bool{}
	for rows.Next() {
		var i identity
		if err := rows.Scan(&i.time, &i.id); err != nil {
			return fmt.Errorf("find conflicting actions: %w", err)
		}
		conflicting[i] = true
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("find conflicting actions: %w", err)
	}
	for i := range actions {
		a := &actions[i]
		a.Conflicting = conflicting[identity{a.Time.UnixMilli(), a.ID}]
	}
	return nil
}

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

// Choices are values that a person can choose from to filter by.
type Choices struct {
	// Actors are the actors seen, the most active first.
	Actors []action.Actor
	// Actions are the action types seen, in alphabetical order.
	Actions []string
}

// The bounds of Choices.
const (
	choicesRows   = 100_000
	choicesActors = 50
)

// Choices returns the actors and action types of the tenant's newest events. It
// reads 100,000 events at most, so it stays quick in a long history; what acted
// before them can still be filtered by, but is not offered.
func (s *Store) Choices(ctx context.Context, tenant string) (Choices, error) {
	var choices Choices
	newest := " FROM (SELECT actor_id, actor_name, actor_type, action, time FROM actions WHERE tenant = ?" + newestFirst + " LIMIT ?) "
	rows, err := s.conn.Query(ctx, "SELECT actor_id, argMax(actor_name, time), argMax(actor_type, time)"+newest+
		"GROUP BY actor_id ORDER BY count() DESC, actor_id LIMIT ?", tenant, choicesRows, choicesActors)
	if err != nil {
		return Choices{}, fmt.Errorf("list actors: %w", err)
	}
	if err := collect(rows, &choices.Actors, func(a *action.Actor) []any { return []any{&a.ID, &a.Name, &a.Type} }); err != nil {
		return Choices{}, fmt.Errorf("list actors: %w", err)
	}
	rows, err = s.conn.Query(ctx, "SELECT DISTINCT action"+newest, tenant, choicesRows)
	if err != nil {
		return Choices{}, fmt.Errorf("list action types: %w", err)
	}
	if err := collect(rows, &choices.Actions, func(a *string) []any { return []any{a} }); err != nil {
		return Choices{}, fmt.Errorf("list action types: %w", err)
	}
	slices.Sort(choices.Actions)
	return choices, nil
}

// collect appends every row to a slice and closes the rows.
func collect[T any](rows driver.Rows, to *[]T, destinations func(*T) []any) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var v T
		if err := rows.Scan(destinations(&v)...); err != nil {
			return err
		}
		*to = append(*to, v)
	}
	return rows.Err()
}
