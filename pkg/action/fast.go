package action

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// This file reads events that have no fault, as nearly all, in one pass and without
// a token each: six times as fast as decode.go, which knows what is wrong with all
// others. A scanner accepts only what decode.go accepts, and makes the same event of
// it; where it is not sure it gives up, which is never a verdict. It has less to know
// about JSON than a parser: no message, no position, no way to read on after a fault.
//
// No library replaces it: none but jsontext refuses duplicate names, bytes that are
// not UTF-8 and halves of surrogate pairs, and that is what decode.go uses. make
// bench-json compares nine.

// maxScannedNames bounds the names of one object in details that a scanner compares
// with each other. The time for that grows with their square.
const maxScannedNames = 64

// scanner reads one message. Its memory is used again for others.
type scanner struct {
	value []byte
	whole string // the memory of value, for texts that are parts of it
	at    int    // the next byte of value
	// unescaped is room for texts with escapes. They share it.
	unescaped []byte
	// names are those of the objects of details that are being read.
	names []span
}

// span is a part of a message.
type span struct{ start, end int }

var scanners = sync.Pool{New: func() any { return new(scanner) }}

// scan reads value into e, which is empty, and reports whether it could. If so, the
// event has no fault, and its texts and details are parts of value or of memory of
// their own. If not, e holds anything.
func scan(value []byte, e *Event) bool {
	s := scanners.Get().(*scanner) //nolint:forcetypeassert // the pool holds nothing else
	defer scanners.Put(s)
	*s = scanner{value: value, whole: alias(value), names: s.names[:0]}
	ok := scanObject(s, &eventFields, e) && s.next() == 0 && s.at == len(value)
	// Neither the message nor its texts live as long as the pool.
	*s = scanner{names: s.names}
	return ok
}

// alias returns a string that shares the memory of b.
func alias(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // whoever calls decodeInto promises not to change b
}

// scanObject reads an object and holds it to its fields.
func scanObject[T any](s *scanner, fields *fields[T], into *T) bool {
	if !s.take('{') {
		return false
	}
	var seen uint32
	next := 0
	for more := !s.take('}'); more; {
		if !s.take('"') {
			return false
		}
		i := fields.ahead(s.whole[s.at:], next)
		if i < 0 || seen&(1<<i) != 0 {
			return false
		}
		next, seen = i+1, seen|1<<i
		f := &fields.list[i]
		s.at += len(f.name) + len(`"`)
		ok := s.take(':')
		if !ok {
			return false
		}
		if f.scan != nil {
			ok = f.scan(s, into)
		} else {
			at := f.at(into)
			*at, ok = s.text()
			ok = ok && f.text.allows(*at)
		}
		if !ok {
			return false
		}
		if more = s.take(','); !more && !s.take('}') {
			return false
		}
	}
	for i := range fields.list {
		f := &fields.list[i]
		switch {
		case seen&(1<<i) != 0:
		case f.required:
			return false
		case f.text.absent != "":
			*f.at(into) = f.text.absent
		}
	}
	return true
}

// ahead returns the index of the field whose name, and a quote, rest begins with, or
// -1. Like find it looks from the index next on.
func (f *fields[T]) ahead(rest string, next int) int {
	for range f.list {
		if next >= len(f.list) {
			next = 0
		}
		name := f.list[next].name
		if n := len(name); n < len(rest) && rest[n] == '"' && rest[:n] == name {
			return next
		}
		next++
	}
	return -1
}

// allows reports whether [decoder.check] finds nothing wrong with s.
func (t *text) allows(s string) bool {
	if t.oneOf != nil {
		return slices.Contains(t.oneOf, s)
	}
	return len(s) >= t.min &&
		(len(s) <= t.max || !t.bytes && utf8.RuneCountInString(s) <= t.max) &&
		(t.form == nil || t.form(s) == "")
}

func scanTime(s *scanner, e *Event) bool {
	text, ok := s.text()
	if !ok {
		return false
	}
	t, wrong := parseTime(text)
	e.Time = t
	return wrong == "" && inRange(t)
}

func scanIP(s *scanner, e *Event) bool {
	text, ok := s.text()
	if !ok {
		return false
	}
	addr, wrong := parseIP(text)
	e.IP = addr
	return wrong == ""
}

func scanRelated(s *scanner, e *Event) bool {
	if !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for len(e.Related) < MaxRelated {
		e.Related = append(e.Related, Record{})
		if !scanObject(s, &recordFields, &e.Related[len(e.Related)-1]) {
			return false
		}
		if !s.take(',') {
			return s.take(']')
		}
	}
	return false
}

func scanDetails(s *scanner, e *Event) bool {
	if s.next() != '{' {
		return false
	}
	start := s.at
	if !s.skipObject(1) || s.at-start > MaxDetailsBytes {
		return false
	}
	e.Details = s.value[start:s.at:s.at]
	return true
}

// next skips white space and returns the byte that follows, without taking it, or 0
// at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.value); s.at++ {
		if c := s.value[s.at]; c > ' ' || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

// take takes the byte c if it comes next, after any white space.
func (s *scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.at++
	return true
}

// skipByte takes the byte c if it comes next.
func (s *scanner) skipByte(c byte) bool {
	if s.at >= len(s.value) || s.value[s.at] != c {
		return false
	}
	s.at++
	return true
}

