package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner reads a text from its beginning to its end.
type scanner struct {
	text string
	at   int // in bytes
	// counted and columns remember how many characters lie before a place, so that
	// finding all columns of a text takes one pass.
	counted, columns int
}

// column returns the column of the place that is read, or of a later one: it must
// not be asked for an earlier one again.
func (s *scanner) column() int {
	s.columns += utf8.RuneCountInString(s.text[s.counted:s.at])
	s.counted = s.at
	return s.columns + 1
}

// rest is what is not read yet.
func (s *scanner) rest() string { return s.text[s.at:] }

// begins reports whether what is not read yet begins with a text.
func (s *scanner) begins(text string) bool { return strings.HasPrefix(s.rest(), text) }

// blank reports whether nothing or white space comes next.
func (s *scanner) blank() bool {
	r, size := utf8.DecodeRuneInString(s.rest())
	return size == 0 || unicode.IsSpace(r)
}

// skipSpace passes over white space, and reports whether any text is left.
func (s *scanner) skipSpace() bool { return s.skip(unicode.IsSpace) }

// skip passes over the characters that are so, and reports whether any text is left.
func (s *scanner) skip(so func(rune) bool) bool {
	s.at = len(s.text) - len(strings.TrimLeftFunc(s.rest(), so))
	return s.at < len(s.text)
}

// take returns the characters up to one that is so, or to the end.
func (s *scanner) take(so func(rune) bool) string {
	taken := s.rest()
	if end := strings.IndexFunc(taken, so); end >= 0 {
		taken = taken[:end]
	}
	s.at += len(taken)
	return taken
}

// word returns the characters up to white space.
func (s *scanner) word() string { return s.take(unicode.IsSpace) }

// minus passes over a minus that excludes what follows it.
func (s *scanner) minus() bool {
	if !s.begins("-") {
		return false
	}
	s.at++
	if s.blank() {
		s.at-- // a minus of its own is a word
		return false
	}
	return true
}

// quotes are the characters that begin a phrase, each with those that end it. Straight
// ones are what is typed; the others are what word processors and phones make of them.
var quotes = map[rune]string{'"': `"`, '“': "”", '”': "”", '„': "“”", '«': "»", '»': "«"}

// openingQuotes are the characters that begin a phrase.
const openingQuotes = `"“”„«»`

// quote returns the characters that end the phrase that comes next; empty where none
// comes.
func (s *scanner) quote() string {
	r, _ := utf8.DecodeRuneInString(s.rest())
	return quotes[r]
}

// phrase returns what is in the quotes that begin here. Without an end of its own a
// phrase goes to the end of the text, and closed is false.
func (s *scanner) phrase() (content string, closed bool) {
	if s.begins(`"`) {
		return s.straightPhrase()
	}
	ends := s.quote()
	_, size := utf8.DecodeRuneInString(s.rest())
	s.at += size
	content = s.take(func(r rune) bool { return strings.ContainsRune(ends, r) })
	_, size = utf8.DecodeRuneInString(s.rest())
	s.at += size
	return strings.TrimSpace(content), size > 0 // in « French » spaces belong to the quotes
}

// straightPhrase is a phrase in straight quotes, in which \" is a quote and \\ a backslash.
func (s *scanner) straightPhrase() (content string, closed bool) {
	rest := s.text[s.at+1:]
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			s.at += i + 2
			return b.String(), true
		case c == '\\' && i+1 < len(rest) && (rest[i+1] == '"' || rest[i+1] == '\\'):
			i++
			b.WriteByte(rest[i])
		default:
			b.WriteByte(c)
		}
	}
	s.at = len(s.text)
	if strings.HasSuffix(rest, `\"`) {
		// "C:\temp\" names a folder: without another quote, this one is the end.
		return strings.TrimSuffix(b.String(), `"`) + `\`, true
	}
	return b.String(), false
}

var phraseEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quoted writes a text as a phrase.
func quoted(text string) string { return `"` + phraseEscaper.Replace(text) + `"` }

// notFirst are the characters that a value of a line begins with in quotes only.
const notFirst = `!\(=<>`

// plain reports whether a text is a word that may stand without quotes: it has
// neither white space nor any of the given characters, and begins with no quote nor any
// of the others given.
func plain(text, nowhere, notFirst string) bool {
	first, _ := utf8.DecodeRuneInString(text)
	return text != "" && !strings.ContainsFunc(text, unicode.IsSpace) && !strings.ContainsAny(text, nowhere) &&
		!strings.ContainsRune(openingQuotes+notFirst, first)
}
