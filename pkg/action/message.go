package action

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
)

// Message is what an application sent: the value and the headers of a Kafka record.
type Message struct {
	Value   []byte
	Headers []Header
}

// Header is one header of a Kafka record. A record may have several of one key.
type Header struct {
	Key   string
	Value []byte
}

// Size is the bytes of the value and of all headers, their keys included.
func (m Message) Size() int {
	n := len(m.Value)
	for i := range m.Headers {
		n += len(m.Headers[i].Key) + len(m.Headers[i].Value)
	}
	return n
}

// Decode reads the event that the message holds: a plain one as the function
// [Decode] does, or a CloudEvent, which its headers tell, as docs/cloudevents.md
// says. A message with a [RetryHeader] is decoded as if it stood where it first
// stood. What is said of the function's verdict holds for this one's too.
func (m Message) Decode(origin Origin) (Event, *Rejection) {
	if len(m.Value) <= MaxMessageBytes {
		m.Value = bytes.Clone(m.Value) // the event's texts may be parts of it
	}
	var e Event
	r := m.DecodeInto(&e, origin)
	return e, r
}

// DecodeInto is Decode into an event that is used again, and whose texts may be parts
// of the message, as with the function [DecodeInto].
func (m Message) DecodeInto(e *Event, origin Origin) *Rejection {
	origin = m.place(origin)
	mode := m.mode()
	if mode == plainMode {
		r := DecodeInto(e, m.Value, origin)
		if r != nil && r.Reason == ReasonUnknownField && bytes.Contains(m.Value, []byte(`"specversion"`)) {
			r.Message += "; if this is a CloudEvent, send it with the header " + contentType + ": " + structuredJSON
		}
		return r
	}
	*e = Event{}
	read := readStructured
	if mode == binaryMode {
		read = readBinary
	}
	c, r := read(m)
	if r == nil {
		r = c.decode(origin, e)
	}
	if r != nil {
		*e = Event{}
	}
	return r
}

// Hash returns the message's content hash: [HashContent] of the value, and for a
// CloudEvent in binary mode a hash of the value and of the headers that belong to
// the CloudEvent, whatever their order.
func (m Message) Hash() ContentHash {
	if m.mode() != binaryMode {
		return HashContent(m.Value)
	}
	var headers []Header
	for _, h := range m.Headers {
		if isContentType(h.Key) {
			headers = append(headers, Header{contentType, h.Value})
		} else if strings.HasPrefix(h.Key, attributePrefix) {
			headers = append(headers, h)
		}
	}
	slices.SortFunc(headers, func(a, b Header) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), bytes.Compare(a.Value, b.Value))
	})
	// Each length goes before its bytes, so no two messages are framed alike. The
	// first byte is zero, which no plain event begins with.
	framed := binary.BigEndian.AppendUint64(nil, uint64(len(headers)))
	for _, h := range headers {
		framed = append(binary.BigEndian.AppendUint64(framed, uint64(len(h.Key))), h.Key...)
		framed = append(binary.BigEndian.AppendUint64(framed, uint64(len(h.Value))), h.Value...)
	}
	hash := sha256.New()
	hash.Write(framed)
	hash.Write(m.Value)
	return ContentHash(hash.Sum(nil))
}

// mode is how a message holds its event.
type mode int

const (
	// plainMode: the value is the event.
	plainMode mode = iota
	// binaryMode: headers are the attributes of a CloudEvent, the value is its data.
	binaryMode
	// structuredMode: the value is a CloudEvent.
	structuredMode
)

// mode tells the modes apart as section 3 of the Kafka binding of CloudEvents
// does: by the content type, and then by the version that no plain event has.
func (m Message) mode() mode {
	found := plainMode
	for i := range m.Headers {
		h := &m.Headers[i]
		if isContentType(h.Key) && hasPrefixFold(h.Value, structuredPrefix) {
			return structuredMode
		}
		if h.Key == attributePrefix+"specversion" {
			found = binaryMode
		}
	}
	return found
}

// isContentType reports whether a header is the content type. CloudEvents writes it
// in lower case; what HTTP clients write means the same.
func isContentType(key string) bool {
	return len(key) == len(contentType) && strings.EqualFold(key, contentType)
}

func hasPrefixFold(s []byte, prefix string) bool {
	return len(s) >= len(prefix) && bytes.EqualFold(s[:len(prefix)], []byte(prefix))
}
