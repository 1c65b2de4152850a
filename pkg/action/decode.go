package action

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// HashContent returns the first 16 bytes of the SHA-256 (FIPS 180-4) of a
// message's value.
func HashContent(value []byte) ContentHash {
	sum := sha256.Sum256(value)
	return ContentHash(sum[:])
}

// Decode reads the event that a message's value holds: one JSON object as
// schemas/event.schema.json defines it, at most [MaxMessageBytes] long. Names are
// case-sensitive; texts are kept exactly as sent. An absent tenant, outcome or
// actor type gets its default, an absent time the origin's, and an absent id one
// that is derived from topic, partition and offset.
//
// The rejection is for the first fault; nil means that there is none. Its type is
// not error, so that nothing else can come back: test it for nil before it goes
// into an error. Decode keeps no reference to value. Its verdict depends on its
// arguments alone, and neither verdict, id, tenant nor time of a message may ever
// change between versions: a replay would then store the same message as another
// row. The golden file of the tests holds them.
func Decode(value []byte, origin Origin) (Event, *Rejection) {
	if len(value) <= MaxMessageBytes {
		value = bytes.Clone(value) // the event's texts are parts of it
	}
	var e Event
	r := DecodeInto(&e, value, origin)
	return e, r
}

// decodeTokens reads a message token by token into e, which is empty, and says what is
// wrong with it. Its verdict is the one that counts.
func decodeTokens(value []byte, origin Origin, e *Event) *Rejection {
	switch {
	case len(value) > MaxMessageBytes:
		return &Rejection{Reason: ReasonTooLarge, Message: fmt.Sprintf(
			"the message has %d bytes: send at most %d", len(value), MaxMessageBytes)}
	case len(bytes.Trim(value, " \t\r\n")) == 0:
		return &Rejection{Reason: ReasonEmpty, Message: "the message is empty: send one JSON object a message"}
	case bytes.HasPrefix(value, []byte("\uFEFF")):
		return &Rejection{Reason: ReasonInvalidJSON, Message: "the message begins with a byte order mark: " +
			"send UTF-8 without one"}
	}
	d := newDecoder(value, namesCheckedHere)
	d.whole = alias(value)
	if r := d.object(); r != nil {
		return r
	}
	if r := readMembers(d, &eventFields, e); r != nil {
		return r
	}
	if r := d.end(); r != nil {
		return r
	}
	return complete(e, origin)
}

// decoder reads the tokens of one message, or of one of its values: the one that
// is at path base and starts at byte start of the message.
type decoder struct {
	json  jsontext.Decoder
	input bytes.Buffer
	value []byte
	base  string
	start int
	// whole shares the memory of the message. Texts without escapes are parts of it,
	// which costs no allocation.
	whole string
}

// namesCheckedHere leaves it to readMembers to see a name that comes twice: the
// names in events, actors and records are few and known, so that is cheaper than
// a set of names for each object.
var namesCheckedHere = jsontext.AllowDuplicateNames(true)

// newDecoder returns a decoder of value, which it neither copies nor changes. By
// default the library refuses names that come twice and text that is not UTF-8.
func newDecoder(value []byte, options ...jsontext.Options) *decoder {
	d := &decoder{value: value, input: *bytes.NewBuffer(value)}
	d.json.Reset(&d.input, options...)
	return d
}

// object reads the brace that opens the event.
func (d *decoder) object() *Rejection {
	kind := d.json.PeekKind()
	if kind == '[' {
		return &Rejection{Reason: ReasonNotAnObject, Message: "the message is an array: " +
			"send one JSON object a message, not several in an array"}
	}
	if _, err := d.json.ReadToken(); err != nil {
		return d.broken(err)
	}
	if kind != '{' {
		return &Rejection{Reason: ReasonNotAnObject, Message: fmt.Sprintf(
			"the message is %s: send one JSON object a message", kindName(kind))}
	}
	return nil
}

// end checks that nothing but white space follows the event.
func (d *decoder) end() *Rejection {
	at := d.json.InputOffset()
	if _, err := d.json.ReadToken(); !errors.Is(err, io.EOF) {
		return &Rejection{Reason: ReasonInvalidJSON, Message: fmt.Sprintf(
			"more data follows the object, which ends at byte %d: send one JSON object a message", at)}
	}
	return nil
}

