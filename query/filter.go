package query

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// The bounds of what chooses actions, in characters.
const (
	maxTenant = 128
	maxText   = action.MaxDescriptionBytes
	// maxLine is that of the search line, which may hold everything.
	maxLine = 16 << 10
)

// tenantParameter says whose log is read.
var tenantParameter = parameter{name: "tenant"}

// filterParameters are the parameters by which actions are chosen, for every view of
// them. A test holds schemas/openapi.yaml to it.
var filterParameters = slices.Concat(
	[]parameter{tenantParameter, {name: "q"}, {name: "search"}, {name: "from"}, {name: "to"}, {name: "tz"}}, fieldParameters())

func fieldParameters() []parameter {
	var all []parameter
	for _, field := range store.Fields() {
		all = append(all, parameter{name: field.Name, repeatable: true})
	}
	return all
}

// searchFields are the fields that the search line knows.
var searchFields = store.SearchFields()

// tenant returns whose log is asked about.
func (p params) tenant() (string, error) {
	tenant, err := p.text("tenant", maxTenant, holdsNone)
	return cmp.Or(tenant, action.DefaultTenant), err
}

// question is what a request asks about, with its times resolved.
type question struct {
	store.Filter
	// Zone is where days begin.
	Zone *time.Location
}

// filter returns which actions the parameters ask about. Relative times are counted from
// now.
func (s *Server) filter(p params, now time.Time) (question, error) { return p.filter(now, s.catalogue) }

// filter returns which actions are asked about. Relative times are counted from now.
func (p params) filter(now time.Time, catalogue *action.Catalogue) (question, error) {
	q := question{Filter: store.Filter{Catalogue: catalogue, Record: p.record}}
	var err error
	if q.Tenant, err = p.tenant(); err != nil {
		return q, err
	}
	line, err := p.line()
	if err != nil {
		return q, err
	}
	if q.Zone, err = p.zone(line); err != nil {
		return q, err
	}
	if q.From, err = p.bound("from", search.From, line.From, now, q.Zone); err != nil {
		return q, err
	}
	if q.To, err = p.bound("to", search.To, line.To, now, q.Zone); err != nil {
		return q, err
	}
	parameter := "from"
	if line.TimeColumn > 0 {
		parameter = "search"
	}
	wroteFrom, wroteTo := cmp.Or(p.one("from"), line.From), cmp.Or(p.one("to"), line.To)
	if q.From.Equal(q.To) && skipped(wroteFrom, wroteTo, now) {
		return q, invalid(parameter, fmt.Sprintf("from (%s) and to (%s) are the same moment, since clocks in %s skip what lies between them: it does not exist there. Give a later to or an earlier from.", wroteFrom, wroteTo, q.Zone)).
			saying("skipped", "From", search.Short(wroteFrom), "To", search.Short(wroteTo), "Zone", q.Zone.String()).at(line.TimeColumn)
	}
	if wrong := checkSpan(parameter, q.From, q.To, wroteFrom, wroteTo, "An action"); wrong != nil {
		return q, wrong.at(line.TimeColumn)
	}
	text, err := p.text("q", maxText, "look for fewer words, or for a part of the text")
	if err != nil {
		return q, err
	}
	if q.Text, err = search.ParseText(text); err != nil {
		return q, invalid("q", sentence(fmt.Sprintf("q is %q: %s", search.Short(text), err))).because(err)
	}
	q.Text = append(q.Text, line.Texts...)
	if n := len(q.Text); n > maxValues {
		parameter, column := "q", 0
		if len(line.Texts) > 0 {
			parameter, column = "search", line.Texts[len(line.Texts)-1].Column
		}
		return q, invalid(parameter, fmt.Sprintf("These are %d words and phrases. Give %d at most, or put them into one phrase in quotes.", n, maxValues)).
			saying("words", "Count", n, "Most", maxValues).at(column)
	}
	if q.Conditions, err = p.conditions(); err != nil {
		return q, err
	}
	// What the search line asks for is asked for as well as what the parameters do.
	var also []store.Condition
	for _, term := range line.Terms {
		if err := check(term.Field, term.Value); err != nil {
			return q, invalid("search", sentence(fmt.Sprintf("search, column %d: %s", term.Column, err))).because(wrongValue(term, err))
		}
		also = addValue(also, term)
	}
	q.Conditions = append(q.Conditions, also...)
	return q, checkValues(q.Conditions, line.Terms)
}

// skipped reports whether one time is before another by the calendar. Where they are the same
// moment none the less, clocks skip what lies between: an hour, or a day as 2011-12-30 on Samoa.
func skipped(from, to string, now time.Time) bool {
	if !search.IsZoned(from) || !search.IsZoned(to) {
		return false
	}
	begin, _ := search.ParseTime(from, search.From, now, time.UTC) // it is a time, as it is zoned
	end, _ := search.ParseTime(to, search.To, now, time.UTC)
	return begin.Before(end)
}

// checkValues bounds how much is asked of a field, and of all of details. What is too much
// is the fault of the search line where that asks for the field, by one of its terms.
func checkValues(conditions []store.Condition, terms []search.Term) error {
	count := map[string]int{}
	for _, c := range conditions {
		field, _ := store.LookupField(c.Field)
		if count[field.Name] += len(c.Values); count[field.Name] <= maxValues {
			continue
		}
		parameter, column := c.Field, 0
		for _, term := range terms {
			if term.Field == c.Field && term.Not == c.Not {
				parameter, column = "search", max(column, term.Column)
			}
		}
		return invalid(search.Short(parameter), fmt.Sprintf("%s has more than %d values, in all. Ask for fewer at once.", field.Name, maxValues)).
			saying("values", "Field", strings.TrimSuffix(field.Name, "."), "Most", maxValues).at(column)
	}
	return nil
}

