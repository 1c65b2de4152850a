package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How counts are exact, and fast all the same
//
// A projection counts a part's rows, and rows may be repeated. But a part that a merge
// made, of level 1 or above, holds each event once, since merges drop repeats and
// rebuild the projection from what is left; and an event's repeats have its very time.
// (An insert with the engine's default of optimize_on_insert makes a part of level 1 as
// well, and drops its repeats before it counts. Those of this package leave them in and
// make parts of level 0.)
// So where only one part reaches, and a merge made it, no event is there twice, and the
// projection's counts are those of events. Such stretches of time are nearly all of a
// log: every quarter that was merged whole, and of the present one all but the newest
// hours. What is left, the ends of a question that lie within the projection's grain
// among it, is read with FINAL, which drops repeats. Both are asked in one query, and
// each event is in one of the two by its time.
//
// The parts are asked for before and after. When the same ones reach into the stretches
// that the projection answered for, no other did in between: a part's name is never
// given again, and one that a merge or mutation took away does not come back. So the
// query saw those parts and no others there, and the answer is the one of its moment.
// Otherwise it is asked again, a few times, and then with FINAL alone.
//
// What FINAL reads may be filtered first, by PREWHERE and by indexes that do not look
// at what a granule overlaps with: repeats have the same content, since its hash is in
// the key, so a filter takes all of them or none.

// part is a piece of the table of actions. Its events lie in [from, to).
type part struct {
	name     string
	level    uint32
	rows     uint64
	from, to time.Time
}

// parts returns those that there are now, by from.
func (s *Store) parts(ctx context.Context) ([]part, error) {
	type row struct {
		part
		first, last uint32
	}
	rows, err := collect(ctx, s.conn, "SELECT name, level, rows, toUnixTimestamp(min_time), toUnixTimestamp(max_time) FROM system.parts"+
		" WHERE database = currentDatabase() AND table = 'actions' AND active AND rows > 0 ORDER BY min_time, name", nil,
		func(r *row) []any { return []any{&r.name, &r.level, &r.rows, &r.first, &r.last} })
	if err != nil {
		return nil, fmt.Errorf("read which parts the actions are in: %w", err)
	}
	all := make([]part, len(rows))
	for i, r := range rows {
		all[i] = r.part
		all[i].from, all[i].to = time.Unix(int64(r.first), 0).UTC(), time.Unix(int64(r.last)+1, 0).UTC()
	}
	return all, nil
}

// span is a stretch of time, half-open.
type span struct{ from, to time.Time }

// allEvents is a span that holds the time of every event.
var allEvents = span{time.Unix(0, 0).UTC(), time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC)}

// span is the time that the filter asks about.
func (f *Filter) span() span {
	asked := allEvents
	if !f.From.IsZero() {
		asked.from = maxTime(asked.from, time.UnixMilli(ceilMilli(f.From)).UTC())
	}
	if !f.To.IsZero() {
		asked.to = minTime(asked.to, time.UnixMilli(ceilMilli(f.To)).UTC())
	}
	return asked
}

func (s span) empty() bool { return !s.from.Before(s.to) }

func (s span) within(o span) span { return span{maxTime(s.from, o.from), minTime(s.to, o.to)} }

// projection is one of the table's that counts rows.
type projection struct {
	// fields are the filter's and the facets' that it has.
	fields []string
	// columns are those that the fields are made of.
	columns []string
	// moment is its time, which is the event's cut to a grain of UTC.
	moment  string
	literal func(time.Time) string
	grain   time.Duration
	// months is set when there is one as well that has the month instead.
	months bool
}

var (
	quarterHours = projection{
		fields: []string{"action", "category", "outcome", "subject_type"}, columns: []string{"action", "outcome", "subject_type"},
		moment: "toStartOfFifteenMinutes(time)", grain: 15 * time.Minute,
		literal: func(t time.Time) string { return fmt.Sprintf("toDateTime(%d, 'UTC')", t.Unix()) },
	}
	actionDays  = projection{fields: quarterHours.fields, columns: quarterHours.columns, moment: "toDate(time)", grain: 24 * time.Hour, literal: date}
	actorDays   = projection{fields: []string{"actor"}, columns: []string{"actor_id"}, moment: "toDate(time)", grain: 24 * time.Hour, literal: date, months: true}
	addressDays = projection{fields: []string{"ip"}, columns: []string{"ip"}, moment: "toDate(time)", grain: 24 * time.Hour, literal: date, months: true}
)

