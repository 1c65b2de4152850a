package store

import (
	"strconv"
	"strings"
)

// whereDetails asks that what stands at a path within details is a text, a number, a
// true, false or null that is written so. The parts of the path are names with dots
// between; \. is a dot in a name. A part that is a number counts in a list, from 0.
func whereDetails(_ *Filter, name string, values []string) (string, []any) {
	path := splitPath(strings.TrimPrefix(name, DetailsField))
	at := make([]string, len(path))
	var keys []any
	for i, part := range path {
		at[i] = "?"
		keys = append(keys, part)
	}
	places := []jsonPlace{{strings.Join(at, ", "), keys}}
	if indexed, keys, ok := asIndexes(path); ok {
		places = append(places, jsonPlace{indexed, keys})
	}
	var terms []string
	var args []any
	for _, p := range places {
		for _, v := range values {
			// A condition on the text alone spares the reading of JSON in most rows.
			term, termArgs := p.equals(v)
			terms = append(terms, term)
			args = append(args, termArgs...)
		}
	}
	return "(" + strings.Join(terms, " OR ") + ")", args
}

// jsonPlace is where something stands in JSON, as arguments of ClickHouse's functions.
type jsonPlace struct {
	at   string
	keys []any
}

func (p jsonPlace) equals(value string) (string, []any) {
	call := func(function string) string { return function + "(details, " + p.at + ")" }
	args := func(more ...any) []any { return append(append([]any{}, p.keys...), more...) }
	term := call("JSONType") + " = 'String' AND " + call("JSONExtractString") + " = ?"
	all := append(args(), args(value)...)
	switch number, err := strconv.ParseFloat(value, 64); {
	case value == "true" || value == "false" || value == "null":
		term += " OR " + call("JSONExtractRaw") + " = ?"
		all = append(all, args(value)...)
	case err == nil && isNumber(value):
		term += " OR " + call("JSONType") + " IN ('Int64', 'UInt64', 'Double') AND " + call("JSONExtractFloat") + " = ?"
		all = append(append(all, args()...), args(number)...)
	}
	return "(" + term + ")", all
}

// isNumber reports whether a text that is a number for Go is one for JSON.
func isNumber(text string) bool {
	return strings.Trim(text, "0123456789.eE+-") == "" && !strings.HasPrefix(text, "+")
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

// asIndexes returns a path whose numbers count in lists; false when it has none.
func asIndexes(path []string) (string, []any, bool) {
	at := make([]string, len(path))
	var keys []any
	found := false
	for i, part := range path {
		at[i] = "?"
		if n, err := strconv.ParseUint(part, 10, 31); err == nil {
			at[i], found = strconv.FormatUint(n+1, 10), true
			continue
		}
		keys = append(keys, part)
	}
	return strings.Join(at, ", "), keys, found
}
