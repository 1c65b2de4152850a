package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Comparison asks what is more frequent among some events than among others.
type Comparison struct {
	// Selection says which events are looked at, and Against with which they are
	// compared: those of Against that are not in the selection. Both are of one tenant.
	Selection, Against Filter
	// Fields are some of ComparedFields, each once.
	Fields []string
	// Limit is how many values of each field are returned at most.
	Limit int
}

// Difference is how a selection differs from the rest.
type Difference struct {
	// Count is how many events are selected, and Rest how many they are compared with.
	Count, Rest uint64
	// Fields are in the order of the question.
	Fields []ComparedField
	// Reached is up to where all was counted when the context's deadline came, and Until
	// from where on, the selection's end, when it did not suffice for what is newer. The
	// zero time stands for everything.
	Reached, Until time.Time
}

// ComparedField holds the values of a field that are over-represented in the selection,
// the highest score first, equal ones by value and type.
type ComparedField struct {
	Field  string
	Values []ComparedValue
	// Distinct is how many over-represented values there are.
	Distinct uint64
}

// ComparedValue is a value that has a larger share of the selection than of the rest.
type ComparedValue struct {
	Value string
	// Type is a subject's; empty for other fields.
	Type string
	// Name is the latest that an actor was given, or that the selection gives to a subject
	// or to whom somebody acted for.
	Name string
	// Count and Rest are how many events of each side have the value.
	Count, Rest uint64
	// Score is the log-likelihood ratio G², which grows with the difference of the shares
	// and with how much there is to tell it by.
	Score float64
}

// What counts as over-represented. One event is no pattern: many records and sessions
// have one alone. A score of 10.83 is reached by chance by one value in a thousand whose
// shares are the same (χ², one degree of freedom), and many values are looked at.
const (
	leastCompared = 2
	leastScore    = 10.83
)

// comparedColumn is a field that is compared: what rows are grouped by, the text of its
// values, which have %s for a name, and the column of their type, empty where they have
// none.
type comparedColumn struct{ field, group, text, kind string }

// comparedColumns is the one table of them.
var comparedColumns = []comparedColumn{
	{"actor", "actor_id", "toString(%s)", ""},
	{"on_behalf_of", "on_behalf_of_id", "toString(%s)", ""},
	{"action", "action", "toString(%s)", ""},
	{"outcome", "outcome", "toString(%s)", ""},
	{"subject", "subject_id", "%s", "subject_type"},
	{"ip", "ip", addressText, ""},
	{"session_id", "session_id", "toString(%s)", ""},
}

// ComparedFields returns the fields that a Comparison may be about.
func ComparedFields() []string {
	var fields []string
	for _, c := range comparedColumns {
		fields = append(fields, c.field)
	}
	return fields
}

var errTenants = errors.New("a comparison of two tenants is refused")

// Compare finds the values that are over-represented in a selection. When the time does
// not suffice it compares the newest events up to the end of the selection, which are
// those that are nearest to it.
//
// The score is Dunning's ("Accurate Methods for the Statistics of Surprise and
// Coincidence", Computational Linguistics 19(1), 1993), which holds for small counts as
// well, where χ² and ratios of shares do not.
//
// The engine's memory is bounded: what it groups goes to the disk beyond
// groupMemory, and what is ranked are the values that two selected events have.
func (s *Store) Compare(ctx context.Context, q Comparison) (Difference, error) {
	if q.Selection.Tenant != q.Against.Tenant {
		return Difference{}, errTenants
	}
	var columns []comparedColumn
	var answer Difference
	for _, field := range q.Fields {
		i := slices.IndexFunc(comparedColumns, func(c comparedColumn) bool { return c.field == field })
		if i < 0 {
			return Difference{}, fmt.Errorf("the values of %q are not compared: name one of %s", field, strings.Join(ComparedFields(), ", "))
		}
		columns = append(columns, comparedColumns[i])
		answer.Fields = append(answer.Fields, ComparedField{Field: field})
	}
	reached, until, err := s.around(ctx, q.Selection.To, q.either(), func(ctx context.Context, window *Filter) error {
		found, err := s.compare(ctx, &q, columns, window)
		if err == nil {
			answer = found
		}
		return err
	})
	if err != nil {
		return Difference{}, fmt.Errorf("compare actions: %w", err)
	}
	answer.Reached, answer.Until = reached, until
	if err := s.nameCompared(ctx, &q, &answer); err != nil {
		return Difference{}, fmt.Errorf("compare actions: %w", err)
	}
	return answer, nil
}

// around asks about windows of time as stretch does, nested; but where it may not come
// as far as some end, it begins with what is before that, and asks about what is newer
// when all the rest is there. It returns up to where and from where on all is answered.
func (s *Store) around(ctx context.Context, end time.Time, all Filter, ask func(ctx context.Context, window *Filter) error) (reached, until time.Time, err error) {
	if end.IsZero() || !end.Before(all.span().to) || s.atOnce(ctx, &all) {
		reached, err = s.stretch(ctx, &all, nil, nested, ask)
		return reached, time.Time{}, err
	}
	before := all
	before.To = end
	if reached, err = s.stretch(ctx, &before, nil, nested, ask); err != nil || !reached.IsZero() {
		return reached, end, err
	}
	if err := ask(ctx, &all); err != nil && timeUp(ctx) {
		return time.Time{}, end, nil
	} else if err != nil {
		return time.Time{}, time.Time{}, err
	}
	return time.Time{}, time.Time{}, nil
}