func date(t time.Time) string { return "toDate('" + t.Format(time.DateOnly) + "')" }

// byMonths divides spans into whole months, which are asked of the projection returned
// with them, and what is left for this one.
func (p *projection) byMonths(spans []span) (months *projection, whole, ends []span) {
	if !p.months {
		return nil, nil, spans
	}
	for _, s := range spans {
		inner := span{monthFrom(s.from), monthOf(s.to)}
		if inner.empty() {
			ends = append(ends, s)
			continue
		}
		whole = append(whole, inner)
		for _, end := range []span{{s.from, inner.from}, {inner.to, s.to}} {
			if !end.empty() {
				ends = append(ends, end)
			}
		}
	}
	m := *p
	m.moment = "toStartOfMonth(time)"
	return &m, whole, ends
}

// monthOf is where the month of a time begins.
func monthOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// monthFrom is where the first month begins that does so no earlier than a time.
func monthFrom(t time.Time) time.Time {
	if month := monthOf(t); month.Before(t) {
		return month.AddDate(0, 1, 0)
	}
	return t
}

// projection returns the one that has what the filter asks about and some fields more;
// nil if none does.
func (f *Filter) projection(fields ...string) *projection {
	if len(f.Text) > 0 || f.Record != nil {
		return nil
	}
	for _, c := range f.Conditions {
		fields = append(fields, c.Field)
	}
	for _, p := range []projection{quarterHours, actorDays, addressDays} {
		if !slices.ContainsFunc(fields, func(field string) bool { return !slices.Contains(p.fields, field) }) {
			return &p
		}
	}
	return nil
}

// manyDays is from when on a question is better asked by days, though the rows of those
// at its ends are read.
const manyDays = 60 * 24 * time.Hour

// byDays is the projection, or that of days instead of quarters of an hour.
func (p *projection) byDays() *projection {
	if p != nil && p.grain == quarterHours.grain {
		return &actionDays
	}
	return p
}

// out rounds a span outwards to the grain.
func (p *projection) out(s span) span {
	to := s.to.Truncate(p.grain)
	if to.Before(s.to) {
		to = to.Add(p.grain)
	}
	return span{s.from.Truncate(p.grain), to}
}

// maxMerged bounds how many stretches are answered by a projection.
const maxMerged = 64

// split divides the time asked about into what the projection answers for and the rest.
// The edges between the two are of its grain.
func (p *projection) split(asked span, parts []part) (merged, rest []span) {
	var dirty []span
	reach := allEvents.from
	for _, part := range parts {
		s := span{part.from, part.to}
		if part.level > 0 {
			s.to = minTime(s.to, reach) // where an earlier part reaches as well
		}
		if !s.empty() {
			dirty = append(dirty, p.out(s))
		}
		reach = maxTime(reach, part.to)
	}
	for _, end := range []time.Time{asked.from, asked.to} {
		if edge := p.out(span{end, end}); !edge.empty() {
			dirty = append(dirty, edge)
		}
	}
	slices.SortFunc(dirty, func(a, b span) int { return a.from.Compare(b.from) })
	at := asked.from
	for _, d := range append(dirty, span{asked.to, asked.to}) {
		if clean := (span{at, d.from}).within(asked); !clean.empty() {
			merged = append(merged, clean)
		}
		at = maxTime(at, d.to)
	}
	if len(merged) > maxMerged {
		slices.SortFunc(merged, func(a, b span) int { return cmp.Compare(b.to.Sub(b.from), a.to.Sub(a.from)) })
		merged = merged[:maxMerged]
		slices.SortFunc(merged, func(a, b span) int { return a.from.Compare(b.from) })
	}
	at = asked.from
	for _, m := range append(slices.Clone(merged), span{asked.to, asked.to}) {
		if s := (span{at, m.from}); !s.empty() {
			rest = append(rest, s)
		}
		at = m.to
	}
	return merged, rest
}

