package search

import (
	"slices"
	"strings"
)

// Fields are the fields that a line and the parameters may name, besides q, from, to
// and tz, which this package knows itself and passes over in Names.
type Fields struct {
	// Names are the names of the parameters. One that ends in a dot is a family: any
	// path may follow it, as in details.amount. A path is what comes after the dot,
	// with its case, and means nothing here.
	Names []string
	// Aliases are other words for names, besides those that people commonly type: user
	// for actor, say. Both are in lower case, with "_" for "-".
	Aliases map[string]string
}

// The names that are not fields of an action.
const (
	nameText = "q"
	nameFrom = "from"
	nameTo   = "to"
	nameZone = "tz"
)

var ownNames = []string{nameText, nameFrom, nameTo, nameZone}

// before is the word for to that leaves out the period it names.
const before = "before"

// aliases are the words that people commonly type for a name. One counts where the
// name is known.
var aliases = map[string]string{
	"after": nameFrom, "since": nameFrom, "start": nameFrom,
	before: nameTo, "until": nameTo, "till": nameTo, "end": nameTo,
	"timezone": nameZone, "time_zone": nameZone, "zone": nameZone,
	"text": nameText, "search": nameText, "query": nameText,
	"user": "actor", "user_id": "actor", "actor_id": "actor", "behalf_of": "on_behalf_of",
	"type": "action", "action_type": "action",
	"record": "subject_id", "object": "subject_id",
	"record_type": "subject_type", "object_type": "subject_type",
	"result": "outcome", "status": "outcome",
	"address": "ip", "ip_address": "ip",
	"session": "session_id", "request": "request_id",
	"agent": "user_agent", "useragent": "user_agent", "browser": "user_agent",
}

// resolve returns the name that a word stands for, empty when it stands for none.
func (f Fields) resolve(word string) string {
	word = canonical(word)
	if slices.Contains(f.Names, word) && !isFamily(word) || slices.Contains(ownNames, word) {
		return word
	}
	for _, table := range []map[string]string{f.Aliases, aliases} {
		if name := table[word]; slices.Contains(f.Names, name) || slices.Contains(ownNames, name) {
			return name
		}
	}
	return ""
}

// Alias returns the field or parameter that people commonly mean by a word, empty where
// it is none. Its case does not matter.
func Alias(word string) string { return aliases[canonical(word)] }

// canonical writes a word as names are written.
func canonical(word string) string { return strings.ReplaceAll(strings.ToLower(word), "-", "_") }

// family returns the family that a text begins with the name of, empty for none. Both
// have the same length.
func (f Fields) family(text string) string {
	for _, name := range f.Names {
		if isFamily(name) && len(text) >= len(name) && canonical(text[:len(name)]) == name {
			return name
		}
	}
	return ""
}

func isFamily(name string) bool { return strings.HasSuffix(name, ".") }

// index is the place of a field in the order of the names.
func (f Fields) index(name string) int {
	return slices.IndexFunc(f.Names, func(n string) bool { return n == name || isFamily(n) && strings.HasPrefix(name, n) })
}

// unknown says that a word is no field, and which was probably meant.
func (f Fields) unknown(word string, column int) *Error {
	e := &Error{Column: column, Problem: "unknown field " + Short(word), Fault: faultUnknownField, About: Short(word)}
	head, path, dotted := strings.Cut(word, ".")
	known := slices.DeleteFunc(slices.Clone(f.Names), func(n string) bool { return slices.Contains(ownNames, n) })
	known = append(known, nameFrom, nameTo, nameZone)
	words := slices.Clone(known)
	for _, table := range []map[string]string{f.Aliases, aliases} {
		for alias := range table {
			if name := f.resolve(alias); name != "" && name != nameText {
				words = append(words, alias)
			}
		}
	}
	slices.Sort(words[len(known):]) // so that of two as near as each other one is chosen always
	if dotted {
		words = slices.DeleteFunc(words, func(n string) bool { return !isFamily(n) })
		word = head + "."
	}
	switch guess := Nearest(canonical(word), words); {
	case isFamily(guess) && path == "":
		e.Guess, e.Suggestion = guess+"amount", "did you mean "+guess+"amount, with the path that you look for?"
	case isFamily(guess):
		e.Guess = guess + Short(path)
		e.Suggestion = "did you mean " + e.Guess + "?"
	case guess != "":
		e.Guess = guess
		e.Suggestion = "did you mean " + guess + "?"
	default:
		e.Suggestion = "put it in quotes to look for it as text; the fields are " + strings.Join(known, ", ")
	}
	return e
}
