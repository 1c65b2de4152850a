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

// typedID is the id of a record, or without a type that of an actor.
type typedID struct{ kind, id string }

// names returns the latest name of each of some values of a field: that which an actor
// was given, and which the events of a filter give to subjects and to those for whom
// somebody acted. Other fields have none.
func (s *Store) names(ctx context.Context, within *Filter, field string, ids []string) (names map[typedID]string, err error) {
	if len(ids) == 0 {
		return map[typedID]string{}, nil
	}
	err = withGrace(ctx, func(ctx context.Context) (err error) {
		switch field {
		case "actor":
			names, err = s.latestNames(ctx, within.Tenant, ids)
		case "on_behalf_of":
			names, err = s.givenNames(ctx, within, "''", "on_behalf_of_id", "on_behalf_of_name", ids)
		case "subject":
			names, err = s.givenNames(ctx, within, "toString(subject_type)", "subject_id", "subject_name", ids)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the names of values: %w", err)
	}
	return names, nil
}

// nameFacets puts names beside values.
func (s *Store) nameFacets(ctx context.Context, within *Filter, facets []Facet) error {
	for _, f := range facets {
		var ids []string
		for _, v := range f.Values {
			ids = append(ids, v.Value)
		}
		names, err := s.names(ctx, within, f.Field, ids)
		if err != nil {
			return err
		}
		for i, v := range f.Values {
			f.Values[i].Name = names[typedID{id: v.Value}]
		}
	}
	return nil
}

// latestNames returns the latest name that each of some actors was given.
func (s *Store) latestNames(ctx context.Context, tenant string, ids []string) (map[typedID]string, error) {
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
	names := map[typedID]string{}
	var several []string // who had more than one name on that day
	first := allEvents.to
	for _, r := range rows {
		names[typedID{id: r.id}] = r.names[0]
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
			names[typedID{id: id}] = name
			return err
		})
	return names, err
}

// givenNames returns the latest name that the events of a filter give to each of some
// ids, by the type of what has the id, which is SQL, and the id. Repeats give the same
// names.
func (s *Store) givenNames(ctx context.Context, f *Filter, kind, id, name string, ids []string) (map[typedID]string, error) {
	c, err := f.condition()
	if err != nil {
		return nil, err
	}
	c.and(id+" IN (?)", ids)
	c.and(name + " != ''")
	names := map[typedID]string{}
	err = eachRow(ctx, s.conn, "SELECT "+kind+" AS kind, toString("+id+") AS id_of, argMax("+name+", (time, id_high, id_low, id_text, content_hash)) FROM actions WHERE "+c.sql()+" GROUP BY kind, id_of", c.args,
		func(scan func(...any) error) error {
			var key typedID
			var name string
			err := scan(&key.kind, &key.id, &name)
			names[key] = name
			return err
		})
	return names, err
}
