package action

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// scanner reads one message without a fault, as nearly all are, in one pass over its
// bytes. It accepts only what decodeTokens accepts, and makes the same event of it;
// where it is not sure it gives up, and decodeTokens decides. So it knows nothing of
// messages, positions and reading on after a fault. Tests hold the two together.
//
// It is our own since no library does the same: all but jsontext let pass duplicate
// names, bytes that are not UTF-8 or halves of surrogate pairs, and jsontext, which
// decodeTokens uses, takes three times as long (make bench-json). Escapes, which are
// rare, are left to jsontext, and UTF-8 to the standard library.
//
// Its memory is used again for other messages.
type scanner struct {
	value []byte
	whole string // the memory of value, for texts that are parts of it
	at    int    // the next byte of value
	// unescaped is room for texts with escapes, which are parts of it.
	unescaped []byte
	// scratch is room for strings with escapes that nobody keeps.
	scratch []byte
	// names are those of the objects of details that are being read.
	names []span
}

// span is a part of a message.
type span struct{ start, end int }

// maxScannedNames bounds the names of one object in details that a scanner compares
// with each other. The time for that grows with their square.
const maxScannedNames = 64

// alias returns a string that shares the memory of b, which must not change any more.
func alias(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
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
	quoted := s.value[raw.start-1 : raw.end+1]
	if cap(s.unescaped)-len(s.unescaped) < len(quoted) {
		s.unescaped = make([]byte, 0, max(len(quoted), 256))
	}
	start := len(s.unescaped)
	all, err := jsontext.AppendUnquote(s.unescaped, quoted)
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

// stops marks, by its highest bit, the lowest byte of w that does not stand for itself
// in a string: a quote, a backslash or a control character. Bits above it mean nothing.
func stops(w uint64) uint64 {
	// 2 turns a quote into a space, and no other byte into less than 0x21 that is not
	// a control character.
	quotesAndControls := (w ^ 2*ones) - 0x21*ones
	backslashes := (w ^ '\\'*ones) - ones
	return (quotesAndControls | backslashes) &^ w & highs
}

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
			if stop := stops(w); stop != 0 {
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
		return s.skipString()
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

func (s *scanner) skipString() bool {
	raw, escaped, ok := s.raw()
	if !ok || !escaped {
		return ok
	}
	var err error
	s.scratch, err = jsontext.AppendUnquote(s.scratch[:0], s.value[raw.start-1:raw.end+1])
	return err == nil
}

func (s *scanner) skipObject(depth int) bool {
	if depth > MaxDetailsDepth || !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	outer := len(s.names)
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
			s.names = s.names[:outer]
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
