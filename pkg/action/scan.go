package action

import (
	"slices"
	"sync"
	"unicode/utf8"
)

// DecodeInto is [Decode] into an event that is used again, and without a copy: texts
// and details of e may be parts of value, so value must not change as long as any of
// them is in use. Whatever e held is overwritten, the array of e.Related too. After a
// rejection e is empty. An event without escapes and with an id costs no allocation.
func DecodeInto(e *Event, value []byte, origin Origin) *Rejection {
	empty := Event{Related: e.Related[:0]}
	*e = empty
	var rejected *Rejection
	if len(value) <= MaxMessageBytes && scan(value, e) {
		rejected = complete(e, origin)
	} else {
		*e = empty
		rejected = decodeTokens(value, origin, e)
	}
	if rejected != nil {
		*e = empty
	}
	return rejected
}

var scanners = sync.Pool{New: func() any { return new(scanner) }}

// scan reads value into e, which is empty, and reports whether it could. If so, the
// event has no fault, and its texts and details are parts of value or of memory of
// their own. If not, e holds anything.
func scan(value []byte, e *Event) bool {
	s := scanners.Get().(*scanner) //nolint:forcetypeassert // the pool holds nothing else
	defer scanners.Put(s)
	*s = scanner{value: value, whole: alias(value), scratch: s.scratch, names: s.names[:0]}
	ok := scanObject(s, &eventFields, e) && s.next() == 0 && s.at == len(value)
	// Neither the message nor its texts live as long as the pool.
	*s = scanner{scratch: s.scratch, names: s.names}
	return ok
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
		if !s.take(':') || !f.scanValue(s, into) {
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

// scanValue reads the value of the field.
func (f *field[T]) scanValue(s *scanner, into *T) bool {
	if f.scan != nil {
		return f.scan(s, into)
	}
	text, ok := s.text()
	*f.at(into) = text
	return ok && f.text.allows(text)
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
