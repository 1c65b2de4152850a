package search

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Line is a question about the log: in one line for people, and as parameters. Both
// hold the same: what Parse makes of String, and FromValues of Values, is the line
// again, but for columns.
type Line struct {
	// Texts are what q looks for. All must match.
	Texts []Text
	// Terms are what fields must hold, in the order of Fields.Names. The terms of one
	// field belong together, see Term.
	Terms []Term
	// From, To and Zone are as they were written, in a form that ParseTime and
	// LoadLocation take, empty where nothing is said.
	From, To, Zone string
	// TimeColumn is where the later written of From and To is, in characters from 1, and 0
	// where neither came from a line.
	TimeColumn int
}

// Term is a value that a field must hold, or with Not must not. An action is found
// when each field that has terms without Not holds one of them, and no field holds
// any of its terms with Not.
type Term struct {
	// Field is a name of Fields, a family's with a path behind it.
	Field string
	// Value is empty only for a field of a family, which may hold an empty text. What it
	// means is the field's matter.
	Value string
	Not   bool
	// Column is where the value was written, in characters from 1, and 0 where it did
	// not come from a line.
	Column int
}

// String writes the line in its usual form: text, fields, times.
func (l Line) String() string {
	var terms []string
	for _, t := range l.Texts {
		terms = append(terms, t.format(plain(t.Needle, `:=<>\`, "-") && noOperator(t.Needle) == nil))
	}
	add := func(not, name, value string) {
		if !plain(value, "", notFirst) {
			value = quoted(value)
		}
		terms = append(terms, not+escapeName(name)+":"+value)
	}
	for _, t := range l.Terms {
		not := ""
		if t.Not {
			not = "-"
		}
		add(not, t.Field, t.Value)
	}
	for _, t := range []struct{ name, value string }{{nameFrom, l.From}, {nameTo, l.To}, {nameZone, l.Zone}} {
		if t.value != "" {
			add("", t.name, t.value)
		}
	}
	return strings.Join(terms, " ")
}

// Values are the parameters that ask the same: q, from, to, tz and the fields.
func (l Line) Values() url.Values {
	values := url.Values{}
	for _, t := range []struct{ name, value string }{{nameText, FormatText(l.Texts)}, {nameFrom, l.From}, {nameTo, l.To}, {nameZone, l.Zone}} {
		if t.value != "" {
			values.Set(t.name, t.value)
		}
	}
	for _, t := range l.Terms {
		values.Add(t.Field, EscapeValue(t.Value, t.Not))
	}
	return values
}

// FromValues returns the line that asks the same as parameters. It passes over empty
// values, except those of a family, and over parameters that neither are fields nor q, from, to and tz. Its errors
// are of type *Error, with the name of the parameter in the problem and without a
// column; those of q have the column in its value.
func FromValues(values url.Values, fields Fields) (Line, error) {
	var l Line
	var q string
	for _, p := range []struct {
		name string
		to   *string
	}{{nameText, &q}, {nameFrom, &l.From}, {nameTo, &l.To}, {nameZone, &l.Zone}} {
		given := slices.DeleteFunc(slices.Clone(values[p.name]), func(v string) bool { return v == "" })
		if len(given) > 1 {
			return Line{}, &Error{Problem: fmt.Sprintf("%s is given %d times", p.name, len(given)), Suggestion: "give it once", Fault: faultTwice, About: p.name}
		}
		if len(given) == 1 {
			*p.to = given[0]
		}
		if err := checkOwn(p.name, *p.to); err != nil {
			return Line{}, err
		}
	}
	var err error
	if l.Texts, err = ParseText(q); err != nil {
		return Line{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if fields.resolve(name) != name && fields.familyPath(name) == "" || slices.Contains(ownNames, name) {
			continue
		}
		for _, v := range values[name] {
			family := fields.family(name) != ""
			if v == "" && !family {
				continue
			}
			value, not := UnescapeValue(v)
			switch {
			case value == "" && !family:
				return Line{}, noValue(name, 0)
			case checkUTF8(name+value) != nil:
				return Line{}, &Error{Problem: Short(name) + " is not valid UTF-8", Suggestion: "send text as percent-encoded UTF-8", Fault: faultUTF8}
			}
			l.Terms = append(l.Terms, Term{Field: name, Value: value, Not: not})
		}
	}
	fields.sort(l.Terms)
	return l, nil
}

// sort brings terms into the order of the names; those of one field keep theirs.
func (f Fields) sort(terms []Term) {
	slices.SortStableFunc(terms, func(a, b Term) int {
		return cmp.Or(cmp.Compare(f.index(a.Field), f.index(b.Field)), strings.Compare(a.Field, b.Field))
	})
}

// familyPath returns the path in the name of a parameter that belongs to a family,
// empty for any other name.
func (f Fields) familyPath(name string) string {
	family := f.family(name)
	if family == "" || !strings.HasPrefix(name, family) {
		return ""
	}
	return name[len(family):]
}

// checkOwn refuses a time or time zone that cannot be read, whenever it is asked.
func checkOwn(name, value string) *Error {
	if value == "" {
		return nil
	}
	var err *Error
	switch name {
	case nameFrom, nameTo:
		_, err = readTime(value, From, time.Unix(0, 0), time.UTC)
	case nameZone:
		_, err = findZone(value)
	}
	if err != nil {
		err.Problem = name + ": " + err.Problem
	}
	return err
}

func noValue(name string, column int) *Error {
	return &Error{
		Column: column, Problem: Short(name) + " has no value",
		Suggestion: "write " + escapeName(Short(name)) + ":value without a space after the colon, or put it in quotes to look for it as text",
		Fault:      FaultNoValue, About: Short(name),
	}
}

// EscapeValue writes a value for a parameter: with a ! before it when it is excluded,
// and with a \ before it when it begins with ! or \ itself.
func EscapeValue(value string, not bool) string {
	if strings.HasPrefix(value, "!") || strings.HasPrefix(value, `\`) {
		value = `\` + value
	}
	if not {
		value = "!" + value
	}
	return value
}

// UnescapeValue reads what EscapeValue writes. A \ before anything but ! and \ is a
// part of the value.
func UnescapeValue(v string) (value string, not bool) {
	value, not = strings.CutPrefix(v, "!")
	if strings.HasPrefix(value, `\!`) || strings.HasPrefix(value, `\\`) {
		value = value[1:]
	}
	return value, not
}

// escapeName writes the name of a field, whose path may hold anything.
func escapeName(name string) string {
	if plain(name, `:=\`, "") {
		return name
	}
	var b strings.Builder
	for _, r := range name {
		if special(r) || r == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// special reports whether a character ends a path that has no \ before it.
func special(r rune) bool { return r == ':' || r == '=' || unicode.IsSpace(r) }
