package action

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// CloudEvents 1.0.2, its JSON format, and its protocol binding for Kafka.
const (
	cloudEventsVersion = "1.0"
	attributePrefix    = "ce_"
	contentType        = "content-type"
	structuredPrefix   = "application/cloudevents"
	structuredJSON     = structuredPrefix + "+json"
	structuredBatch    = structuredPrefix + "-batch"
	// attributesMember is the member of details that holds what has no field.
	attributesMember = "cloudevent"
)

// cloudEventIDs is the namespace of the ids that are made of source and id. It may
// never change, or a replay would store every CloudEvent again.
var cloudEventIDs = uuid.MustParse("5d0f6a3e-2c1b-5e84-9f37-c1a7e0b4d296")

// cloudEvent is a CloudEvent as its message holds it.
type cloudEvent struct {
	// prefix goes before the name of an attribute in the message.
	prefix string
	// attributes are in the order of their names once check has returned.
	attributes []attribute
	// data is a part of the message's value, from byte start on, and text the same as
	// a string. It is nil when there is none. base is its path in the message.
	data  []byte
	text  string
	base  string
	start int
}

// attribute is a context attribute. A number or boolean is its text.
type attribute struct {
	name, value string
	// used says that a field of the event holds it, or that it has no more to say.
	used bool
}

// readBinary reads the attributes of a CloudEvent whose data is the message's value.
func readBinary(m Message) (*cloudEvent, *Rejection) {
	c := &cloudEvent{prefix: attributePrefix}
	size := len(m.Value)
	for _, h := range m.Headers {
		name, ok := strings.CutPrefix(h.Key, attributePrefix)
		if isContentType(h.Key) {
			name, ok = "datacontenttype", true
		}
		if !ok {
			continue
		}
		size += len(h.Key) + len(h.Value)
		c.attributes = append(c.attributes, attribute{name: name, value: string(h.Value)})
	}
	if size > MaxMessageBytes {
		return nil, &Rejection{Reason: ReasonTooLarge, Message: fmt.Sprintf(
			"the CloudEvent has %d bytes, headers included: send at most %d", size, MaxMessageBytes)}
	}
	if len(bytes.Trim(m.Value, " \t\r\n")) > 0 {
		c.data, c.text = m.Value, string(m.Value)
	}
	return c, nil
}

// readStructured reads the attributes of a CloudEvent that is the message's value,
// and finds its data.
func readStructured(m Message) (*cloudEvent, *Rejection) {
	if r := checkFormat(m); r != nil {
		return nil, r
	}
	switch {
	case len(m.Value) > MaxMessageBytes:
		return nil, &Rejection{Reason: ReasonTooLarge, Message: fmt.Sprintf(
			"the CloudEvent has %d bytes: send at most %d", len(m.Value), MaxMessageBytes)}
	case len(bytes.Trim(m.Value, " \t\r\n")) == 0:
		return nil, &Rejection{Reason: ReasonEmpty, Message: "the message is empty: send one CloudEvent a message"}
	}
	d := newDecoder(m.Value, namesCheckedHere)
	d.whole = string(m.Value)
	c := &cloudEvent{base: "data"}
	if r := d.object(); r != nil {
		return nil, r
	}
	for d.json.PeekKind() == '"' {
		name, r := d.text("a name")
		if r == nil {
			r = c.readMember(d, name)
		}
		if r != nil {
			return nil, r
		}
	}
	if token, err := d.json.ReadToken(); err != nil {
		return nil, d.broken(err)
	} else if token.Kind() != '}' {
		return nil, d.malformed()
	}
	return c, d.end()
}

// checkFormat checks that the content type is the one format that is read.
func checkFormat(m Message) *Rejection {
	for _, h := range m.Headers {
		if !isContentType(h.Key) || !hasPrefixFold(h.Value, structuredPrefix) {
			continue
		}
		remedy := "send a CloudEvent as " + structuredJSON
		switch {
		case mediaType(string(h.Value)) == structuredJSON:
			continue
		case hasPrefixFold(h.Value, structuredBatch):
			remedy = "Kafka has no batches of CloudEvents: send one a message, as " + structuredJSON
		}
		return &Rejection{Reason: ReasonNotAllowed, Field: contentType, Message: contentType + " is " + quote(string(h.Value)) + ": " + remedy}
	}
	return nil
}

