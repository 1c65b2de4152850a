package store

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/action"
)

// FacetQuestion asks for the most frequent values of fields.
type FacetQuestion struct {
	// Filter says which events count.
	Filter Filter
	// Others leaves a field's own conditions out for the field, so that what may be
	// chosen instead of a value is seen.
	Others bool
	// Fields are some of FacetFields, each once.
	Fields []string
	// Limit is how many values of each field are returned at most.
	Limit int
	// Prefix is what the values begin with, or a word of the names of actors, whatever the
	// case.
	Prefix string
	// Times asks for the times between which each value was seen, and for sessions in
	// the order of their last event.
	Times bool
}

// Facet holds the most frequent values of a field, the first ahead, equal ones by value.
type Facet struct {
	Field  string
	Values []FacetValue
	// Distinct is how many values there are, and Other the number of events with those
	// that are not among Values.
	Distinct, Other uint64
}

// FacetValue is a value and how many events have it.
type FacetValue struct {
	Value string
	// Name is the latest that an actor was given, or that the events give to whom
	// somebody acted for; empty otherwise.
	Name        string
	Count       uint64
	First, Last time.Time // with FacetQuestion.Times
}

// Facets are the answer to a FacetQuestion, in the order of its fields. Events that lack
// a field are not counted in it.
type Facets struct {
	Facets []Facet
	// Reached is up to where all was counted when the context's deadline came; the zero
	// time stands for everything.
	Reached time.Time
}

// facetColumn is a field whose values are counted: the expression that rows are grouped
// by, and the text of its values, empty where there is none.
type facetColumn struct {
	field string
	group func(*Filter) string
	text  string
}

// facetColumns is the one table of them. %s is what the group has for a name.
var facetColumns = []facetColumn{
	{"action", inColumn("action"), "toString(%s)"},
	{"actor", inColumn("actor_id"), "toString(%s)"},
	{"category", categoryOfAction, "toString(%s)"},
	{"ip", inColumn("ip"), addressText},
	{"on_behalf_of", inColumn("on_behalf_of_id"), "toString(%s)"},
	{"outcome", inColumn("outcome"), "toString(%s)"},
	{"session_id", inColumn("session_id"), "toString(%s)"},
	{"subject_type", inColumn("subject_type"), "toString(%s)"},
}

// addressText is an address as text, empty where there is none.
const addressText = "multiIf(%[1]s = toIPv6('::'), '', startsWith(toString(%[1]s), '::ffff:'), substring(toString(%[1]s), 8), toString(%[1]s))"

func inColumn(name string) func(*Filter) string { return func(*Filter) string { return name } }

// categoryOfAction is what the catalogue says of an action.
func categoryOfAction(f *Filter) string {
	var types, categories []string
	for _, k := range f.Catalogue.Types() {
		types, categories = append(types, quote(k.Type)), append(categories, quote(string(k.Category)))
	}
	return "transform(toString(action), [" + strings.Join(types, ", ") + "]::Array(String), [" + strings.Join(categories, ", ") + "]::Array(String), " + quote(string(action.UnknownCategory)) + ")"
}

func lookupFacet(field string) (facetColumn, bool) {
	i := slices.IndexFunc(facetColumns, func(c facetColumn) bool { return c.field == field })
	if i < 0 {
		return facetColumn{}, false
	}
	return facetColumns[i], true
}

// FacetFields returns the fields that a FacetQuestion may be about, in alphabetical order.
func FacetFields() []string {
	var fields []string
	for _, c := range facetColumns {
		fields = append(fields, c.field)
	}
	return fields
}

// facetGroup are fields of the same filter that are answered by one query.
type facetGroup struct {
	filter  Filter
	columns []facetColumn
	// byProjection is set when each field has a projection that may answer for it.
	byProjection bool
}

// Facets counts the values of fields. When the context's deadline comes it returns those
// of the newest events.
func (s *Store) Facets(ctx context.Context, q FacetQuestion) (Facets, error) {
	groups, err := q.groups()
	if err != nil {
		return Facets{}, fmt.Errorf("count values: %w", err)
	}
	var light *projection
	if !slices.ContainsFunc(groups, func(g facetGroup) bool { return !g.byProjection }) {
		light = &actorDays
	}
	var answer Facets
	answer.Reached, err = s.stretch(ctx, &q.Filter, light, nested, func(ctx context.Context, window *Filter) error {
		facets, err := s.facets(ctx, &q, groups, window)
		if err == nil {
			answer.Facets = facets
		}
		return err
	})
	if err != nil {
		return Facets{}, fmt.Errorf("count values: %w", err)
	}
	if answer.Facets == nil { // there was no time at all
		for _, field := range q.Fields {
			answer.Facets = append(answer.Facets, Facet{Field: field})
		}
		return answer, nil
	}
	within := q.Filter
	within.From = maxTime(within.From, answer.Reached)
	if err := s.nameFacets(ctx, &within, answer.Facets); err != nil {
		return Facets{}, fmt.Errorf("count values: %w", err)
	}
	return answer, nil
}

