package action

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// dataFields are those of data: those of an event, but what is absent there is left
// to the attributes.
var dataFields = fields[Event]{of: eventFields.of, list: withoutDefaults(eventFields.list)}

func withoutDefaults(list []field[Event]) []field[Event] {
	list = slices.Clone(list)
	for i := range list {
		list[i].required, list[i].text.absent = false, ""
	}
	return list
}

// target is the field that an attribute stands in for when data lacks it.
type target struct {
	attribute, field string
	// get returns the field, "" when data lacks it.
	get func(*Event) string
	// read reads it.
	read func(*decoder, *Event) *Rejection
	// owner returns the id of the actor or record that the field is one of. One that
	// data names is not mixed with another's name and type.
	owner func(*Event) string
}

// targets are the attributes that have a field. The id of an actor or record comes
// after its other fields, since they are filled only while it is absent.
var targets = slices.Concat(
	[]target{
		textTarget("type", "action"),
		{attribute: "time", field: "time", get: timeText, read: readTime},
		textTarget("tenant", "tenant"),
		{attribute: "ip", field: "ip", get: ipText, read: readIP},
		textTarget("outcome", "outcome"),
		textTarget("description", "description"),
		textTarget("reason", "reason"),
		textTarget("sessionid", "session_id"),
		textTarget("requestid", "request_id"),
		textTarget("useragent", "user_agent"),
	},
	memberTargets("actor", "actorid", &actorFields, func(e *Event) *Actor { return &e.Actor }),
	memberTargets("on_behalf_of", "onbehalfofid", &actorFields, func(e *Event) *Actor { return &e.OnBehalfOf }),
	memberTargets("subject", "subject", &recordFields, func(e *Event) *Record { return &e.Subject }),
)

// textTarget is the target that is a text of the event itself.
func textTarget(attribute, name string) target {
	f := &eventFields.list[eventFields.find([]byte(name), 0)]
	return target{
		attribute: attribute, field: name,
		get:  func(e *Event) string { return *f.at(e) },
		read: func(d *decoder, e *Event) *Rejection { return readText(d, f, e) },
	}
}

// memberTargets are the fields of an object of the event, called as CloudEvents
// allows: on_behalf_of.name is onbehalfofname. id is the attribute of its id.
func memberTargets[T any](object, id string, fields *fields[T], of func(*Event) *T) []target {
	at := func(name string) *field[T] { return &fields.list[fields.find([]byte(name), 0)] }
	var list []target
	for _, name := range []string{"type", "name", "id"} {
		f := at(name)
		attribute := strings.ReplaceAll(object, "_", "") + name
		if name == "id" {
			attribute = id
		}
		list = append(list, target{
			attribute: attribute, field: object + "." + name,
			get:   func(e *Event) string { return *f.at(of(e)) },
			read:  func(d *decoder, e *Event) *Rejection { return readText(d, f, of(e)) },
			owner: func(e *Event) string { return *at("id").at(of(e)) },
		})
	}
	return list
}

// readText reads the next value into a field that is a text.
func readText[T any](d *decoder, f *field[T], into *T) *Rejection {
	s, r := d.text("a string")
	if r == nil {
		r = d.check(&f.text, s)
	}
	if r == nil {
		*f.at(into) = s
	}
	return r
}

func timeText(e *Event) string {
	if e.Time.IsZero() {
		return ""
	}
	return e.Time.Format(time.RFC3339Nano)
}

func ipText(e *Event) string {
	if e.IP == (netip.Addr{}) {
		return ""
	}
	return e.IP.String()
}

// fill gives the event the attributes whose fields data lacks.
func (c *cloudEvent) fill(e *Event) *Rejection {
	for i := range targets {
		t := &targets[i]
		a := c.find(t.attribute)
		if a == nil {
			continue
		}
		if has := t.get(e); has != "" || t.owner != nil && t.owner(e) != "" {
			a.used = a.value == has
			continue
		}
		if r := t.read(c.decoder(a), e); r != nil {
			r.Message += "; it stands in for " + t.field + ", which data lacks"
			return r
		}
		a.used = true
	}
	return nil
}
