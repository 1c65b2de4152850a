package query

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// parameter is a query parameter that a route accepts.
type parameter struct {
	name       string
	repeatable bool
}

// filterField is a parameter by which actions are chosen, and where its value goes:
// the one of text, texts and time that is set.
type filterField struct {
	name string
	// most bounds a text in characters. It is the event's own bound or above it: what
	// is longer is found in no event.
	most  int
	text  func(*store.Filter) *string
	texts func(*store.Filter) *[]string // repeatable
	time  func(*store.Filter) *time.Time
}

// filterFields is the one table of them, for every view of actions. A test holds
// schemas/openapi.yaml to it.
var filterFields = []filterField{
	{name: "tenant", most: 128, text: func(f *store.Filter) *string { return &f.Tenant }},
	{name: "q", most: action.MaxDescriptionBytes, text: func(f *store.Filter) *string { return &f.Text }},
	{name: "from", time: func(f *store.Filter) *time.Time { return &f.From }},
	{name: "to", time: func(f *store.Filter) *time.Time { return &f.To }},
	{name: "actor", most: 256, texts: func(f *store.Filter) *[]string { return &f.Actors }},
	{name: "action", most: action.MaxAction, texts: func(f *store.Filter) *[]string { return &f.Actions }},
}

// tenantFields is the part of filterFields that says whose log is read.
var tenantFields = filterFields[:1]

// set takes a field's value from the parameters.
func (field filterField) set(f *store.Filter, p params) (err error) {
	switch {
	case field.text != nil:
		*field.text(f), err = p.text(field.name, field.most)
	case field.texts != nil:
		*field.texts(f), err = p.texts(field.name, field.most)
	default:
		*field.time(f), err = p.time(field.name)
	}
	return err
}

// parameters are those of the fields.
func parameters(fields []filterField) []parameter {
	all := make([]parameter, len(fields))
	for i, field := range fields {
		all[i] = parameter{field.name, field.texts != nil}
	}
	return all
}

// filterNames are the names of all.
func filterNames() []string {
	all := make([]string, len(filterFields))
	for i, field := range filterFields {
		all[i] = field.name
	}
	return all
}

// filterParameters are the parameters by which actions are chosen.
var filterParameters = parameters(filterFields)

// pageParameters divide a list into pages.
var pageParameters = []parameter{{name: "limit"}, {name: "cursor"}}

// The bounds of what is asked.
const (
	defaultLimit = 50
	maxLimit     = 1000
	// maxValues is how often a parameter may be repeated. With maxHeader it keeps a
	// question within the engine's max_query_size, 256 KiB by default.
	maxValues = 100
)

// params are a request's query parameters: known, valid UTF-8, and repeated only
// where that has a meaning. A parameter without a value is as good as absent, as
// a browser sends the empty fields of a form.
type params struct{ values map[string][]string }

// parseParams reads a query string for a route that accepts the given parameters.
func parseParams(rawQuery string, accepted []parameter) (params, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return params{}, malformedQuery("The query string cannot be read: " + err.Error() + `. Write % as %25, & as %26 and ; as %3B in values.`)
	}
	p := params{values: map[string][]string{}}
	for _, name := range sortedKeys(values) {
		i := slices.IndexFunc(accepted, func(a parameter) bool { return a.name == name })
		if i < 0 {
			return params{}, unknownParameter(name, accepted)
		}
		for _, value := range values[name] {
			if !utf8.ValidString(value) {
				return params{}, invalid(name, fmt.Sprintf("%s is %q, which is not valid UTF-8. Send text as percent-encoded UTF-8.", name, short(value)))
			}
			if value != "" {
				p.values[name] = append(p.values[name], value)
			}
		}
		if n := len(p.values[name]); n > 1 && !accepted[i].repeatable {
			return params{}, invalid(name, fmt.Sprintf("%s is given %d times. Give it once.", name, n))
		} else if n > maxValues {
			return params{}, invalid(name, fmt.Sprintf("%s is given %d times. Give it %d times at most.", name, n, maxValues))
		}
	}
	return p, nil
}

