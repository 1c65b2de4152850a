package query

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/search"
)

// fragment is a stretch of a text; Found when it is what was searched for.
type fragment struct {
	Text  string
	Found bool
}

// mark splits a text where it holds what was searched for, as search.Spans finds it. A
// mark takes in the accents and joiners that follow it, so that no character is torn
// in two.
func mark(text string, searched []search.Text) []fragment {
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
	var fragments []fragment
	for begin, i := 0, 1; i <= len(text); i++ {
		if i == len(text) || found[i] != found[begin] {
			fragments = append(fragments, fragment{text[begin:i], found[begin]})
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

// ago says how long ago a time was.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	form := "%s ago"
	if d < 0 {
		d, form = -d, "in %s"
	}
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf(form, fmt.Sprintf("%d min", d/time.Minute))
	case d < day:
		return fmt.Sprintf(form, fmt.Sprintf("%d h", d/time.Hour))
	case d < 60*day:
		return fmt.Sprintf(form, count(int(d/day), "day"))
	case d < 730*day:
		return fmt.Sprintf(form, count(int(d/(30*day)), "month"))
	default:
		return fmt.Sprintf(form, count(int(d/(365*day)), "year"))
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

const (
	dayWords    = "2 Jan 2006"
	minuteWords = "2 Jan 2006, 15:04"
	secondWords = "2 Jan 2006, 15:04:05"
)

// moment says when a time is, no more exactly than it needs: a day for midnight.
func moment(t time.Time) string {
	switch {
	case isDay(t):
		return t.Format(dayWords)
	case t.Second() == 0 && t.Nanosecond() == 0:
		return t.Format(minuteWords) + " UTC"
	default:
		return t.Format("2 Jan 2006, 15:04:05.999 UTC")
	}
}

func isDay(t time.Time) bool { return t.Equal(t.Truncate(24 * time.Hour)) }

// span says which times lie between two bounds, half-open; a zero bound is open.
func span(from, to time.Time) string {
	switch {
	case from.IsZero() && to.IsZero():
		return ""
	case to.IsZero():
		return "since " + moment(from)
	case from.IsZero():
		return "before " + moment(to)
	case !isDay(from) || !isDay(to):
		return moment(from) + " – " + moment(to)
	}
	last := to.AddDate(0, 0, -1)
	switch {
	case last.Equal(from):
		return moment(from)
	case last.Year() == from.Year() && last.Month() == from.Month():
		return from.Format("2") + " – " + moment(last)
	case last.Year() == from.Year():
		return from.Format("2 Jan") + " – " + moment(last)
	default:
		return moment(from) + " – " + moment(last)
	}
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

// names says which values were chosen: one by its name, several by the first and
// how many more.
func names(values []string) string {
	switch len(values) {
	case 0:
		return ""
	case 1, 2:
		return strings.Join(values, ", ")
	default:
		return fmt.Sprintf("%s and %d more", values[0], len(values)-1)
	}
}
