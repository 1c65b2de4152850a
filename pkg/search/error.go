package search

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// Error is what is wrong with a text that a person wrote.
type Error struct {
	// Column is where, in characters from 1. It is 0 for what is not in a line.
	Column int
	// Problem says what is wrong, and Suggestion what to write instead; a Suggestion
	// may be empty. Neither begins as a sentence nor ends in a full stop.
	Problem, Suggestion string
	// Fault names the kind of what is wrong, for who says it in another language: About
	// is the word that is at fault, and Guess what was probably meant. Each may be empty.
	Fault, About, Guess string
}

// Faults returns every Fault that an Error has.
func Faults() []string {
	return []string{
		faultUnknownField, faultComparison, faultApart, faultOpenQuote, faultOr, faultAnd, faultNot, faultBrackets, faultNoPath, faultNoField,
		faultOpenList, faultEmptyList, faultAfterList, faultListOperator, faultAfterQuote, faultZoneExcluded, faultTimeExcluded,
		faultTwice, faultTime, faultZone, faultNoText, faultUTF8, faultZoneFile, FaultNoValue, FaultValue, FaultAddress, FaultStar, FaultLong, FaultPath,
	}
}

// The faults of a line.
const (
	faultUnknownField = "unknown_field"
	faultComparison   = "comparison"
	faultApart        = "apart"
	faultOpenQuote    = "open_quote"
	faultOr           = "or"
	faultAnd          = "and"
	faultNot          = "not"
	faultBrackets     = "brackets"
	faultNoPath       = "no_path"
	faultNoField      = "no_field"
	faultOpenList     = "open_list"
	faultEmptyList    = "empty_list"
	faultAfterList    = "after_list"
	faultListOperator = "list_operator"
	faultAfterQuote   = "after_quote"
	faultZoneExcluded = "zone_excluded"
	faultTimeExcluded = "time_excluded"
	faultTwice        = "twice"
	faultTime         = "time"
	faultZone         = "zone"
	faultNoText       = "no_text"
	faultUTF8         = "utf8"
	faultZoneFile     = "zone_file"
)

// The faults of a value, which those find who know the fields: one that is missing, is none
// of a few, is no address, has a star where none may stand, or is longer than any that there
// is, which a Suggestion has the length of; and of a field's path that is none.
const (
	FaultNoValue = "no_value"
	FaultValue   = "value"
	FaultAddress = "address"
	FaultStar    = "star"
	FaultLong    = "long"
	FaultPath    = "path"
)

// Error is one message for people: the column, the problem and the suggestion.
func (e *Error) Error() string {
	text := e.Problem
	if e.Suggestion != "" {
		text += ", " + e.Suggestion
	}
	if e.Column > 0 {
		return fmt.Sprintf("column %d: %s", e.Column, text)
	}
	return text
}

// Short cuts what a message repeats of a text to 64 bytes, between two characters, and
// makes valid UTF-8 of it.
func Short(text string) string {
	const most = 64
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= most {
		return text
	}
	end := most
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// checkUTF8 refuses what is no text.
func checkUTF8(text string) *Error {
	if utf8.ValidString(text) {
		return nil
	}
	column := 1
	for at := 0; ; column++ {
		r, size := utf8.DecodeRuneInString(text[at:])
		if r == utf8.RuneError && size == 1 {
			return &Error{Column: column, Problem: "this is not valid UTF-8", Suggestion: "send text as percent-encoded UTF-8", Fault: faultUTF8}
		}
		at += size
	}
}

// Nearest returns the one of the names that was probably meant, empty when none is
// near. The case of the name does not matter.
func Nearest(name string, names []string) string {
	name = strings.ToLower(name)
	if len(name) > 64 {
		return ""
	}
	if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) }); i >= 0 {
		return names[i]
	}
	// A third of the letters, so that short names do not match just anything.
	best, distance := "", max(len(name)/3, 1)
	for _, n := range names {
		d := levenshtein.ComputeDistance(name, strings.ToLower(n))
		if short := max(len(name), len(n)) <= 2*d; short || d > distance || best != "" && d == distance && alike(name, n) <= alike(name, best) {
			continue
		}
		best, distance = n, d
	}
	return best
}

// alike is how many letters two names have in common at both ends.
func alike(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	a, b = a[n:], b[n:]
	for i := range min(len(a), len(b)) {
		if a[len(a)-1-i] != b[len(b)-1-i] {
			return n + i
		}
	}
	return n + min(len(a), len(b))
}