// readObject reads the next value, an object, into a T.
func readObject[T any](d *decoder, fields *fields[T], into *T) *Rejection {
	kind := d.json.PeekKind()
	if kind != '{' && kind != jsontext.KindInvalid {
		return d.wrongType(kind, "an object", d.path())
	}
	if _, err := d.json.ReadToken(); err != nil {
		return d.broken(err)
	}
	return readMembers(d, fields, into)
}

// readMembers reads the members of an object whose brace has been read, and the
// brace that closes it.
func readMembers[T any](d *decoder, fields *fields[T], into *T) *Rejection {
	var seen uint32
	next := 0
	for d.json.PeekKind() == '"' {
		raw, err := d.json.ReadValue()
		if err != nil {
			return d.broken(err)
		}
		name := raw[1 : len(raw)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			if name, err = jsontext.AppendUnquote(nil, raw); err != nil {
				return d.broken(err)
			}
		}
		i := fields.find(name, next)
		if i < 0 {
			return d.unknown(string(name), fields.of, fields.names())
		}
		if seen&(1<<i) != 0 {
			return duplicate(d.path())
		}
		next, seen = i+1, seen|1<<i
		f := &fields.list[i]
		if f.read != nil {
			if r := f.read(d, into); r != nil {
				return r
			}
			continue
		}
		s, r := d.text("a string")
		if r != nil {
			return r
		}
		if r := d.check(&f.text, s); r != nil {
			return r
		}
		*f.at(into) = s
	}
	if token, err := d.json.ReadToken(); err != nil {
		return d.broken(err)
	} else if token.Kind() != '}' {
		return d.malformed()
	}
	for i := range fields.list {
		f := &fields.list[i]
		if seen&(1<<i) != 0 {
			continue
		}
		if f.required {
			path := appendMember(d.path(), f.name)
			return &Rejection{Reason: ReasonMissingField, Field: path, Message: path + " is missing: " +
				fields.of + " needs it"}
		}
		if f.text.absent != "" {
			*f.at(into) = f.text.absent
		}
	}
	return nil
}

// text reads the next value, a string; want says so in a rejection.
func (d *decoder) text(want string) (string, *Rejection) {
	kind := d.json.PeekKind()
	if kind != '"' && kind != jsontext.KindInvalid {
		return "", d.wrongType(kind, want, d.path())
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return "", d.broken(err)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		end := int(d.json.InputOffset())
		return d.whole[end-len(raw)+1 : end-1], nil
	}
	s, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "", d.broken(err)
	}
	return string(s), nil
}

// check holds the string s, read last, to the rules of its field.
func (d *decoder) check(t *text, s string) *Rejection {
	if t.oneOf != nil {
		if slices.Contains(t.oneOf, s) {
			return nil
		}
		path := d.path()
		remedy := "send one of " + list(t.oneOf)
		if meant := suggestion(s, t.oneOf); meant != "" {
			remedy += "; did you mean " + meant + "?"
		}
		return &Rejection{Reason: ReasonNotAllowed, Field: path, Message: path + " is " + quote(s) + ": " + remedy}
	}
	if len(s) < t.min {
		path := d.path()
		return &Rejection{Reason: ReasonTooShort, Field: path, Message: path + " is empty: " +
			"send at least one character, or leave the field out if it is optional"}
	}
	// Characters are counted only where there are more bytes than characters allowed.
	if n := len(s); n > t.max {
		unit := "bytes of UTF-8"
		if !t.bytes {
			n, unit = utf8.RuneCountInString(s), "characters"
		}
		if n > t.max {
			path := d.path()
			return &Rejection{Reason: ReasonTooLong, Field: path, Message: fmt.Sprintf(
				"%s has %d %s (%s): send at most %d", path, n, unit, quote(s), t.max)}
		}
	}
	if t.form != nil {
		if wrong := t.form(s); wrong != "" {
			return d.malformedText(s, wrong)
		}
	}
	return nil
}

// malformedText rejects the string s, read last, for its form.
func (d *decoder) malformedText(s, wrong string) *Rejection {
	path := d.path()
	return &Rejection{Reason: ReasonInvalidFormat, Field: path, Message: path + " is " + quote(s) + ": " + wrong}
}