// readMember reads the value of the member called name, which has been read last.
func (c *cloudEvent) readMember(d *decoder, name string) *Rejection {
	kind := d.json.PeekKind()
	if kind == '"' && name != "data" {
		value, r := d.text("a string")
		c.attributes = append(c.attributes, attribute{name: name, value: value})
		return r
	}
	path := d.path()
	if (kind == '{' || kind == '[') && name != "data" {
		return d.wrongType(kind, "a string, a boolean or a whole number, which are all that an attribute can be", path)
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return d.broken(err)
	}
	end := int(d.json.InputOffset())
	switch {
	case name == "data" && c.data != nil:
		return duplicate(path)
	case name == "data":
		c.start = end - len(raw)
		c.data, c.text = d.value[c.start:end], d.whole[c.start:end]
	case kind != 'n': // null is how an attribute that is not set may be written
		c.attributes = append(c.attributes, attribute{name: name, value: string(raw)})
	}
	return nil
}

// decode makes the event of the CloudEvent.
func (c *cloudEvent) decode(origin Origin, e *Event) *Rejection {
	if r := c.check(); r != nil {
		return r
	}
	if r := c.readData(e); r != nil {
		return r
	}
	if r := c.fill(e); r != nil {
		return r
	}
	if r := c.finish(e); r != nil {
		return r
	}
	return complete(e, origin)
}

// check holds the attributes to the rules of CloudEvents.
func (c *cloudEvent) check() *Rejection {
	slices.SortStableFunc(c.attributes, func(a, b attribute) int { return strings.Compare(a.name, b.name) })
	for i := range c.attributes {
		switch a := &c.attributes[i]; {
		case !isAttributeName(a.name):
			return c.unknown(a.name)
		case i > 0 && c.attributes[i-1].name == a.name:
			return duplicate(c.path(a.name))
		case !utf8.ValidString(a.value):
			path := c.path(a.name)
			return &Rejection{Reason: ReasonInvalidUTF8, Field: path, Message: path + " is not UTF-8: send UTF-8"}
		}
	}
	for _, name := range []string{"specversion", "id", "source", "type"} {
		a := c.find(name)
		if a == nil {
			path := c.path(name)
			return &Rejection{Reason: ReasonMissingField, Field: path, Message: path + " is missing: a CloudEvent needs it"}
		}
		if r := c.checkRequired(a); r != nil {
			return r
		}
	}
	a := c.find("datacontenttype")
	if a == nil {
		return nil
	}
	a.used = true
	if media := mediaType(a.value); c.data != nil && media != "" && !strings.HasSuffix(media, "/json") && !strings.HasSuffix(media, "+json") {
		path := c.path(a.name)
		return &Rejection{Reason: ReasonNotAllowed, Field: path, Message: path + " is " + quote(a.value) +
			": send data as JSON, with application/json"}
	}
	return nil
}

// checkRequired checks an attribute that every CloudEvent has. That of type is left
// to the field that it stands in for.
func (c *cloudEvent) checkRequired(a *attribute) *Rejection {
	if a.value == "" {
		return c.decoder(a).check(&text{min: 1}, a.value)
	}
	switch a.name {
	case "specversion":
		if a.used = true; a.value != cloudEventsVersion {
			path := c.path(a.name)
			return &Rejection{Reason: ReasonNotAllowed, Field: path, Message: path + " is " + quote(a.value) +
				": send a CloudEvent of version " + cloudEventsVersion}
		}
	case "id", "source":
		if wrong := wrongID(a.value); wrong != "" {
			return c.decoder(a).malformedText(a.value, wrong)
		}
	}
	return nil
}

// unknown rejects the name of an attribute.
func (c *cloudEvent) unknown(name string) *Rejection {
	path := c.path(name)
	message := path + " is not the name of an attribute, which has a-z and 0-9 only"
	var names []string
	for _, t := range targets {
		names = append(names, t.attribute)
	}
	switch meant := suggestion(name, names); {
	case name == "data_base64":
		message = path + " is not read: send data as a JSON object"
	case meant != "":
		message += ": did you mean " + c.prefix + meant + "?"
	default:
		message += ": rename it, or put it into the details of data"
	}
	return &Rejection{Reason: ReasonUnknownField, Field: path, Message: message}
}

// readData reads the fields that data has.
func (c *cloudEvent) readData(e *Event) *Rejection {
	if c.data == nil {
		return nil
	}
	d := newDecoder(c.data, namesCheckedHere)
	d.whole, d.base, d.start = c.text, c.base, c.start
	var r *Rejection
	switch {
	case d.json.PeekKind() == 'n': // null: there is no data
		if _, err := d.json.ReadToken(); err != nil {
			return d.broken(err)
		}
	case c.base != "":
		r = readObject(d, &dataFields, e)
	default:
		if r = d.object(); r == nil {
			r = readMembers(d, &dataFields, e)
		}
	}
	if r != nil {
		return r
	}
	return d.end()
}

