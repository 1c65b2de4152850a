package search

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Place is what is being written at one place of a search line, so that it can be
// completed. The line need not be one that Parse reads.
type Place struct {
	// Field is the field of which a value is written there, as parameters name it, from,
	// to and tz among them. It is empty where a word or the name of a field is.
	Field string
	// Name is Field as the line has it: user for actor, say.
	Name string
	// Text is what is written of the value, the word or the name up to the place, without
	// quotes.
	Text string
	// Begin and End are the stretch that a completion replaces, in characters from 0. For a
	// name the minus before it is left out and the colon behind it is in.
	Begin, End int
	// Term and TermEnd are the stretch of the whole term.
	Term, TermEnd int
	// Not is set where a minus or an exclamation mark excludes the term.
	Not bool
	// List is set among the values of a list.
	List bool
	// Closed is set where there is nothing to complete: in a phrase, and behind one.
	Closed bool
}

// At returns what is being written at a place, in characters from 0. What lies beyond the
// end of the line is its end.
func At(line string, at int, fields Fields) Place {
	line = strings.ToValidUTF8(line, "\uFFFD")
	caret := byteOf(line, at)
	f := finder{parser: parser{scanner: scanner{text: line}, fields: fields}, caret: caret}
	found := spot{begin: caret, end: caret, term: caret, termEnd: caret}
	for f.skipSpace() && f.at <= caret {
		if s := f.term(); caret <= s.termEnd {
			found = s
			break
		}
	}
	p := found.Place
	for _, at := range []struct {
		bytes      int
		characters *int
	}{{found.begin, &p.Begin}, {found.end, &p.End}, {found.term, &p.Term}, {found.termEnd, &p.TermEnd}} {
		*at.characters = utf8.RuneCountInString(line[:at.bytes])
	}
	return p
}

// byteOf is where a character begins; the end of the text where it has fewer.
func byteOf(text string, character int) int {
	for i := range text {
		if character--; character < 0 {
			return i
		}
	}
	return len(text)
}

// Write writes a value so that it may stand at the place.
func (p Place) Write(value string) string {
	nowhere := ""
	if p.List {
		nowhere = ",)"
	}
	if plain(value, nowhere, notFirst) && (!p.List || !isOperator(value)) {
		return value
	}
	if isTime := p.Field == nameFrom || p.Field == nameTo; isTime && isPeriod(value) {
		return value
	}
	return quoted(value)
}

// Without is the line without the term at the place.
func (p Place) Without(line string) string {
	line = strings.ToValidUTF8(line, "\uFFFD")
	return line[:byteOf(line, p.Term)] + line[byteOf(line, p.TermEnd):]
}

// TimeNames returns the names of the periods that from and to take.
func TimeNames() []string { return slices.Clone(timeNames()) }

// ZoneNames returns the names of the time zones that tz takes.
func ZoneNames() []string { return strings.Fields(zoneNames) }

// spot is a place whose stretches are in bytes.
type spot struct {
	Place

	begin, end, term, termEnd int
}

// finder reads the terms of a line that may have faults up to a place.
type finder struct {
	parser

	caret int
}

// term reads a term, whole, and returns the spot in it.
func (f *finder) term() spot {
	s := spot{term: f.at}
	s.Not = f.minus() || f.begins("-")
	if s.Not && f.at == s.term {
		f.at++ // a minus of its own, behind which the name is to come
	}
	if f.quote() != "" {
		f.phrase()
		s.Closed, s.begin, s.end, s.termEnd = true, s.term, f.at, f.at
		return s
	}
	begin := f.at
	name, err := f.name()
	if err != nil || name.field == "" {
		f.at = begin
		f.word()
		return f.upTo(s, begin, f.at)
	}
	if colon := f.at; f.caret < colon {
		value := s
		f.value(&value, name)
		return f.upTo(s, begin, colon)
	}
	s.Field, s.Name = name.field, f.text[begin:f.at-1]
	s.Not = s.Not != name.not
	f.value(&s, name)
	s.termEnd = f.at
	return s
}

// upTo is the spot of a word or a name that ends where it says, in a term that ends here.
func (f *finder) upTo(s spot, begin, end int) spot {
	s.begin, s.end, s.termEnd = begin, end, f.at
	s.Text = f.text[begin:min(max(f.caret, begin), end)]
	return s
}

// value reads the value of a field, or its list.
func (f *finder) value(s *spot, name fieldName) {
	switch name.field {
	case nameFrom, nameTo:
		f.one(s, unicode.IsSpace)
		begin, after := s.begin, f.at
		if word := strings.ToLower(f.text[begin:after]); (word == "last" || word == "this") && f.skipSpace() {
			f.word()
		}
		if f.at > after {
			s.end, s.Text = f.at, f.text[begin:min(max(f.caret, begin), f.at)]
		}
	default:
		if f.begins("(") {
			f.list(s)
			return
		}
		f.one(s, unicode.IsSpace)
	}
}

// list reads values in parentheses up to the one at the place, and the rest.
func (f *finder) list(s *spot) {
	s.List = true
	f.at++
	s.begin, s.end = f.caret, f.caret
	found := false
	for f.skip(func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		if f.begins(")") {
			f.at++
			if f.caret >= f.at {
				s.Closed, s.begin, s.end = true, f.at, f.at
			}
			return
		}
		begin := f.at
		one := *s
		f.one(&one, func(r rune) bool { return r == ',' || r == ')' || unicode.IsSpace(r) })
		if f.at == begin {
			f.at++
		}
		if !found && begin <= f.caret && f.caret <= f.at {
			*s, found = one, true
		}
	}
}

// one reads a value up to a character that ends it.
func (f *finder) one(s *spot, ends func(rune) bool) {
	if f.begins("!") {
		f.at++
		s.Not = !s.Not
	}
	s.begin = f.at
	if f.quote() == "" {
		f.take(ends)
		s.end = f.at
		s.Text = f.text[s.begin:min(max(f.caret, s.begin), f.at)]
		return
	}
	_, size := utf8.DecodeRuneInString(f.rest())
	_, closed := f.phrase()
	s.end = f.at
	s.Closed = closed && f.caret >= f.at
	inside := scanner{text: f.text[:min(max(f.caret, s.begin+size), f.at)], at: s.begin}
	s.Text, _ = inside.phrase()
}