// groups divides the fields by what answers for them.
func (q *FacetQuestion) groups() ([]facetGroup, error) {
	var groups []facetGroup
	for _, field := range q.Fields {
		column, ok := lookupFacet(field)
		if !ok {
			return nil, fmt.Errorf("the values of %q are not counted: name one of %s", field, strings.Join(FacetFields(), ", "))
		}
		g := facetGroup{filter: q.Filter, columns: []facetColumn{column}}
		own := func(c Condition) bool { return q.Others && c.Field == field }
		alone := slices.ContainsFunc(q.Filter.Conditions, own)
		g.filter.Conditions = slices.DeleteFunc(slices.Clone(q.Filter.Conditions), own)
		g.byProjection = !q.Times && g.filter.projection(field) != nil
		i := slices.IndexFunc(groups, func(other facetGroup) bool {
			return len(other.filter.Conditions) == len(q.Filter.Conditions) && other.byProjection == g.byProjection
		})
		if alone || i < 0 {
			groups = append(groups, g)
		} else {
			groups[i].columns = append(groups[i].columns, column)
		}
	}
	return groups, nil
}

// facets answers for one window.
func (s *Store) facets(ctx context.Context, q *FacetQuestion, groups []facetGroup, window *Filter) ([]Facet, error) {
	all := make([]Facet, len(q.Fields))
	group, ctx := errgroup.WithContext(ctx)
	for _, g := range groups {
		g.filter.From, g.filter.To, g.filter.common = window.From, window.To, window.common
		group.Go(func() error {
			found, err := s.facetGroup(ctx, q, &g)
			for _, facet := range found {
				all[slices.Index(q.Fields, facet.Field)] = facet
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err //nolint:wrapcheck // it is this package's
	}
	return all, nil
}

type facetRow struct {
	field           string
	value           FacetValue
	first, last     int64 // in Unix milliseconds
	total, distinct uint64
}

// facetGroup answers for the fields of a group.
func (s *Store) facetGroup(ctx context.Context, q *FacetQuestion, g *facetGroup) ([]Facet, error) {
	var p *projection
	if g.byProjection {
		p = &actorDays // one division will do for all fields
	}
	var rows []facetRow
	err := s.exactly(ctx, &g.filter, p, func(merged, rest []span) error {
		query, err := g.query(q, merged, rest)
		if err != nil {
			return err
		}
		rows, err = collect(ctx, s.conn, query.sql, query.args, func(r *facetRow) []any {
			return []any{&r.field, &r.value.Value, &r.value.Count, &r.first, &r.last, &r.total, &r.distinct}
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	facets := make([]Facet, len(g.columns))
	for i, c := range g.columns {
		facets[i] = Facet{Field: c.field}
		for _, r := range rows {
			if r.field == c.field {
				facets[i].add(r, q.Times)
			}
		}
	}
	return facets, nil
}

func (f *Facet) add(r facetRow, times bool) {
	if len(f.Values) == 0 {
		f.Distinct, f.Other = r.distinct, r.total
	}
	r.value.Value = shownValue(f.Field, r.value.Value)
	if times {
		r.value.First, r.value.Last = time.UnixMilli(r.first).UTC(), time.UnixMilli(r.last).UTC()
	}
	f.Other -= r.value.Count
	f.Values = append(f.Values, r.value)
}

// shownValue is a field's value as it is returned: addresses are as Go writes them.
func shownValue(field, value string) string {
	if field == "ip" {
		if a, err := netip.ParseAddr(value); err == nil {
			return a.String()
		}
	}
	return value
}

// groupedBy is the condition that a row is of the i-th of n GROUPING SETS, each of which
// has one of the n names that g, their grouping, is of. It has a bit for each name, the
// first one highest, that is not set where rows are grouped by it; all are set where all
// rows are one group.
func groupedBy(n, i int) string {
	return "g = " + strconv.Itoa(1<<n-1-1<<(n-1-i))
}

// query counts the values of the group's fields.
func (g *facetGroup) query(q *FacetQuestion, merged, rest []span) (source, error) {
	counts, sums := "count() AS n", "sum(n) AS n, toInt64(0) AS first, toInt64(0) AS last"
	if q.Times {
		counts, sums = counts+", toUnixTimestamp64Milli(min(time)) AS first, toUnixTimestamp64Milli(max(time)) AS last", "sum(n) AS n, min(first) AS first, max(last) AS last"
	}
	var all source
	if len(merged) > 0 {
		for _, p := range []projection{actionDays, actorDays, addressDays} {
			if err := g.addMerged(&all, &p, merged); err != nil {
				return source{}, err
			}
		}
	}
	if len(rest) > 0 {
		from, err := g.filter.source(rest, nil)
		if err != nil {
			return source{}, err
		}
		all.add(g.scan(g.columns, counts, q.Times, from.sql), from.args)
	}
	where, args := g.prefix(q)
	order := "n DESC"
	if q.Times {
		order = "if(field = 'session_id', last, toInt64(n)) DESC"
	}
	all.sql = "SELECT field, value, " + sums + " FROM (" + all.sql + ") WHERE value != ''" + where + " GROUP BY field, value"
	all.sql = "SELECT field, value, n, first, last, sum(n) OVER (PARTITION BY field) AS total, count() OVER (PARTITION BY field) AS different FROM (" + all.sql + ")" +
		" ORDER BY field, " + order + ", value LIMIT " + strconv.Itoa(q.Limit) + " BY field" + finalSettings
	all.args = append(all.args, args...)
	return all, nil
}

// addMerged adds the fields that a projection has. What it counts by all of its own
// fields is little, and is counted by each of them then.
func (g *facetGroup) addMerged(all *source, p *projection, merged []span) error {
	var columns []facetColumn
	for _, c := range g.columns {
		if slices.Contains(p.fields, c.field) {
			columns = append(columns, c)
		}
	}
	if len(columns) == 0 {
		return nil
	}
	by := strings.Join(p.columns, ", ")
	months, whole, ends := p.byMonths(merged)
	for _, read := range []struct {
		p     *projection
		spans []span
	}{{months, whole}, {p, ends}} {
		if len(read.spans) == 0 {
			continue
		}
		from, err := g.filter.source(read.spans, read.p)
		if err != nil {
			return err
		}
		all.add(g.scan(columns, "sum(n) AS n", false, " FROM (SELECT "+by+", count() AS n"+from.sql+" GROUP BY "+by+")"), from.args)
	}
	return nil
}

// scan counts the values of fields in one reading of the rows.
func (g *facetGroup) scan(columns []facetColumn, counts string, times bool, from string) string {
	var groups, names, sets, fields, values []string
	for i, c := range columns {
		name := "e" + strconv.Itoa(i)
		groups, names, sets = append(groups, c.group(&g.filter)+" AS "+name), append(names, name), append(sets, "("+name+")")
		is := groupedBy(len(columns), i) + ", "
		fields = append(fields, is+quote(c.field))
		values = append(values, is+fmt.Sprintf(c.text, name))
	}
	outer := "n"
	if times {
		outer += ", first, last"
	}
	return "SELECT multiIf(" + strings.Join(fields, ", ") + ", '') AS field, multiIf(" + strings.Join(values, ", ") + ", '') AS value, " + outer +
		" FROM (SELECT " + strings.Join(groups, ", ") + ", grouping(" + strings.Join(names, ", ") + ") AS g, " + counts + from +
		" GROUP BY GROUPING SETS (" + strings.Join(sets, ", ") + "))"
}

// prefix is the condition that values, or words of the names of actors, begin with it.
func (g *facetGroup) prefix(q *FacetQuestion) (string, []any) {
	if q.Prefix == "" {
		return "", nil
	}
	where, args := "startsWith(caseFoldUTF8(value), caseFoldUTF8(?))", []any{q.Prefix}
	if slices.ContainsFunc(g.columns, func(c facetColumn) bool { return c.field == "actor" }) {
		// Repeats give the same names: what the projection has of all parts will do.
		where += " OR field = 'actor' AND value IN (SELECT toString(actor_id) FROM (SELECT actor_id, actor_name, count() FROM actions WHERE tenant = ? GROUP BY actor_id, actor_name) WHERE " +
			"position(concat(' ', caseFoldUTF8(actor_name)), concat(' ', caseFoldUTF8(?))) > 0)"
		args = append(args, g.filter.Tenant, q.Prefix)
	}
	if address, err := netip.ParseAddr(q.Prefix); err == nil { // whole, and perhaps in another spelling
		where += " OR field = 'ip' AND value = ?"
		args = append(args, address.WithZone("").Unmap().String())
	}
	return " AND (" + where + ")", args
}