// name reads a name without escapes and its colon.
func (s *scanner) name() (span, bool) {
	name, escaped, ok := s.raw()
	return name, ok && !escaped && s.take(':')
}

// text reads a string.
func (s *scanner) text() (string, bool) {
	raw, escaped, ok := s.raw()
	switch {
	case !ok:
		return "", false
	case !escaped:
		return s.whole[raw.start:raw.end], true
	}
	return s.unescape(raw)
}

// unescape returns what a string with escapes means.
func (s *scanner) unescape(raw span) (string, bool) {
	// The text is no longer than the string, so room never moves what is in use.
	if n := raw.end - raw.start; cap(s.unescaped)-len(s.unescaped) < n {
		s.unescaped = make([]byte, 0, max(n, 256))
	}
	start := len(s.unescaped)
	all, err := jsontext.AppendUnquote(s.unescaped, s.value[raw.start-1:raw.end+1])
	if err != nil {
		return "", false
	}
	s.unescaped = all
	return alias(all[start:]), true
}

// Words of eight equal bytes.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// zeros marks the bytes of w that are 0: it sets their highest bits, and bits above
// the lowest of them at will.
func zeros(w uint64) uint64 { return (w - ones) &^ w & highs }

// raw reads a string without its quotes and tells whether it has escapes. Those are
// not checked; all else is.
func (s *scanner) raw() (raw span, escaped, ok bool) {
	if !s.take('"') {
		return span{}, false, false
	}
	value, start, i := s.value, s.at, s.at
	var beyond uint64 // a high bit where a character is not ASCII
	for {
		// Eight bytes at a time up to the next quote, escape or control character.
		for ; i+8 <= len(value); i += 8 {
			w := binary.LittleEndian.Uint64(value[i:])
			beyond |= w
			if stop := zeros(w^'"'*ones) | zeros(w^'\\'*ones) | (w-' '*ones)&^w&highs; stop != 0 {
				i += bits.TrailingZeros64(stop) / 8
				break
			}
		}
		if i >= len(value) {
			return span{}, false, false
		}
		switch c := value[i]; {
		case c == '"':
			s.at = i + 1
			ok = beyond&highs == 0 || utf8.Valid(value[start:i])
			return span{start, i}, escaped, ok
		case c == '\\':
			escaped = true
			i += 2
		case c < ' ':
			return span{}, false, false
		default:
			beyond |= uint64(c)
			i++
		}
	}
}

// skip reads a value of any kind within details, which has that many levels around.
func (s *scanner) skip(depth int) bool {
	switch s.next() {
	case '"':
		raw, escaped, ok := s.raw()
		if ok && escaped {
			room := s.unescaped
			_, ok = s.unescape(raw)
			s.unescaped = s.unescaped[:min(len(room), len(s.unescaped))]
		}
		return ok
	case '{':
		return s.skipObject(depth + 1)
	case '[':
		return s.skipArray(depth + 1)
	case 't':
		return s.skipWord("true")
	case 'f':
		return s.skipWord("false")
	case 'n':
		return s.skipWord("null")
	default:
		return s.skipNumber()
	}
}

func (s *scanner) skipObject(depth int) bool {
	if depth > MaxDetailsDepth || !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	outer := len(s.names)
	defer func() { s.names = s.names[:outer] }()
	var marks uint64
	for {
		name, ok := s.name()
		if !ok || len(s.names)-outer == maxScannedNames {
			return false
		}
		// Most names differ from all others in their mark.
		mark := s.mark(name)
		if marks&mark != 0 && s.has(s.names[outer:], name) {
			return false
		}
		marks |= mark
		s.names = append(s.names, name)
		if !s.skip(depth) {
			return false
		}
		if !s.take(',') {
			return s.take('}')
		}
	}
}

// mark returns one bit that equal names have in common.
func (s *scanner) mark(name span) uint64 {
	n := name.end - name.start
	if n == 0 {
		return 1
	}
	return 1 << ((uint(s.value[name.start])*7 + uint(s.value[name.end-1])*3 + uint(n)) % 64)
}

// has reports whether name is among names.
func (s *scanner) has(names []span, name span) bool {
	text := s.whole[name.start:name.end]
	return slices.ContainsFunc(names, func(other span) bool { return s.whole[other.start:other.end] == text })
}

func (s *scanner) skipArray(depth int) bool {
	if depth > MaxDetailsDepth || !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		if !s.skip(depth) {
			return false
		}
		if !s.take(',') {
			return s.take(']')
		}
	}
}

func (s *scanner) skipWord(word string) bool {
	end := s.at + len(word)
	if end > len(s.value) || s.whole[s.at:end] != word {
		return false
	}
	s.at = end
	return true
}

func (s *scanner) skipNumber() bool {
	s.skipByte('-')
	if !s.skipByte('0') && !s.skipDigits() {
		return false
	}
	if s.skipByte('.') && !s.skipDigits() {
		return false
	}
	if s.skipByte('e') || s.skipByte('E') {
		_ = s.skipByte('+') || s.skipByte('-')
		return s.skipDigits()
	}
	return true
}

func (s *scanner) skipDigits() bool {
	start := s.at
	for s.at < len(s.value) && '0' <= s.value[s.at] && s.value[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}