// path returns the path of the value or name read last.
func (d *decoder) path() string { return d.pathOf(d.json.StackPointer()) }

// pathOf writes a pointer into the objects and arrays being read as a path.
func (d *decoder) pathOf(pointer jsontext.Pointer) string {
	path, level := d.base, 0
	for token := range pointer.Tokens() {
		level++
		if level <= d.json.StackDepth() {
			if kind, _ := d.json.StackIndex(level); kind == '[' {
				path += "[" + token + "]"
				continue
			}
		}
		path = appendMember(path, token)
	}
	return path
}

// unknown rejects the name read last.
func (d *decoder) unknown(name, of string, names []string) *Rejection {
	path := d.path()
	message := path + " is not a field of " + of
	switch meant := suggestion(name, names); {
	case meant != "":
		message += ": did you mean " + meant + "?"
	case d.json.StackDepth() == 1:
		message += ": put it into details, which holds any JSON"
	default:
		message += ": it has " + list(names) + "; put anything else into details"
	}
	return &Rejection{Reason: ReasonUnknownField, Field: path, Message: message}
}

// wrongType rejects the value ahead, which is at path: for its kind, or for its
// syntax if it is no value at all.
func (d *decoder) wrongType(got jsontext.Kind, want, path string) *Rejection {
	if _, err := d.json.ReadToken(); err != nil {
		return d.broken(err)
	}
	remedy := "send " + want
	if got == 'n' {
		remedy += ", or leave the field out if it is optional"
	}
	return &Rejection{Reason: ReasonWrongType, Field: path, Message: path + " is " + kindName(got) + ": " + remedy}
}

// kindName names a kind of JSON value for a sentence.
func kindName(kind jsontext.Kind) string {
	switch kind {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	default:
		return "null"
	}
}

// broken tells why the JSON cannot be read on.
func (d *decoder) broken(err error) *Rejection {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return d.malformed()
	}
	at := int(syntax.ByteOffset) // in d.value
	path := d.pathOf(syntax.JSONPointer)
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return duplicate(path)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Rejection{Reason: ReasonInvalidJSON, Message: fmt.Sprintf(
			"the message is cut off after byte %d%s: send the whole object", d.start+len(d.value), within(path))}
	case d.notUTF8(at):
		return &Rejection{Reason: ReasonInvalidUTF8, Field: path, Message: fmt.Sprintf(
			"the text is not UTF-8 at byte %d%s: send UTF-8, and a character beyond U+FFFF as itself "+
				"or as both its \\u escapes", d.start+at, within(path))}
	}
	wrong := strings.TrimPrefix(syntax.Err.Error(), "jsontext: ")
	return &Rejection{Reason: ReasonInvalidJSON, Message: fmt.Sprintf(
		"the message is not JSON at byte %d%s: %s", d.start+at, within(path), wrong)}
}

// duplicate rejects a name that its object has already.
func duplicate(path string) *Rejection {
	return &Rejection{Reason: ReasonDuplicateField, Field: path, Message: path + " is there twice: send it once"}
}

// malformed rejects JSON that cannot be read on for a reason that has no name.
func (d *decoder) malformed() *Rejection {
	return &Rejection{Reason: ReasonInvalidJSON, Message: fmt.Sprintf(
		"the message is not JSON after byte %d: send one JSON object a message", d.start+int(d.json.InputOffset()))}
}

// within tells in what field something is.
func within(path string) string {
	if path == "" {
		return ""
	}
	return ", in " + path
}

// notUTF8 reports whether the bytes at an offset are the cause of an error of
// UTF-8: no character, or half of an escaped surrogate pair.
func (d *decoder) notUTF8(at int) bool {
	if at < 0 || at >= len(d.value) {
		return false
	}
	rest := d.value[at:]
	if r, size := utf8.DecodeRune(rest); r == utf8.RuneError && size == 1 {
		return true
	}
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' || rest[2]|0x20 != 'd' {
		return false
	}
	return strings.IndexByte("89abAB", rest[3]) >= 0 || strings.IndexByte("cdefCDEF", rest[3]) >= 0
}
