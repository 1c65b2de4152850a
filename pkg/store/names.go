package store

import (
	"context"
	"fmt"
	"time"
)

// Repeats of an event give the same name, so names are read from all parts alike, by
// the projection that has the days on which an actor had a name.

// maxNames bounds the names of an actor that are returned.
const maxNames = 20

// ActorNames returns the names that an actor was given, 20 at most, those of the latest
// day first and within a day in alphabetical order. When the context's deadline comes it
// may take a second more.
func (s *Store) ActorNames(ctx context.Context, tenant, id string) ([]string, error) {
	c, err := tenantCondition(tenant)
	if err != nil {
		return nil, fmt.Errorf("read the names of an actor: %w", err)
	}
	c.and("actor_id = ?", id)
	c.and("actor_name != ''")
	query := "SELECT actor_name FROM (SELECT actor_name, toDate(time) AS day, count() FROM actions WHERE " + c.sql() + " GROUP BY actor_name, day)" +
		" GROUP BY actor_name ORDER BY max(day) DESC, actor_name LIMIT ?"
	var names []string
	err = withGrace(ctx, func(ctx context.Context) (err error) {
		names, err = collect(ctx, s.conn, query, append(c.args, maxNames), func(name *string) []any { return []any{name} })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the names of an actor: %w", err)
	}
	return names, nil
}

// nameFacets puts the latest name beside each actor.
func (s *Store) nameFacets(ctx context.Context, tenant string, facets []Facet) error {
	for _, f := range facets {
		if f.Field != "actor" {
			continue
		}
		var ids []string
		for _, v := range f.Values {
			ids = append(ids, v.Value)
		}
		var names map[string]string
		err := withGrace(ctx, func(ctx context.Context) (err error) {
			names, err = s.latestNames(ctx, tenant, ids)
			return err
		})
		if err != nil {
			return fmt.Errorf("read the names of actors: %w", err)
		}
		for i := range f.Values {
			f.Values[i].Name = names[f.Values[i].Value]
		}
	}
	return nil
}

// latestNames returns the latest name that each of some actors was given.
func (s *Store) latestNames(ctx context.Context, tenant string, ids []string) (map[string]string, error) {
	if len(ids) == 0 {
		return nil, nil //nolint:nilnil // nobody has no names
	}
	c, err := tenantCondition(tenant)
	if err != nil {
		return nil, err
	}
	c.and("actor_id IN (?)", ids)
	c.and("actor_name != ''")
	type row struct {
		id    string
		day   time.Time
		names []string
	}
	rows, err := collect(ctx, s.conn, "SELECT actor_id, day, groupArray(toString(actor_name)) FROM (SELECT actor_id, actor_name, toDate(time) AS day, count() FROM actions WHERE "+c.sql()+
		" GROUP BY actor_id, actor_name, day) GROUP BY actor_id, day ORDER BY day DESC LIMIT 1 BY actor_id", c.args,
		func(r *row) []any { return []any{&r.id, &r.day, &r.names} })
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	var several []string // who had more than one name on that day
	first := allEvents.to
	for _, r := range rows {
		names[r.id] = r.names[0]
		if len(r.names) > 1 {
			several = append(several, r.id)
			first = minTime(first, r.day)
		}
	}
	if len(several) == 0 {
		return names, nil
	}
	if c, err = tenantCondition(tenant); err != nil {
		return nil, err
	}
	c.and("actor_id IN (?)", several)
	c.and("actor_name != ''")
	c.within(first, time.Time{})
	err = eachRow(ctx, s.conn, "SELECT actor_id, argMax(actor_name, (time, id_high, id_low, id_text, content_hash)) FROM actions WHERE "+c.sql()+" GROUP BY actor_id", c.args,
		func(scan func(...any) error) error {
			var id, name string
			err := scan(&id, &name)
			names[id] = name
			return err
		})
	return names, err
}