// reaching are the names of the parts that reach into any of some spans.
func reaching(parts []part, into []span) []string {
	var names []string
	for _, p := range parts {
		if slices.ContainsFunc(into, func(s span) bool { return !s.within(span{p.from, p.to}).empty() }) {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return names
}

// fewRows are so few that a question which reads them takes a few milliseconds, in however
// many parts they are; to ask a projection for many short stretches of time takes seconds.
const fewRows = 200_000

// rowsIn is how many rows the parts hold that reach into any of some spans.
func rowsIn(parts []part, into []span) (rows uint64) {
	for _, p := range parts {
		if slices.ContainsFunc(into, func(s span) bool { return !s.within(span{p.from, p.to}).empty() }) {
			rows += p.rows
		}
	}
	return rows
}

// source is a FROM and a WHERE in which no event is twice.
type source struct {
	sql  string
	args []any
}

// finalSettings end a query that reads sources.
const finalSettings = " SETTINGS do_not_merge_across_partitions_select_final = 1, use_skip_indexes_if_final_exact_mode = 0, optimize_move_to_prewhere_if_final = 1"

// moments is the condition that a time lies in one of some spans; empty where they are
// all there is.
func moments(spans []span, expression string, literal func(time.Time) string) string {
	terms := make([]string, len(spans))
	for i, s := range spans {
		var bounds []string
		if s.from.After(allEvents.from) {
			bounds = append(bounds, expression+" >= "+literal(s.from))
		}
		if s.to.Before(allEvents.to) {
			bounds = append(bounds, expression+" < "+literal(s.to))
		}
		if len(bounds) == 0 {
			return ""
		}
		terms[i] = strings.Join(bounds, " AND ")
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}

func millisecondsLiteral(t time.Time) string {
	return fmt.Sprintf("fromUnixTimestamp64Milli(toInt64(%d), 'UTC')", t.UnixMilli())
}

// source reads the rows of some spans: those that the projection answers for, if it is
// given.
func (f *Filter) source(spans []span, p *projection) (source, error) {
	within := *f
	within.From, within.To = time.Time{}, time.Time{}
	c, err := within.condition()
	if err != nil {
		return source{}, err
	}
	from, during := "actions FINAL", moments(spans, "time", millisecondsLiteral)
	if p != nil {
		from, during = "actions", moments(spans, p.moment, p.literal)
	}
	if during != "" {
		c.and(during)
	}
	return source{" FROM " + from + " WHERE " + c.sql(), c.args}, nil
}

// attempts is how often a question is asked while merges and inserts change what it reads.
const attempts = 3

// exactly calls ask with what a question reads: the spans that the projection answers
// for, if one is given, and those to read with FINAL. It may call it again, when what
// the last call found is not to be relied on. The text above says why its answer is
// exact.
func (s *Store) exactly(ctx context.Context, f *Filter, p *projection, ask func(merged, rest []span) error) error {
	asked := f.span()
	if asked.empty() {
		return nil
	}
	if p == nil {
		return ask(nil, []span{asked})
	}
	known, err := s.parts(ctx)
	if err != nil {
		return err
	}
	for range attempts {
		merged, rest := p.split(asked, known)
		if rowsIn(known, merged) < s.fewMerged {
			merged, rest = nil, []span{asked}
		}
		if err := ask(merged, rest); err != nil || len(merged) == 0 {
			return err
		}
		before := reaching(known, merged)
		if known, err = s.parts(ctx); err != nil {
			return err
		}
		if slices.Equal(before, reaching(known, merged)) {
			return nil
		}
	}
	return ask(nil, []span{asked})
}

// union is a FROM of what the query says of each span, with its GROUP BY.
func (f *Filter) union(query, groupBy string, p *projection, merged, rest []span) (source, error) {
	var all source
	for _, part := range []struct {
		spans []span
		p     *projection
	}{{merged, p}, {rest, nil}} {
		if len(part.spans) == 0 {
			continue
		}
		from, err := f.source(part.spans, part.p)
		if err != nil {
			return source{}, err
		}
		all.add(query+from.sql+groupBy, from.args)
	}
	return source{" FROM (" + all.sql + ")", all.args}, nil
}

// add adds a query to a UNION.
func (s *source) add(query string, args []any) {
	if s.sql != "" {
		s.sql += " UNION ALL "
	}
	s.sql += query
	s.args = append(s.args, args...)
}
