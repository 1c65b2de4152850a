package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads a search line. Repeating a field means any of its values, as repeating a
// parameter does, and so does a list: actor:(alice bob). A - before the field or a !
// before the value excludes it; both are as good as none. after and since are from;
// before, until and others are to. before leaves out the period that it names, so that
// before:today is to:"start of today", where until:today takes it in.
//
// Its errors are of type *Error. See the package comment for the grammar.
func Parse(line string, fields Fields) (Line, error) {
	if err := checkUTF8(line); err != nil {
		return Line{}, err
	}
	p := parser{scanner: scanner{text: line}, fields: fields}
	for p.skipSpace() {
		if err := p.term(); err != nil {
			return Line{}, err
		}
	}
	fields.sort(p.line.Terms)
	return p.line, nil
}

// parser reads a line by recursive descent: a method for each rule of the grammar.
type parser struct {
	scanner

	fields Fields
	line   Line
}

func (p *parser) term() *Error {
	text := Text{Column: p.column(), Not: p.minus()}
	if p.quote() != "" {
		var err *Error
		if text.Needle, err = p.closedPhrase(); err != nil {
			return err
		}
	} else {
		column := p.column()
		name, err := p.name()
		switch {
		case err != nil:
			return err
		case name.field != "":
			return p.field(name, text.Not)
		}
		text.Needle = p.word()
		if err := noOperator(text.Needle); err != nil {
			err.Column = column
			return err
		}
		// A backslash takes away a colon's meaning.
		if left, _, found := strings.Cut(text.Needle, ":"); found && strings.HasSuffix(left, `\`) {
			text.Needle = strings.ReplaceAll(text.Needle, `\:`, ":")
		}
	}
	if text.Needle != "" {
		p.line.Texts = append(p.line.Texts, text)
	}
	return nil
}

// closedPhrase is a phrase that has an end: one without would swallow the fields that
// come after it.
func (p *parser) closedPhrase() (string, *Error) {
	column := p.column()
	opening, _ := utf8.DecodeRuneInString(p.rest())
	content, closed := p.phrase()
	if !closed {
		end, _ := utf8.DecodeRuneInString(quotes[opening])
		return "", &Error{Column: column, Problem: "this quote is never closed", Suggestion: "close it with " + string(end) + ", or write " + quoted(string(opening)) + " to look for a quote", Fault: faultOpenQuote, About: string(end)}
	}
	return content, nil
}

func isOperator(word string) bool { return word == "OR" || word == "AND" || word == "NOT" }

// noOperator refuses the words and brackets by which other languages combine terms: as
// text they would be searched for, and find nothing.
func noOperator(word string) *Error {
	const anyOf = "write actor:(alice bob) for any of several values of a field, or "
	switch {
	case word == "OR":
		return &Error{Problem: "OR does not combine terms", Suggestion: anyOf + `"OR" to look for the word`, Fault: faultOr}
	case word == "AND":
		return &Error{Problem: "AND is not needed, since all terms must match", Suggestion: `leave it out, or write "AND" to look for the word`, Fault: faultAnd}
	case word == "NOT":
		return &Error{Problem: "NOT does not exclude", Suggestion: `write - before what is not to be found, as in -xero, or "NOT" to look for the word`, Fault: faultNot}
	case strings.HasPrefix(word, "("), word == ")":
		return &Error{Problem: "brackets do not group terms", Suggestion: anyOf + "put the text in quotes to look for a bracket", Fault: faultBrackets}
	}
	return nil
}

// fieldName is a field as it was named.
type fieldName struct {
	field string // as parameters name it
	word  string // as the line does, in lower case
	not   bool
	// column is where the word begins.
	column int
}

// name reads the name of a field with its colon, if one comes next. Without a field
// nothing is read.
func (p *parser) name() (fieldName, *Error) {
	start := p.at
	n := fieldName{not: p.begins("!")}
	if n.not {
		p.at++
	}
	begin := p.at
	unread := func() (fieldName, *Error) {
		p.at = start
		return fieldName{}, nil
	}
	if family := p.fields.family(p.rest()); family != "" {
		p.at += len(family)
		path, found := p.path()
		written := strings.TrimRightFunc(p.text[begin:p.at], unicode.IsSpace)
		n.field, n.word = family+path, family+path
		switch sign := strings.IndexAny(written, "<>"); {
		case !found && sign >= 0:
			p.at = begin
			return n, n.comparison(written[:sign], p.column())
		case !found:
			p.at = begin + len(written)
			if err := p.apart(n, written, begin); err != nil && path != "" {
				return n, err
			}
			return unread()
		case strings.HasSuffix(written, "!=") || strings.HasSuffix(written, "<=") || strings.HasSuffix(written, ">="):
			p.at = begin
			return n, n.comparison(written[:len(written)-2], p.column())
		case path == "":
			p.at = begin
			return n, &Error{Column: p.column(), Problem: family + " has no path", Suggestion: "write " + family + "amount:5, with the path that you look for", Fault: faultNoPath, About: family}
		}
	} else {
		n.word = canonical(p.identifier())
		n.field = p.fields.resolve(n.word)
		word, isField := p.text[begin:p.at], n.field != "" && n.field != nameText
		switch {
		case isField && (p.begins("<") || p.begins(">") || p.begins("!=")):
			p.at = begin
			return n, n.comparison(word, p.column())
		case n.word == "" || !p.begins(":") && !p.begins("="):
			if err := p.apart(n, word, begin); err != nil && isField {
				return n, err
			}
			return unread()
		}
		equals := p.begins("=")
		p.at++
		if !isField {
			if after := p.rest(); n.not || after != "" && strings.ContainsAny(after[:1], `/\:`) {
				return unread()
			}
			p.at = begin
			if n.field == nameText {
				return n, &Error{Column: p.column(), Problem: word + " is no field of a search line", Suggestion: `write what you look for as it is: words and "phrases" without a field are text`, Fault: faultNoField, About: word}
			}
			err := p.fields.unknown(word, p.column())
			if equals {
				if err.Guess == "" { // people write much that is no filter: utm_source=x
					return unread()
				}
				err.Suggestion += " Or put it in quotes to look for it as text"
			}
			return n, err
		}
	}
	end := p.at
	p.at = begin
	n.column = p.column()
	p.at = end
	return n, nil
}

// comparison refuses the signs by which other languages compare values: as text, or as a
// part of the value, they would be searched for, and find nothing.
func (n fieldName) comparison(word string, column int) *Error {
	word = Short(word)
	if n.field == nameZone {
		return &Error{Column: column, Problem: word + " cannot be excluded", Suggestion: "name the time zone that you mean", Fault: faultZoneExcluded, About: word}
	}
	e := &Error{
		Column: column, Problem: "values are compared with : or = only",
		Suggestion: "write " + word + ":value for what has a value, -" + word + ":value for what has not, or put it in quotes to look for it as text",
		Fault:      faultComparison, About: word, Guess: word,
	}
	if n.field == nameFrom || n.field == nameTo {
		e.Guess = ""
		e.Suggestion = "write after: for what is later and before: for what is earlier, or put it in quotes to look for it as text"
	}
	return e
}

// apart refuses a sign that stands apart from the field before it, whose name begins at a
// place: as text, each part of it would be searched for.
func (p *parser) apart(n fieldName, word string, begin int) *Error {
	sign := strings.TrimLeftFunc(p.rest(), unicode.IsSpace)
	if len(sign) == len(p.rest()) {
		return nil
	}
	end := p.at
	p.at = begin
	column := p.column()
	p.at = end
	switch {
	case strings.HasPrefix(sign, "<"), strings.HasPrefix(sign, ">"), strings.HasPrefix(sign, "!="):
		return n.comparison(word, column)
	case strings.HasPrefix(sign, ":"), strings.HasPrefix(sign, "="):
		word = Short(word)
		return &Error{
			Column: column, Problem: "there is a space between " + word + " and its value",
			Suggestion: "write " + word + ":value, or put " + word + " in quotes to look for it as text", Fault: faultApart, About: word,
		}
	}
	return nil
}

// identifier reads what looks like a name of a field.
func (p *parser) identifier() string {
	letter := func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' }
	if r, _ := utf8.DecodeRuneInString(p.rest()); !letter(r) {
		return ""
	}
	return p.take(func(r rune) bool { return !letter(r) && (r < '0' || r > '9') && r != '.' && r != '-' })
}

// path reads the path of a field with the colon that ends it; found is false when
// none does.
func (p *parser) path() (path string, found bool) {
	var b strings.Builder
	for escaped := false; p.at < len(p.text); {
		r, size := utf8.DecodeRuneInString(p.rest())
		switch {
		case escaped:
			if !special(r) && r != '\\' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case special(r):
			p.at += size
			return b.String(), !unicode.IsSpace(r)
		default:
			b.WriteRune(r)
		}
		p.at += size
	}
	return "", false
}

func (p *parser) field(name fieldName, not bool) *Error {
	switch name.field {
	case nameFrom, nameTo, nameZone:
		return p.own(name, not || name.not)
	}
	not = not != name.not
	if p.begins("(") {
		return p.list(name, not)
	}
	return p.value(name, not, unicode.IsSpace)
}

// list reads values in parentheses.
func (p *parser) list(name fieldName, not bool) *Error {
	column := p.column()
	p.at++
	for n := 0; ; n++ {
		switch {
		case !p.skip(func(r rune) bool { return r == ',' || unicode.IsSpace(r) }):
			return &Error{Column: column, Problem: "this list is never closed", Suggestion: `close it with ), or put a value that begins with ( in quotes`, Fault: faultOpenList}
		case p.begins(")") && n == 0:
			return &Error{Column: column, Problem: "this list is empty", Suggestion: "write " + escapeName(name.word) + `:(one "and another")`, Fault: faultEmptyList, About: name.word}
		case p.begins(")"):
			p.at++
			if !p.blank() {
				return &Error{Column: p.column(), Problem: "this follows a list without a space", Suggestion: "put a space before it", Fault: faultAfterList}
			}
			return nil
		}
		if err := p.listValue(name, not); err != nil {
			return err
		}
	}
}

// listValue reads a value in a list.
func (p *parser) listValue(name fieldName, not bool) *Error {
	ends := func(r rune) bool { return r == ',' || r == ')' || unicode.IsSpace(r) }
	start := p.at
	word := p.take(ends)
	p.at = start
	if isOperator(word) {
		return &Error{
			Column:     p.column(),
			Problem:    word + " does not combine the values of a list, which means any of them",
			Suggestion: `leave it out, or write "` + word + `" for the value and !value for one that is not to be found`,
			Fault:      faultListOperator,
			About:      word,
		}
	}
	return p.value(name, not, ends)
}

// value reads a value up to a character that ends it.
func (p *parser) value(name fieldName, not bool, ends func(rune) bool) *Error {
	column := p.column()
	if p.begins("!") {
		p.at++
		not = !not
	}
	var value string
	quoted := p.quote() != ""
	if quoted {
		var err *Error
		if value, err = p.quotedValue(ends); err != nil {
			return err
		}
	} else if p.begins("=") || p.begins("<") || p.begins(">") { // actor==x, details.amount:>5
		return name.comparison(escapeName(name.word), column)
	} else if value = p.take(ends); strings.HasPrefix(value, `\!`) || strings.HasPrefix(value, `\\`) {
		value = value[1:]
	}
	if family := p.fields.family(name.field) != ""; value == "" && (!quoted || !family) {
		err := noValue(name.word, column)
		if family {
			err.Suggestion = "write " + escapeName(Short(name.word)) + `:"" for an empty text, or a value without a space after the colon`
			err.Fault = faultNoText
		}
		return err
	}
	p.line.Terms = append(p.line.Terms, Term{name.field, value, not, column})
	return nil
}

// quotedValue reads a value in quotes, which nothing may follow but what ends it.
func (p *parser) quotedValue(ends func(rune) bool) (string, *Error) {
	value, err := p.closedPhrase()
	if err != nil {
		return "", err
	}
	if r, size := utf8.DecodeRuneInString(p.rest()); size > 0 && !ends(r) {
		return "", &Error{Column: p.column(), Problem: "this follows a closing quote without a space", Suggestion: `put a space before it, or write \" for a quote within quotes`, Fault: faultAfterQuote}
	}
	return value, nil
}

// own reads the value of from, to or tz.
func (p *parser) own(name fieldName, not bool) *Error {
	to := map[string]*string{nameFrom: &p.line.From, nameTo: &p.line.To, nameZone: &p.line.Zone}[name.field]
	switch {
	case not && name.field == nameZone:
		return &Error{Column: name.column, Problem: name.word + " cannot be excluded", Suggestion: "name the time zone that you mean", Fault: faultZoneExcluded, About: name.word}
	case not:
		return &Error{Column: name.column, Problem: name.word + " cannot be excluded", Suggestion: "write after: for what is later and before: for what is earlier", Fault: faultTimeExcluded, About: name.word}
	case *to != "":
		return &Error{Column: name.column, Problem: name.word + " sets again what is set already", Suggestion: "give one time from and one time to, and one tz", Fault: faultTwice, About: name.word}
	}
	column := p.column()
	if p.quote() != "" {
		var err *Error
		if *to, err = p.quotedValue(unicode.IsSpace); err != nil {
			return err
		}
	} else {
		*to = p.word()
		if word := strings.ToLower(*to); name.field != nameZone && (word == "last" || word == "this") && p.skipSpace() {
			*to += " " + p.word()
		}
	}
	if *to == "" {
		return noValue(name.word, column)
	}
	if err := checkOwn(name.field, *to); err != nil {
		err.Column = column
		return err
	}
	if name.word == before && isPeriod(*to) {
		*to = startOf + *to
	}
	if name.field != nameZone {
		p.line.TimeColumn = column
	}
	return nil
}
