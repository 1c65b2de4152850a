package web

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/search"
)

// Fragment is a stretch of a text; Found when it is what was searched for.
type Fragment struct {
	Text  string
	Found bool
}

// mark splits a text where it holds what was searched for, as search.Spans finds it. A
// mark takes in the accents and joiners that follow it, so that no character is torn
// in two.
func mark(text string, searched []search.Text) []Fragment {
	found := make([]bool, len(text))
	for _, s := range searched {
		if s.Not {
			continue
		}
		for _, span := range search.Spans(text, s.Needle) {
			for span[0] > 0 && extends(text, span[0]) {
				_, size := utf8.DecodeLastRuneInString(text[:span[0]])
				span[0] -= size
			}
			for span[1] < len(text) && extends(text, span[1]) {
				_, size := utf8.DecodeRuneInString(text[span[1]:])
				span[1] += size
			}
			for i := span[0]; i < span[1]; i++ {
				found[i] = true
			}
		}
	}
	var fragments []Fragment
	for begin, i := 0, 1; i <= len(text); i++ {
		if i == len(text) || found[i] != found[begin] {
			fragments = append(fragments, Fragment{text[begin:i], found[begin]})
			begin = i
		}
	}
	return fragments
}

const zeroWidthJoiner = '\u200d'

// extends reports whether the character at a place belongs to the one before it:
// an accent, a variation, a skin tone, or what a joiner joins.
func extends(text string, at int) bool {
	r, _ := utf8.DecodeRuneInString(text[at:])
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	return unicode.Is(unicode.M, r) || r == zeroWidthJoiner || before == zeroWidthJoiner || r >= 0x1f3fb && r <= 0x1f3ff
}

// fieldTime is a time as a datetime-local field takes it.
func fieldTime(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.Second() == 0 && t.Nanosecond() == 0:
		return t.Format("2006-01-02T15:04")
	default:
		return t.Format("2006-01-02T15:04:05.999")
	}
}

// initials are the first letters of a name's first and last words.
func initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.M, r) })
	if len(words) == 0 {
		return "?"
	}
	first, _ := utf8.DecodeRuneInString(words[0])
	letters := []rune{unicode.ToUpper(first)}
	if last, _ := utf8.DecodeRuneInString(words[len(words)-1]); len(words) > 1 && first < 0x2e80 && last < 0x2e80 {
		// Beyond are the wide scripts, of which one character fills the place.
		letters = append(letters, unicode.ToUpper(last))
	}
	return string(letters)
}

// capital writes the first letter of a word large.
func capital(word string) string {
	first, size := utf8.DecodeRuneInString(word)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + word[size:]
}
