// Package actiontest holds messages, broken and valid, for the tests of whatever
// handles events. A test of pkg/action holds each to its verdict for ever, so a
// case may be added but never changed.
package actiontest

import (
	"fmt"
	"strings"

	"github.com/actionlog/actionlog/pkg/action"
)

// Case is one message.
type Case struct {
	// Name tells the case from every other, broken or valid.
	Name string
	// Value is the message's value; nil for a tombstone.
	Value []byte
	// Headers are the message's headers; nil for a plain message.
	Headers []action.Header
	// Reason and Field are those of the rejection; empty for a valid message.
	Reason action.Reason
	Field  string
}

// Message returns the message.
func (c Case) Message() action.Message {
	return action.Message{Value: c.Value, Headers: c.Headers}
}

// with returns an event that is valid but for the members given.
func with(members string) string {
	return `{"actor":{"id":"u1"},"action":"record.viewed",` + members + `}`
}

// text returns an event with a string field of n times s.
func text(field, s string, n int) string {
	return with(fmt.Sprintf(`%q:"%s"`, field, strings.Repeat(s, n)))
}

// related returns an event with n related records.
func related(n int) string {
	return with(`"related":[` + strings.TrimSuffix(strings.Repeat(`{"id":"r"},`, n), ",") + `]`)
}

// nested returns an event whose details has levels of arrays and objects.
func nested(levels int) string {
	return with(`"details":{"a":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`)
}

// details returns an event whose details takes n bytes.
func details(n int) string {
	return with(`"details":{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}`)
}

// full returns an event with every field.
func full() string {
	return `{"id":"0198c0de-7a1e-7c3b-9a55-3f0e6d2b1c4d","time":"2026-03-01T09:30:00.250+01:00","tenant":"northlight",` +
		`"actor":{"id":"u-1042","name":"Alice Okonkwo","type":"user"},"on_behalf_of":{"id":"c-7","name":"Bo","type":"agent"},` +
		`"ip":"192.0.2.7","action":"opportunity.item.added","outcome":"success",` +
		`"subject":{"type":"opportunity","id":"OPP-311","name":"Summer Fair 2026"},` +
		`"related":[{"type":"item","id":"LED-60","name":"LED Panel 60x60"},{"id":"x"}],` +
		`"description":"Added 4 × LED Panel 60x60 to Summer Fair 2026","reason":"Ticket 8812","session_id":"s-5f2c9a",` +
		`"request_id":"4bf92f3577b34da6a3ce929d0e0e4736","user_agent":"Mozilla/5.0","details":{"item":"LED-60","quantity":4}}`
}

// Largest returns an event that uses every bound to the full, in the longest way
// that JSON has to write it without white space of no use.
func Largest() []byte {
	long := func(n int) string { return `"` + strings.Repeat(`\ud83d\ude00`, n) + `"` }
	record := fmt.Sprintf(`{"type":%s,"id":%s,"name":%s}`, long(1024), long(1024), long(1024))
	actor := fmt.Sprintf(`{"id":%s,"name":%s,"type":"service"}`, long(256), long(256))
	return fmt.Appendf(nil, `{"id":%s,"time":"2026-03-01T09:30:00.250000000+01:00","tenant":%s,"actor":%s,"on_behalf_of":%s,`+
		`"ip":"2001:db8:1111:2222:3333:4444:5555:6666","action":"a.%s","outcome":"success","subject":%s,"related":[%s],`+
		`"description":"%s","reason":%s,"session_id":%s,"request_id":%s,"user_agent":%s,"details":{"a":"%s"}}`,
		long(128), long(128), actor, actor, strings.Repeat("b", 126), record,
		strings.Repeat(record+",", 15)+record, strings.Repeat(`\u0041`, 8192), long(1024), long(256), long(256), long(1024),
		strings.Repeat("x", 65536-len(`{"a":""}`)))
}