// line returns the search line.
func (p params) line() (search.Line, error) {
	text, err := p.text("search", maxLine, "ask for less, or for some of it by parameters of their own")
	if err != nil {
		return search.Line{}, err
	}
	line, err := search.Parse(text, searchFields)
	if err != nil {
		return line, invalid("search", sentence("search, "+err.Error())).because(err)
	}
	return line, nil
}

// zone returns the time zone in which days begin.
func (p params) zone(line search.Line) (*time.Location, error) {
	name := p.one("tz")
	if name != "" && line.Zone != "" && name != line.Zone {
		return nil, invalid("tz", fmt.Sprintf("tz is %q, and search says %q. Give one of them.", search.Short(name), search.Short(line.Zone))).
			saying("both", "Name", "tz", "Value", search.Short(name), "Line", search.Short(line.Zone))
	}
	zone, err := search.LoadLocation(cmp.Or(name, line.Zone))
	if err != nil {
		return nil, invalid("tz", sentence(fmt.Sprintf("tz is %q: %s", search.Short(name), err))).because(err)
	}
	return zone, nil
}

// bound returns a bound of the time, which the search line may give instead.
func (p params) bound(name string, bound search.Bound, line string, now time.Time, zone *time.Location) (time.Time, error) {
	if line == "" {
		return p.time(name, bound, now, zone)
	}
	if p.one(name) != "" {
		return time.Time{}, invalid(name, fmt.Sprintf("%s is %q, and search says %q. Give one of them.", name, search.Short(p.one(name)), search.Short(line))).
			saying("both", "Name", name, "Value", search.Short(p.one(name)), "Line", search.Short(line))
	}
	t, err := search.ParseTime(line, bound, now, zone)
	if err != nil {
		return time.Time{}, invalid("search", sentence(fmt.Sprintf("search: %s", err))).because(err)
	}
	return t, nil
}

// conditions returns what the parameters of fields ask for.
func (p params) conditions() ([]store.Condition, error) {
	var all []store.Condition
	for _, name := range sortedKeys(p.values) {
		if _, ok := store.LookupField(name); !ok {
			if strings.HasPrefix(name, store.DetailsField) {
				return nil, invalid(search.Short(name), "The path within details is missing or too long. Write it as in details.total.amount.").
					because(&search.Error{Fault: search.FaultPath, About: search.Short(name)})
			}
			continue
		}
		for _, given := range p.values[name] {
			value, not := search.UnescapeValue(given)
			if err := check(name, value); err != nil {
				return nil, invalid(search.Short(name), sentence(err.Error())).because(wrongValue(search.Term{Field: name, Value: value}, err))
			}
			all = addValue(all, search.Term{Field: name, Value: value, Not: not})
		}
	}
	return all, nil
}

// check says what is wrong with a value of a field, and what to do.
func check(field, value string) error {
	f, ok := store.LookupField(field)
	switch {
	case !ok:
		return fmt.Errorf("the path of %q is missing or too long: write it as in details.total.amount", search.Short(field))
	case value == "" && f.Name != store.DetailsField:
		return errors.New(field + " is empty after the !: give the value that is not to be found")
	}
	if err := f.Check(value); err != nil {
		return fmt.Errorf("%s is %q: %w", search.Short(field), search.Short(value), err)
	}
	return nil
}

// wrongValue says of a term of the line what check has found.
func wrongValue(term search.Term, err error) *search.Error {
	wrong := &search.Error{Column: term.Column, Problem: err.Error(), About: search.Short(term.Value)}
	field, ok := store.LookupField(term.Field)
	switch {
	case !ok:
		wrong.Fault, wrong.About = search.FaultPath, search.Short(term.Field)
	case term.Value == "":
		wrong.Fault, wrong.About = search.FaultNoValue, search.Short(term.Field)
	case utf8.RuneCountInString(term.Value) > field.Most:
		wrong.Fault, wrong.Suggestion = search.FaultLong, strconv.Itoa(field.Most)
	case term.Field == "ip":
		wrong.Fault = search.FaultAddress
	case term.Field == "action" && strings.Contains(strings.TrimSuffix(term.Value, ".*"), "*"):
		wrong.Fault = search.FaultStar
	case term.Field == "action":
		wrong.Fault, wrong.Guess, wrong.Suggestion = search.FaultValue, field.Guess(term.Value), "invoice.posted, invoice.*"
	case term.Field == "subject":
		wrong.Fault, wrong.Suggestion = search.FaultValue, "invoice/INV-1"
	default:
		wrong.Fault, wrong.Guess, wrong.Suggestion = search.FaultValue, field.Guess(term.Value), strings.Join(field.Only, ", ")
	}
	return wrong
}

// addValue adds a value to the condition of its field, or begins one.
func addValue(all []store.Condition, term search.Term) []store.Condition {
	for i := range all {
		c := &all[i]
		if c.Field == term.Field && c.Not == term.Not {
			c.Values = append(c.Values, term.Value)
			return all
		}
	}
	return append(all, store.Condition{Field: term.Field, Values: []string{term.Value}, Not: term.Not})
}
