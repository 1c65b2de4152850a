package store

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/actionlog/actionlog/pkg/action"
)

// readable is details as the engine can read it. It reads no JSON at all that has a
// whole number beyond 64 bits or any beyond double precision: the first becomes one of
// double precision, the second a text. The colon is escaped: clickhouse-go takes one between
// braces, which the terms of records have, for a parameter that it is to bind.
const readable = `if(isValidJSON(details), details, arrayStringConcat(arrayMap(t -> multiIf(` +
	`NOT match(t, '^-?[0-9]'), t, ` +
	`isInfinite(toFloat64OrZero(t)), concat('"', t, '"'), ` +
	`match(t, '^-?[0-9]+$') AND isNull(toInt64OrNull(t)) AND isNull(toUInt64OrNull(t)), concat(t, '.0'), t), ` +
	`extractAll(details, '"(?\x3a[^"\\\\]|\\\\.)*"|-?[0-9][-+.0-9eE]*|[^"]'))))`

// whereDetails asks that what stands at a path within details is a text, a number, a
// true, false or null that one of the values says. The parts of the path are names with
// dots between; \. is a dot in a name, and \\ a backslash. A part that is a number
// counts in a list, from 0.
func whereDetails(_ *Filter, about Condition) (string, []any) {
	path := splitPath(strings.TrimPrefix(about.Field, DetailsField))
	if len(path) > action.MaxDetailsDepth { // no event nests deeper, and long paths keep the engine busy
		return "(0)", nil
	}
	var terms []string
	var args []any
	for _, p := range places(path) {
		is := p.isOneOf(about.Values)
		terms = append(terms, is.sql())
		args = append(args, is.args...)
	}
	term := "(" + strings.Join(terms, " OR ") + ")"
	// What lacks a name need not be read as JSON. A name may be written with escapes.
	longest := slices.MaxFunc(path, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	if _, ok := asIndex(longest); !ok {
		term = `((position(details, ?) > 0 OR position(details, '\\') > 0) AND ` + term + ")"
		args = append([]any{`"` + longest + `"`}, args...)
	}
	return term, args
}

// detailPlace is where something stands in JSON: names and, from 1, numbers in lists.
type detailPlace []any

// maxIndexes bounds how many parts of a path may count in lists. Each doubles the places.
const maxIndexes = 3

// places returns all that a path may mean: its numbers are names of an object or count
// in a list.
func places(path []string) []detailPlace {
	all := []detailPlace{{}}
	indexes := 0
	for _, part := range path {
		index, ok := asIndex(part)
		for i, p := range all {
			all[i] = append(slices.Clone(p), part)
			if ok && indexes < maxIndexes {
				all = append(all, append(slices.Clone(p), index))
			}
		}
		if ok {
			indexes++
		}
	}
	return all
}

// asIndex returns the number in a list, from 1, that a part of a path may stand for.
func asIndex(part string) (int, bool) {
	n, err := strconv.ParseUint(part, 10, 31)
	if err != nil || part != strconv.FormatUint(n, 10) {
		return 0, false
	}
	return int(n) + 1, true
}

// of calls one of the engine's functions on what stands at the place, which is the
// argument of the placeholders.
func (p detailPlace) of(function string) string {
	return function + "(" + readable + strings.Repeat(", ?", len(p)) + ")"
}

// isOneOf is the condition that what stands at the place is one of the values.
func (p detailPlace) isOneOf(values []string) *condition {
	is := &condition{}
	for i, part := range p {
		// A number would count the members of an object as well.
		if _, ok := part.(int); ok {
			is.and(p[:i].of("JSONType")+" = 'Array'", p[:i]...)
		}
	}
	term := p.of("JSONType") + " = 'String' AND " + p.of("JSONExtractString") + " IN (?)"
	args := slices.Concat(p, p, []any{values})
	written, numbers := asWritten(values)
	if len(written) > 0 {
		term += " OR " + p.of("JSONExtractRaw") + " IN (?)"
		args = slices.Concat(args, p, []any{written})
	}
	if len(numbers) > 0 {
		term += " OR " + p.of("JSONType") + " = 'Double' AND " + p.of("JSONExtractFloat") + " IN (?)"
		args = slices.Concat(args, p, p, []any{numbers})
	}
	is.and("("+term+")", args...)
	return is
}

// number is a number of JSON: 05, +5 and .5 are none.
var number = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`)

// asWritten returns the values that are not only texts: how the engine writes true,
// false, null and whole numbers, and the numbers of double precision.
func asWritten(values []string) (written []string, numbers []float64) {
	for _, v := range values {
		if v == "true" || v == "false" || v == "null" {
			written = append(written, v)
		}
		double, err := strconv.ParseFloat(v, 64)
		if err != nil || !number.MatchString(v) {
			continue
		}
		numbers = append(numbers, double)
		if whole := wholeNumber(v); whole != "" {
			written = append(written, whole)
			if whole == "0" {
				written = append(written, "-0")
			}
		}
	}
	return written, numbers
}

// wholeNumber writes a number of JSON that is whole without a point or an exponent; empty
// where it is not, or has more digits than 64 bits do. It is exact, as double precision is
// not beyond 2⁵³.
func wholeNumber(v string) string {
	v, negative := strings.CutPrefix(v, "-")
	mantissa, power, _ := strings.Cut(strings.ToLower(v), "e")
	units, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(units+fraction, "0")
	significant := strings.TrimRight(digits, "0")
	if significant == "" {
		return "0"
	}
	exponent := 0
	if power != "" {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil {
			return ""
		}
	}
	zeros := exponent - len(fraction) + len(digits) - len(significant)
	if zeros < 0 || zeros > 20 || len(significant)+zeros > 20 {
		return ""
	}
	whole := significant + strings.Repeat("0", zeros)
	if negative {
		whole = "-" + whole
	}
	return whole
}

// splitPath divides a path at its dots.
func splitPath(path string) []string {
	parts := []string{""}
	for i := 0; i < len(path); i++ {
		last := &parts[len(parts)-1]
		switch {
		case path[i] == '\\' && i+1 < len(path) && (path[i+1] == '.' || path[i+1] == '\\'):
			i++
			*last += path[i : i+1]
		case path[i] == '.':
			parts = append(parts, "")
		default:
			*last += path[i : i+1]
		}
	}
	return parts
}
