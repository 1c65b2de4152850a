package search

import (
	"strings"
	"unicode/utf8"
)

// Text is something to look for in what people wrote about an action.
type Text struct {
	// Needle is looked for as a part of the text, by the case rule of Fold. It is
	// never empty.
	Needle string
	// Not says that the text must not hold the needle.
	Not bool
	// Column is where it was written, in characters from 1.
	Column int
}

// ParseText reads the words and phrases of q. All of them must match.
//
// White space divides words. What is in double quotes is a phrase: in it \" is a quote
// and \\ a backslash; any other backslash is plain, as all are in words. The quotes of
// word processors, “…”, ”…”, „…“, „…”, «…» and »…«, are as good; between them a backslash
// is plain, and white space at either end is not looked for. A - directly before a word
// or phrase excludes it; with white space behind it, it is a word. Nothing else has a
// meaning: %, _, *, ', brackets, OR and a quote within a word are plain text.
//
// People search while they type, so a phrase without an end goes to the end of the text
// (`"late f` looks for `late f`), and a quote that nothing follows is plain text. A
// phrase that is closed and empty is passed over. A text ending in \" whose phrase would
// have no end ends it: `"C:\temp\"` looks for `C:\temp\`.
//
// The only error is an *Error for what is not valid UTF-8.
func ParseText(q string) ([]Text, error) {
	if err := checkUTF8(q); err != nil {
		return nil, err
	}
	s := scanner{text: q}
	var texts []Text
	for s.skipSpace() {
		t := Text{Column: s.column(), Not: s.minus()}
		if s.quote() != "" {
			opening, _ := utf8.DecodeRuneInString(s.rest())
			var closed bool
			if t.Needle, closed = s.phrase(); !closed && strings.TrimSpace(t.Needle) == "" {
				t.Needle = string(opening)
			}
		} else {
			t.Needle = s.word()
		}
		if t.Needle != "" {
			texts = append(texts, t)
		}
	}
	return texts, nil
}

// FormatText writes texts so that ParseText reads the same.
func FormatText(texts []Text) string {
	terms := make([]string, len(texts))
	for i, t := range texts {
		terms[i] = t.format(plain(t.Needle, "", "-"))
	}
	return strings.Join(terms, " ")
}

// format writes a text, in quotes unless it is a plain word.
func (t Text) format(plain bool) string {
	term := t.Needle
	if !plain {
		term = quoted(term)
	}
	if t.Not {
		term = "-" + term
	}
	return term
}
