package action

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// Reason says why a message is rejected. The list is closed: dashboards, alerts
// and the rejected table rely on these words, so none is ever renamed.
type Reason string

// The reasons, in the order in which a message meets them. Of several faults
// the first in the order of the message's bytes is reported; what is missing is
// known, and reported, only at the end of its object.
const (
	// ReasonEmpty: the value is null (a tombstone), empty, or white space only.
	ReasonEmpty Reason = "empty"
	// ReasonTooLarge: the value, with the headers of a CloudEvent, has more than
	// [MaxMessageBytes] bytes.
	ReasonTooLarge Reason = "too_large"
	// ReasonInvalidJSON: the value is not JSON (RFC 8259): a fault of syntax, a
	// cut message, a byte order mark, or data after the object.
	ReasonInvalidJSON Reason = "invalid_json"
	// ReasonInvalidUTF8: a string or a name holds bytes that are not UTF-8, or an
	// escaped half of a surrogate pair, which no UTF-8 text can hold.
	ReasonInvalidUTF8 Reason = "invalid_utf8"
	// ReasonNotAnObject: the value is JSON, but another kind than an object.
	ReasonNotAnObject Reason = "not_an_object"
	// ReasonDuplicateField: an object, within details too, has a name twice, or a
	// CloudEvent an attribute.
	ReasonDuplicateField Reason = "duplicate_field"
	// ReasonUnknownField: the event, an actor or a record has a name that is not
	// one of its fields, or a CloudEvent one that is not an attribute's.
	ReasonUnknownField Reason = "unknown_field"
	// ReasonWrongType: a field holds another kind of JSON value than it is to,
	// null included: what is not known is left out.
	ReasonWrongType Reason = "wrong_type"
	// ReasonTooShort: a text that must not be empty is.
	ReasonTooShort Reason = "too_short"
	// ReasonTooLong: a text has more characters, or description or details more
	// bytes, than allowed.
	ReasonTooLong Reason = "too_long"
	// ReasonTooMany: related has more than [MaxRelated] records.
	ReasonTooMany Reason = "too_many"
	// ReasonTooDeep: details nests deeper than [MaxDetailsDepth] levels.
	ReasonTooDeep Reason = "too_deep"
	// ReasonNotAllowed: a text is none of those that its field allows, or a CloudEvent
	// is of a version, format or content type that is not read.
	ReasonNotAllowed Reason = "not_allowed"
	// ReasonInvalidFormat: id, time, ip or action, or the source of a CloudEvent, has
	// another form than its own.
	ReasonInvalidFormat Reason = "invalid_format"
	// ReasonOutOfRange: the time, the event's or in its absence Kafka's, is before
	// 1970 or after 2100.
	ReasonOutOfRange Reason = "out_of_range"
	// ReasonMissingField: a required field or attribute is absent.
	ReasonMissingField Reason = "missing_field"
)

// Reasons returns every reason there is.
func Reasons() []Reason {
	return []Reason{
		ReasonEmpty, ReasonTooLarge, ReasonInvalidJSON, ReasonInvalidUTF8, ReasonNotAnObject,
		ReasonDuplicateField, ReasonUnknownField, ReasonWrongType, ReasonTooShort, ReasonTooLong,
		ReasonTooMany, ReasonTooDeep, ReasonNotAllowed, ReasonInvalidFormat, ReasonOutOfRange,
		ReasonMissingField,
	}
}

// Rejection is the error of [Decode]: why a message is not an event.
type Rejection struct {
	Reason Reason
	// Field is the path of the field at fault: actor.id, related[3].name,
	// details.a.b, details["two words"]; of a CloudEvent also that of an attribute,
	// ce_type as a header or type in the value. It is empty when the fault concerns the
	// message as a whole. Names that a sender made up are shortened and quoted, so
	// the path is printable.
	Field string
	// Message is a sentence for whoever sends the events: the field, what is wrong
	// with its value, and the remedy. It quotes at most 48 characters of the value
	// and is printable.
	Message string
}

// Error returns the reason and the message.
func (r *Rejection) Error() string { return string(r.Reason) + ": " + r.Message }

// quotedRunes bounds how much of a sender's text a message or a path repeats.
const quotedRunes = 48

// quote returns s as a Go string literal, cut after quotedRunes characters: safe
// for a log line, a terminal or a page, whatever s holds.
func quote(s string) string {
	cut, ok := shorten(s)
	if ok {
		cut += "…"
	}
	return strconv.Quote(cut)
}

// shorten returns the first quotedRunes characters of s and whether there are more.
func shorten(s string) (string, bool) {
	runes := 0
	for i := range s {
		if runes == quotedRunes {
			return s[:i], true
		}
		runes++
	}
	return s, false
}

// appendMember appends the member name to a path.
func appendMember(path, name string) string {
	if !plainName(name) {
		return path + "[" + quote(name) + "]"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// plainName reports whether a path can hold name without quotes.
func plainName(name string) bool {
	if name == "" || len(name) > quotedRunes {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !isWordByte(c) {
			return false
		}
	}
	return true
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// suggestion returns the one of names that was probably meant by got: the same
// but for case and punctuation, or else at most two letters away. It returns ""
// when there is none.
func suggestion(got string, names []string) string {
	if len(got) > quotedRunes {
		return ""
	}
	bare := bareName(got)
	best, bestDistance := "", 3
	for _, name := range names {
		if bareName(name) == bare {
			return name
		}
		// Short names resemble each other too easily for two differences.
		if d := levenshtein.ComputeDistance(bare, bareName(name)); d < bestDistance && d*3 <= len(name) {
			best, bestDistance = name, d
		}
	}
	return best
}

// bareName drops what writers of field names disagree on: case and punctuation.
func bareName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && isWordByte(byte(r)) && r != '_' && r != '-' {
			return r | 0x20
		}
		if r >= utf8.RuneSelf {
			return r
		}
		return -1
	}, name)
}

// list joins words as a sentence does: "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