// short cuts what an answer repeats of a request.
func short(text string) string {
	const most = 64
	if len(text) <= most {
		return text
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

func sortedKeys(values url.Values) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// one returns a parameter's value, empty when it is absent.
func (p params) one(name string) string {
	if values := p.values[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// text returns a parameter's value of at most so many characters.
func (p params) text(name string, most int) (string, error) {
	value := p.one(name)
	return value, checkLength(name, value, most)
}

// texts returns every value of a parameter, each of at most so many characters.
func (p params) texts(name string, most int) ([]string, error) {
	for _, value := range p.values[name] {
		if err := checkLength(name, value, most); err != nil {
			return nil, err
		}
	}
	return p.values[name], nil
}

func checkLength(name, value string, most int) error {
	if n := utf8.RuneCountInString(value); n > most {
		return invalid(name, fmt.Sprintf("%s has %d characters. Give it %d at most: no action holds a longer one.", name, n, most))
	}
	return nil
}

// tenant returns whose log is asked about.
func (p params) tenant() (string, error) {
	f, err := p.fields(tenantFields)
	return f.Tenant, err
}

// filter returns which actions are asked about.
func (p params) filter() (store.Filter, error) {
	f, err := p.fields(filterFields)
	if err != nil {
		return f, err
	}
	return f, p.checkSpan(f.From, f.To, "An action")
}

// checkSpan refuses bounds between which there is no time. What is looked for is
// named as a sentence begins.
func (p params) checkSpan(from, to time.Time, what string) error {
	if from.IsZero() || to.IsZero() || from.Before(to) {
		return nil
	}
	return invalid("from", fmt.Sprintf("from (%s) is not before to (%s). %s is found when its time is at or after from and before to: give a later to or an earlier from.",
		p.one("from"), p.one("to"), what))
}

// fields returns a filter of these fields.
func (p params) fields(fields []filterField) (store.Filter, error) {
	var f store.Filter
	for _, field := range fields {
		if err := field.set(&f, p); err != nil {
			return f, err
		}
	}
	f.Tenant = cmp.Or(f.Tenant, action.DefaultTenant)
	return f, nil
}

// limit returns how many rows an answer may have.
func (p params) limit() (int, error) {
	value := p.one("limit")
	if value == "" {
		return defaultLimit, nil
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil || n < 1 || n > maxLimit {
		return 0, invalid("limit", fmt.Sprintf("limit is %q. Give a whole number from 1 to %d.", short(value), maxLimit))
	}
	return int(n), nil
}

// cursor returns the place where an answer begins, nil for the newest.
func (p params) cursor() (*store.Cursor, error) { return cursorParameter(p, decodeCursor) }

func (p params) rejectedCursor() (*store.RejectedCursor, error) {
	return cursorParameter(p, decodeRejectedCursor)
}

func cursorParameter[T any](p params, decode func(string) (*T, error)) (*T, error) {
	value := p.one("cursor")
	if value == "" {
		return nil, nil //nolint:nilnil // no cursor is the beginning, not an error
	}
	cursor, err := decode(value)
	if err != nil {
		return nil, invalid("cursor", "cursor is not valid: "+err.Error()+".")
	}
	return cursor, nil
}

// flag returns whether a switch is on.
func (p params) flag(name string) (bool, error) {
	switch value := p.one(name); value {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	default:
		return false, invalid(name, fmt.Sprintf("%s is %q. Give 1 to switch it on or 0 to leave it off.", name, short(value)))
	}
}

// The forms of a time. One without an offset is in UTC.
var (
	dateForm    = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	minuteForm  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d$`)
	secondForm  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$`)
	momentForm  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)
	spaceOffset = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?) (\d\d:\d\d)$`)
)

// The times that can be told apart. Events lie between 1970 and 2100; what is
// asked beyond these bounds is asked at the bound, so that 0001-01-01 and
// 9999-12-31 mean all there is.
var (
	minTime = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	maxTime = time.Date(2299, 12, 31, 23, 59, 59, 0, time.UTC)
)

// storable reports whether the store can be asked about a time.
func storable(t time.Time) bool { return !t.Before(minTime) && !t.After(maxTime) }

// time returns a bound of the time, zero when it is absent.
func (p params) time(name string) (time.Time, error) {
	value := p.one(name)
	if value == "" {
		return time.Time{}, nil
	}
	t, err := ParseTime(value)
	if err != nil {
		return time.Time{}, invalid(name, fmt.Sprintf(
			"%s is %q, which is not a time (%s). Give RFC 3339 such as 2026-11-24T18:00:00+01:00 (with + written as %%2B), or 2026-11-24 or 2026-11-24T18:00 in UTC.",
			name, short(value), err))
	}
	return t, nil
}

// ParseTime reads a time in the forms that the parameters from and to take: RFC 3339,
// or a date or time in UTC. What lies before 1900 or after 2299 is the bound.
func ParseTime(value string) (time.Time, error) {
	text := strings.ToUpper(value) // RFC 3339 allows t and z
	switch {
	case dateForm.MatchString(text):
		text += "T00:00:00Z"
	case minuteForm.MatchString(text):
		text += ":00Z"
	case secondForm.MatchString(text):
		text += "Z"
	default:
		// A + that was not written as %2B arrives as a space. Nothing else looks so.
		text = spaceOffset.ReplaceAllString(text, "$1+$2")
		// time.Parse takes more than RFC 3339, such as a comma or an hour of one digit.
		if !momentForm.MatchString(text) {
			return time.Time{}, errors.New("unknown form")
		}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, describeTimeError(err)
	}
	t = t.UTC()
	switch {
	case t.Before(minTime):
		return minTime, nil
	case t.After(maxTime):
		return maxTime, nil
	}
	return t, nil
}

// describeTimeError leaves out the layout, which only Go programmers can read.
func describeTimeError(err error) error {
	if i := strings.LastIndex(err.Error(), ": "); i >= 0 && strings.HasSuffix(err.Error(), "out of range") {
		return errors.New(err.Error()[i+2:])
	}
	return errors.New("unknown form")
}

// otherNames are what other services call the same.
var otherNames = map[string]string{
	"search": "q", "query": "q", "text": "q", "since": "from", "after": "from", "start": "from", "until": "to", "before": "to", "end": "to",
	"user": "actor", "actor_id": "actor", "type": "action", "action_type": "action", "count": "limit", "size": "limit", "per_page": "limit",
	"page": "cursor", "next_cursor": "cursor", "offset": "cursor", "token": "cursor",
}

func unknownParameter(name string, accepted []parameter) *Problem {
	name = short(name)
	names := make([]string, len(accepted))
	for i, a := range accepted {
		names[i] = a.name
	}
	detail := fmt.Sprintf("There is no parameter %q here.", name)
	if guess := nearest(name, names); guess != "" {
		detail += fmt.Sprintf(" Did you mean %q?", guess)
	}
	if len(names) == 0 {
		detail += " This path takes none."
	} else {
		detail += " This path takes: " + strings.Join(names, ", ") + "."
	}
	return invalid(name, strings.ToValidUTF8(detail, "\uFFFD"))
}

// nearest returns the name that was probably meant, empty when none is near.
func nearest(name string, names []string) string {
	name = strings.ToLower(name)
	if other := otherNames[name]; slices.Contains(names, other) {
		return other
	}
	// A third of the letters, so that short names do not match just anything.
	best, distance := "", 1+max(len(name)/3, 1)
	if len(name) > 64 {
		return ""
	}
	for _, n := range names {
		if d := levenshtein.ComputeDistance(name, n); d < distance && d < len(n) {
			best, distance = n, d
		}
	}
	return best
}