// finish completes what data and attributes have left out, and keeps what has no
// field.
func (c *cloudEvent) finish(e *Event) *Rejection {
	if e.Actor.ID == "" {
		path := appendMember(c.base, "actor")
		return &Rejection{Reason: ReasonMissingField, Field: path, Message: path + " is missing: " +
			"an event needs it, or " + c.path("actorid")}
	}
	if e.OnBehalfOf != (Actor{}) && e.OnBehalfOf.ID == "" {
		path := c.path("onbehalfofid")
		return &Rejection{Reason: ReasonMissingField, Field: path, Message: path + " is missing: an actor needs it"}
	}
	for i := range eventFields.list {
		if f := &eventFields.list[i]; f.text.absent != "" && *f.at(e) == "" {
			*f.at(e) = f.text.absent
		}
	}
	for _, actor := range []*Actor{&e.Actor, &e.OnBehalfOf} {
		if actor.ID != "" && actor.Type == "" {
			actor.Type = DefaultActorType
		}
	}
	id := c.find("id")
	if e.ID == "" {
		// Neither holds a line feed. Another source may use the same id.
		e.ID = uuid.NewSHA1(cloudEventIDs, []byte(c.find("source").value+"\n"+id.value)).String()
	} else {
		id.used = e.ID == id.value
	}
	return c.keep(e)
}

// keep adds the attributes that no field holds to details, as its last member,
// unless data has such a member of its own.
func (c *cloudEvent) keep(e *Event) *Rejection {
	if hasMember(e.Details, attributesMember) {
		return nil
	}
	var details []byte
	if len(e.Details) == 0 {
		details = append(details, '{')
	} else {
		details = append(details, e.Details[:len(e.Details)-1]...)
	}
	if len(bytes.TrimRight(details, " \t\r\n")) > 1 {
		details = append(details, ',')
	}
	details = append(details, `"`+attributesMember+`":`...)
	separator := byte('{')
	for i := range c.attributes {
		if a := &c.attributes[i]; !a.used {
			details = append(details, separator, '"')
			details = append(append(details, a.name...), `":`...)
			details = append(details, quoteJSON(a.value)...)
			separator = ','
		}
	}
	details = append(details, "}}"...) // source is always there
	e.Details = details
	if n := len(e.Details); n > MaxDetailsBytes {
		path := appendMember(c.base, "details")
		return &Rejection{Reason: ReasonTooLong, Field: path, Message: fmt.Sprintf(
			"%s has %d bytes with the attributes that it keeps: send at most %d", path, n, MaxDetailsBytes)}
	}
	return nil
}

// hasMember reports whether an object, which has been checked, has a member.
func hasMember(object []byte, name string) bool {
	d := newDecoder(object)
	if _, err := d.json.ReadToken(); err != nil {
		return false
	}
	for d.json.PeekKind() == '"' {
		token, err := d.json.ReadToken()
		if err != nil || token.String() == name {
			return err == nil
		}
		if err := d.json.SkipValue(); err != nil {
			return false
		}
	}
	return false
}

// find returns the attribute of a name, or nil.
func (c *cloudEvent) find(name string) *attribute {
	i, ok := slices.BinarySearchFunc(c.attributes, name, func(a attribute, name string) int { return strings.Compare(a.name, name) })
	if !ok {
		return nil
	}
	return &c.attributes[i]
}

// path returns where in the message an attribute is.
func (c *cloudEvent) path(name string) string {
	if name == "datacontenttype" && c.prefix != "" {
		return contentType
	}
	return appendMember("", c.prefix+name)
}

// decoder returns a decoder of an attribute's value.
func (c *cloudEvent) decoder(a *attribute) *decoder {
	raw := quoteJSON(a.value)
	d := newDecoder(raw)
	d.whole, d.base = string(raw), c.path(a.name)
	return d
}

// quoteJSON writes a string, of UTF-8, as JSON.
func quoteJSON(s string) []byte {
	raw, _ := jsontext.AppendQuote(nil, s) // the only error is that of other bytes
	return raw
}

// mediaType returns a content type without its parameters, in lower case.
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.Trim(media, " \t"))
}

// isAttributeName reports whether CloudEvents allows the name of an attribute.
func isAttributeName(name string) bool {
	return name != "" && name != "data" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}