// either is about the time of both sides.
func (q *Comparison) either() Filter {
	a, b := &q.Selection, &q.Against
	f := Filter{Tenant: a.Tenant}
	if !a.From.IsZero() && !b.From.IsZero() {
		f.From = minTime(a.From, b.From)
	}
	if !a.To.IsZero() && !b.To.IsZero() {
		f.To = maxTime(a.To, b.To)
	}
	return f
}

// compare answers for one window. It reads with FINAL, so that no repeat counts.
func (s *Store) compare(ctx context.Context, q *Comparison, columns []comparedColumn, window *Filter) (Difference, error) {
	query, err := q.query(columns, window)
	if err != nil {
		return Difference{}, err
	}
	var d Difference
	for _, c := range columns {
		d.Fields = append(d.Fields, ComparedField{Field: c.field})
	}
	err = eachRow(ctx, s.conn, query.sql, query.args, func(scan func(...any) error) error {
		var field string
		var v ComparedValue
		var distinct uint64
		if err := scan(&field, &v.Value, &v.Type, &v.Count, &v.Rest, &v.Score, &distinct); err != nil {
			return err
		}
		i := slices.IndexFunc(d.Fields, func(f ComparedField) bool { return f.Field == field })
		if i < 0 {
			d.Count, d.Rest = v.Count, v.Rest
			return nil
		}
		v.Value = shownValue(field, v.Value)
		d.Fields[i].Values = append(d.Fields[i].Values, v)
		d.Fields[i].Distinct = distinct
		return nil
	})
	return d, err
}

// groupMemory is how many bytes the groups of a comparison take before they go to the
// disk.
const groupMemory = 256 << 20

// scoreSQL is G² of a value that s of the chosen and r of the others have, as SQL: twice the
// sum of o·ln(o/e) over the four cells, each with what is observed and, from the sums of
// its row and column, expected.
var scoreSQL = func() string {
	cell := func(observed, row, column string) string {
		return fmt.Sprintf("if(%[1]s = 0, 0, (%[1]s) * log((%[1]s) * (chosen + others) / ((%[2]s) * (%[3]s))))", observed, row, column)
	}
	const with, without = "s + r", "chosen + others - s - r"
	return "2 * (" + cell("s", "chosen", with) + " + " + cell("chosen - s", "chosen", without) + " + " +
		cell("r", "others", with) + " + " + cell("others - r", "others", without) + ")"
}()

// query has a row for each value that is over-represented, and one without a field for
// all events.
func (q *Comparison) query(columns []comparedColumn, window *Filter) (source, error) {
	selected, err := q.Selection.condition()
	if err != nil {
		return source{}, err
	}
	against, err := q.Against.condition()
	if err != nil {
		return source{}, err
	}
	where, err := window.condition()
	if err != nil {
		return source{}, err
	}

	var groups, names, sets, fields, values, kinds []string
	for i, c := range columns {
		name := "e" + strconv.Itoa(i)
		set := name
		groups, names = append(groups, c.group+" AS "+name), append(names, name)
		is := groupedBy(len(columns), i) + ", "
		fields = append(fields, is+quote(c.field))
		values = append(values, is+fmt.Sprintf(c.text, name))
		if c.kind != "" {
			kind := "k" + strconv.Itoa(i)
			groups, set = append(groups, c.kind+" AS "+kind), set+", "+kind
			kinds = append(kinds, is+"toString("+kind+")")
		}
		sets = append(sets, "("+set+")")
	}
	pick := func(of []string) string {
		if len(of) == 0 {
			return "''"
		}
		return "multiIf(" + strings.Join(append(of, "''"), ", ") + ")"
	}
	const totals = "field = ''"
	sql := "SELECT " + strings.Join(groups, ", ") + ", grouping(" + strings.Join(names, ", ") + ") AS g, count() AS n, countIf(" + selected.sql() + ") AS s" +
		" FROM actions FINAL WHERE " + where.sql() + " AND (" + selected.sql() + " OR " + against.sql() + ")" +
		" GROUP BY GROUPING SETS (" + strings.Join(sets, ", ") + ", ())"
	sql = "SELECT " + pick(fields) + " AS field, " + pick(values) + " AS value, " + pick(kinds) + " AS kind, s, toUInt64(n - s) AS r, " +
		"toFloat64(sumIf(s, " + totals + ") OVER ()) AS chosen, toFloat64(sumIf(r, " + totals + ") OVER ()) AS others" +
		" FROM (" + sql + ") WHERE s >= ? OR " + totals
	sql = "SELECT field, value, kind, s, r, " + scoreSQL + " AS score, count() OVER (PARTITION BY field) AS different" +
		" FROM (" + sql + ") WHERE " + totals + " OR value != '' AND s * others > r * chosen AND score >= ?" +
		" ORDER BY field, score DESC, value, kind LIMIT ? BY field" + finalSettings + ", max_bytes_before_external_group_by = " + strconv.Itoa(groupMemory)
	return source{sql, slices.Concat(selected.args, where.args, selected.args, against.args, []any{leastCompared, leastScore, q.Limit})}, nil
}

// nameCompared puts names beside actors and subjects.
func (s *Store) nameCompared(ctx context.Context, q *Comparison, d *Difference) error {
	within := q.Selection
	within.From = maxTime(within.From, d.Reached)
	for _, f := range d.Fields {
		var ids []string
		for _, v := range f.Values {
			ids = append(ids, v.Value)
		}
		names, err := s.names(ctx, &within, f.Field, ids)
		if err != nil {
			return err
		}
		for i, v := range f.Values {
			f.Values[i].Name = names[typedID{v.Type, v.Value}]
		}
	}
	return nil
}
