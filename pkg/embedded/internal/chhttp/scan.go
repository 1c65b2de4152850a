package chhttp

import (
	"strings"
)

// kind is what a token of a statement is.
type kind int

const (
	end   kind = iota
	word       // a bare identifier, keyword or number
	quote      // a string, a quoted identifier or a heredoc
	punct      // one byte of anything else
	torn       // a string or comment that the text ends inside of
)

// token is one token of a statement, text[from:to].
type token struct {
	kind     kind
	from, to int
}

// scanner cuts a statement into tokens, as far as this package needs to know
// them: to find the FORMAT clause and where the data of an INSERT begins. The
// engine's own parser judges the statement.
type scanner struct {
	text string
	pos  int
}

func isWord(c byte) bool {
	return c == '_' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// skipSpace moves over white space and comments; false means that a comment
// has no end.
func (s *scanner) skipSpace() bool {
	for s.pos < len(s.text) {
		rest := s.text[s.pos:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			s.pos++
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "#!"), strings.HasPrefix(rest, "# "):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest) - 1
			}
			s.pos += n + 1
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				s.pos = len(s.text)
				return false
			}
			s.pos += n + 4
		default:
			return true
		}
	}
	return true
}

// next returns the next token.
func (s *scanner) next() token {
	if !s.skipSpace() {
		return token{torn, len(s.text), len(s.text)}
	}
	from := s.pos
	if from == len(s.text) {
		return token{end, from, from}
	}
	switch c := s.text[from]; {
	case isWord(c):
		for s.pos < len(s.text) && isWord(s.text[s.pos]) {
			s.pos++
		}
		return token{word, from, s.pos}
	case c == '\'' || c == '"' || c == '`':
		return s.quoted(c)
	case c == '$':
		return s.heredoc()
	default:
		s.pos++
		return token{punct, from, s.pos}
	}
}

// quoted reads a string or identifier in quotes; a doubled quote ends one and
// starts the next, which makes no difference here.
func (s *scanner) quoted(q byte) token {
	from := s.pos
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch s.text[s.pos] {
		case '\\':
			s.pos++
		case q:
			s.pos++
			return token{quote, from, s.pos}
		}
	}
	s.pos = len(s.text)
	return token{torn, from, s.pos}
}

// heredoc reads $tag$…$tag$, or a lone dollar sign.
func (s *scanner) heredoc() token {
	from := s.pos
	n := from + 1
	for n < len(s.text) && isWord(s.text[n]) {
		n++
	}
	if n == len(s.text) || s.text[n] != '$' {
		s.pos++
		return token{punct, from, s.pos}
	}
	tag := s.text[from : n+1]
	stop := strings.Index(s.text[n+1:], tag)
	if stop < 0 {
		s.pos = len(s.text)
		return token{torn, from, s.pos}
	}
	s.pos = n + 1 + stop + len(tag)
	return token{quote, from, s.pos}
}

// is says whether the token is the given keyword, in any case.
func (s *scanner) is(t token, keyword string) bool {
	return t.kind == word && strings.EqualFold(s.text[t.from:t.to], keyword)
}

// punctuation returns the byte of a punctuation token, else 0.
func (s *scanner) punctuation(t token) byte {
	if t.kind == punct {
		return s.text[t.from]
	}
	return 0
}

// firstKeyword returns the first word of a statement in upper case, looking
// through opening parentheses.
func firstKeyword(text string) string {
	s := scanner{text: text}
	for {
		t := s.next()
		if s.punctuation(t) == '(' {
			continue
		}
		if t.kind != word {
			return ""
		}
		return strings.ToUpper(text[t.from:t.to])
	}
}

// formatClause returns the format that a statement asks for, or "".
func formatClause(text string) string {
	at := formatAt(text)
	if at < 0 {
		return ""
	}
	s := scanner{text: text, pos: at}
	s.next()
	t := s.next()
	return text[t.from:t.to]
}

// formatAt returns where a statement's FORMAT clause begins, or -1. A column
// or alias of that name is told apart by what follows.
func formatAt(text string) int {
	s := scanner{text: text}
	depth, at := 0, -1
	for {
		t := s.next()
		switch p := s.punctuation(t); {
		case t.kind == end || t.kind == torn:
			return at
		case p == '(' || p == '[' || p == '{':
			depth++
		case p == ')' || p == ']' || p == '}':
			depth--
		case depth == 0 && s.is(t, "FORMAT"):
			mark := s.pos
			name := s.next()
			after := s.next()
			if name.kind == word && (after.kind == end || s.punctuation(after) == ';' || s.is(after, "SETTINGS") || s.is(after, "INTO")) {
				at = t.from
			}
			s.pos = mark
		}
	}
}

// readsInput says whether a statement calls the table function input(), whose
// data comes with the statement.
func readsInput(text string) bool {
	s := scanner{text: text}
	for {
		t := s.next()
		if t.kind == end || t.kind == torn {
			return false
		}
		if s.is(t, "input") && s.punctuation(s.next()) == '(' {
			return true
		}
	}
}

// insertHead is an INSERT that brings its own data.
type insertHead struct {
	sql    string // the statement up to its FORMAT clause or VALUES
	format string // of the data
	data   int    // where the data begins in the text
}

// splitInsert finds where the statement of an INSERT ends and its data begins.
// It answers ok = false for anything that is no INSERT with data (an INSERT …
// SELECT, another statement), and more = true when the text may be cut off
// before the point that decides.
func splitInsert(text string) (head insertHead, ok, more bool) {
	s := scanner{text: text}
	t := s.next()
	if t.kind == torn || t.kind == end || t.kind == word && t.to == len(text) {
		return insertHead{}, false, true
	}
	if !s.is(t, "INSERT") {
		return insertHead{}, false, false
	}
	depth := 0
	for {
		t = s.next()
		p := s.punctuation(t)
		switch {
		case t.kind == torn:
			return insertHead{}, false, true
		case t.kind == end || p == ';' && depth == 0:
			// Without FORMAT the data is in VALUES form, as in ClickHouse.
			return insertHead{sql: text[:t.from], format: "Values", data: t.to}, true, t.kind == end
		case p == '(' || p == '[' || p == '{':
			depth++
		case p == ')' || p == ']' || p == '}':
			depth--
		case depth > 0:
		case s.is(t, "SELECT") || s.is(t, "WITH") || s.is(t, "FROM") || s.is(t, "WATCH"):
			return insertHead{}, false, false
		case s.is(t, "VALUES"):
			return insertHead{sql: text[:t.from], format: "Values", data: t.to}, true, t.to == len(text)
		case s.is(t, "FORMAT"):
			name := s.next()
			if name.kind != word || name.to == len(text) {
				return insertHead{sql: text[:t.from], format: text[name.from:name.to], data: name.to}, name.kind == word, true
			}
			return insertHead{sql: text[:t.from], format: text[name.from:name.to], data: dataStart(text, name.to)}, true, false
		}
	}
}

// dataStart skips what may stand between the format's name and the data: blanks,
// one semicolon and one line end. What follows belongs to the data, byte by byte.
func dataStart(text string, pos int) int {
	for pos < len(text) && (text[pos] == ' ' || text[pos] == '\t' || text[pos] == '\r') {
		pos++
	}
	if pos < len(text) && text[pos] == ';' {
		pos++
		for pos < len(text) && (text[pos] == ' ' || text[pos] == '\t' || text[pos] == '\r') {
			pos++
		}
	}
	if pos < len(text) && text[pos] == '\n' {
		pos++
	}
	return pos
}
