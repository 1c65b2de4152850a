package query

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// parameter is a query parameter that a route accepts.
type parameter struct {
	name       string
	repeatable bool
}

// takes reports whether the parameter is the one of a name. One whose own name ends in
// a dot is a family: anything may follow.
func (p parameter) takes(name string) bool {
	return p.name == name || strings.HasSuffix(p.name, ".") && strings.HasPrefix(name, p.name) && name != p.name
}

// pageParameters divide a list into pages.
var pageParameters = []parameter{{name: "limit"}, {name: "cursor"}}

// The bounds of what is asked.
const (
	defaultLimit = 50
	maxLimit     = 1000
	// maxValues is how often a parameter may be repeated, and how many values a field may
	// have. It keeps a question within what the store sends and the engine parses.
	maxValues = 100
)

// params are a request's query parameters: known, valid UTF-8, and repeated only
// where that has a meaning. A parameter without a value is as good as absent, as
// a browser sends the empty fields of a form. Within details, where a text may be empty,
// it asks for that.
type params struct {
	values map[string][]string
	// record is the one that the path names, if it does.
	record *store.Record
}

// parseParams reads a query string for a route that accepts the given parameters.
func parseParams(rawQuery string, accepted []parameter) (params, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return params{}, malformedQuery("The query string cannot be read: " + err.Error() + `. Write % as %25, & as %26 and ; as %3B in values.`)
	}
	p := params{values: map[string][]string{}}
	for _, name := range sortedKeys(values) {
		i := slices.IndexFunc(accepted, func(a parameter) bool { return a.takes(name) })
		if i < 0 {
			return params{}, unknownParameter(name, accepted)
		}
		if !utf8.ValidString(name) {
			return params{}, malformedQuery(fmt.Sprintf("The name of a parameter is %q, which is not valid UTF-8. Send text as percent-encoded UTF-8.", search.Short(name)))
		}
		for _, value := range values[name] {
			if !utf8.ValidString(value) {
				return params{}, invalid(name, fmt.Sprintf("%s is %q, which is not valid UTF-8. Send text as percent-encoded UTF-8.", name, search.Short(value))).saying("utf8", "Name", name)
			}
			if value != "" || accepted[i].name == store.DetailsField && name != store.DetailsField {
				p.values[name] = append(p.values[name], value)
			}
		}
		if n := len(p.values[name]); n > 1 && !accepted[i].repeatable {
			return params{}, invalid(name, fmt.Sprintf("%s is given %d times. Give it once.", name, n)).saying("twice", "Name", name, "Count", n)
		} else if n > maxValues {
			return params{}, invalid(name, fmt.Sprintf("%s is given %d times. Give it %d times at most.", name, n, maxValues)).saying("often", "Name", name, "Count", n, "Most", maxValues)
		}
	}
	return p, nil
}

func sortedKeys(values url.Values) []string { return slices.Sorted(maps.Keys(values)) }

// one returns a parameter's value, empty when it is absent.
func (p params) one(name string) string {
	if values := p.values[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// holdsNone is why there is no use in a longer value.
const holdsNone = "no action holds a longer one"

// text returns a parameter's value of at most so many characters. What is longer is
// refused for a reason or with a remedy.
func (p params) text(name string, most int, remedy string) (string, error) {
	value := p.one(name)
	if n := utf8.RuneCountInString(value); n > most {
		return "", invalid(name, fmt.Sprintf("%s has %d characters. Give it %d at most: %s.", name, n, most, remedy)).saying("long", "Name", name, "Count", n, "Most", most)
	}
	return value, nil
}

// checkSpan refuses bounds between which there is no time, as they were written. What is
// looked for is named as a sentence begins.
func checkSpan(parameter string, from, to time.Time, wroteFrom, wroteTo, what string) *Problem {
	if from.IsZero() || to.IsZero() || from.Before(to) {
		return nil
	}
	return invalid(parameter, fmt.Sprintf("from (%s) is not before to (%s). %s is found when its time is at or after from and before to: give a later to or an earlier from.",
		wroteFrom, wroteTo, what)).saying("span", "From", search.Short(wroteFrom), "To", search.Short(wroteTo))
}

// limit returns how many rows an answer may have.
func (p params) limit() (int, error) {
	value := p.one("limit")
	if value == "" {
		return defaultLimit, nil
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil || n < 1 || n > maxLimit {
		return 0, invalid("limit", fmt.Sprintf("limit is %q. Give a whole number from 1 to %d.", search.Short(value), maxLimit)).saying("limit", "Value", search.Short(value), "Most", maxLimit)
	}
	return int(n), nil
}

// rejectedCursor returns the place where a list of rejected messages begins, nil for
// the newest.
func (p params) rejectedCursor() (cursor *store.RejectedCursor, err error) {
	if value := p.one("cursor"); value != "" {
		if cursor, err = decodeRejectedCursor(value); err != nil {
			return nil, invalid("cursor", "cursor is not valid: "+err.Error()+".").saying("cursor")
		}
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
		return false, invalid(name, fmt.Sprintf("%s is %q. Give 1 to switch it on or 0 to leave it off.", name, search.Short(value))).saying("flag", "Name", name, "Value", search.Short(value))
	}
}

// time returns a bound of the time, zero when it is absent.
func (p params) time(name string, bound search.Bound, now time.Time, zone *time.Location) (time.Time, error) {
	value := p.one(name)
	if value == "" {
		return time.Time{}, nil
	}
	t, err := search.ParseTime(value, bound, now, zone)
	if err != nil {
		return time.Time{}, invalid(name, sentence(fmt.Sprintf("%s is %q: %s", name, search.Short(value), err))).because(err)
	}
	return t, nil
}

// otherNames are what other services call the parameters that divide a list into pages.
var otherNames = map[string]string{
	"count": "limit", "size": "limit", "per_page": "limit",
	"page": "cursor", "next_cursor": "cursor", "offset": "cursor", "token": "cursor",
}

func unknownParameter(name string, accepted []parameter) *Problem {
	name = search.Short(name)
	names := make([]string, len(accepted))
	for i, a := range accepted {
		names[i] = a.name
	}
	detail := fmt.Sprintf("There is no parameter %q here.", name)
	guess := nearest(name, names)
	if guess != "" {
		detail += fmt.Sprintf(" Did you mean %q?", guess)
	}
	if len(names) == 0 {
		detail += " This path takes none."
	} else {
		detail += " This path takes: " + strings.Join(names, ", ") + "."
	}
	return invalid(name, detail).saying("unknown", "Name", name, "Guess", guess, "Known", strings.Join(names, ", "))
}

// nearest returns the name that was probably meant, empty when none is near.
func nearest(name string, names []string) string {
	for _, meant := range []string{otherNames[strings.ToLower(name)], search.Alias(name)} {
		if slices.Contains(names, meant) {
			return meant
		}
	}
	return search.Nearest(name, names)
}
