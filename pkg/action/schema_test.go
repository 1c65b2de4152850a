package action_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/action/actiontest"
	"github.com/actionlog/actionlog/schemas"
)

// eventSchema compiles the schema of events, formats asserted.
func eventSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.Event))
	if err != nil {
		t.Fatalf("read event.schema.json: %v", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("event.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("event.schema.json")
	if err != nil {
		t.Fatalf("compile event.schema.json: %v", err)
	}
	return schema
}

// beyondSchema lists the reasons that concern the message's bytes: JSON Schema
// sees the value that they were read to, if any.
func beyondSchema() []action.Reason {
	return []action.Reason{
		action.ReasonEmpty, action.ReasonTooLarge, action.ReasonInvalidJSON, action.ReasonInvalidUTF8,
		action.ReasonDuplicateField, action.ReasonTooDeep,
	}
}

// exceptions lists the broken messages that the schema lets pass, with the reason.
func exceptions() map[string]string {
	return map[string]string{
		"long description in bytes":      "maxLength counts characters; x-max-bytes tells",
		"long details":                   "x-max-bytes tells",
		"long details by white space":    "x-max-bytes tells",
		"time before 1970":               "the pattern allows the year at either end for the sake of offsets",
		"time before 1970 by its offset": "the year is of UTC",
		"time after 2100":                "as before 1970",
		"time after 2100 by its offset":  "the year is of UTC",
	}
}

// TestSchemaAndDecoderAgree: the schema accepts what the decoder does.
func TestSchemaAndDecoderAgree(t *testing.T) {
	t.Parallel()
	schema := eventSchema(t)
	passes := exceptions()
	used := 0
	for _, c := range slices.Concat(actiontest.Valid(), actiontest.Broken(), variants()) {
		_, rejected := action.Decode(c.Value, origin())
		if rejected != nil && slices.Contains(beyondSchema(), rejection(t, c.Value).Reason) {
			continue
		}
		doc, parseErr := jsonschema.UnmarshalJSON(bytes.NewReader(c.Value))
		if parseErr != nil {
			t.Fatalf("%s: %v", c.Name, parseErr)
		}
		invalid := schema.Validate(doc)
		if _, ok := passes[c.Name]; ok {
			used++
			if rejected == nil || invalid != nil {
				t.Errorf("%s is no exception: decoder %v, schema %v", c.Name, rejected, invalid)
			}
			continue
		}
		if (rejected == nil) != (invalid == nil) {
			t.Errorf("%s: %.200q: decoder: %v; schema: %v", c.Name, c.Value, rejected, invalid)
		}
	}
	if used != len(passes) {
		t.Errorf("%d of %d exceptions are cases", used, len(passes))
	}
}

// variants returns messages made by setting every field to every one of a list
// of values, good for some fields and bad for others.
func variants() (cases []actiontest.Case) {
	values := []string{
		`null`, `true`, `0`, `1.5`, `[]`, `{}`, `[{}]`, `[null]`, `{"id":"x"}`, `{"id":""}`, `{"a":null}`, `""`, `"a"`, `" "`, `"a.b"`,
		`"A.b"`, `"a b.c"`, `"success"`, `"denied"`, `"user"`, `"api_key"`, `"\u0000"`, `"a\u200db"`, `"\u00a0"`, `"\ufffd"`, `"\ue000"`,
		`"\ud800\udc00"`, `"\udb40\udc01"`, `"::"`, `"::1"`, `"0::0"`, `"0.0.0.0"`, `"::0.0.0.0"`, `"::ffff:1.2.3.4"`, `"::1%a"`, `"1.2.3"`,
		`"1.2.3.4"`, `"01.2.3.4"`, `"1:2:3:4:5:6:7:8"`, `"1::2::3"`, `"2026-01-01T00:00:00Z"`, `"2026-01-01t00:00:00.5+01:00"`,
		`"2026-01-01T00:00:00"`, `"2026-02-30T00:00:00Z"`, `"2026-01-01T00:00:60Z"`, `"2016-12-31T23:59:60Z"`, `"2026-01-01T00:00:00+1:000"`,
		`"2026-01-01T00:00:00-23:59"`, `"1968-01-01T00:00:00Z"`, `"2102-01-01T00:00:00Z"`, `"2026-01-01T+0:00:00Z"`,
	}
	for _, n := range []int{127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 8191, 8192, 8193} {
		values = append(values, `"`+strings.Repeat("a", n)+`"`, `"`+strings.Repeat("a", n-2)+`.b"`)
		if n < 4000 { // Beyond that description's bytes count.
			values = append(values, `"`+strings.Repeat("é", n)+`"`)
		}
	}
	for _, n := range []int{16, 17} {
		values = append(values, "["+strings.Repeat("{},", n-1)+"{}]")
	}
	names := map[string][]string{"": {
		"id", "time", "tenant", "actor", "on_behalf_of", "ip", "action", "outcome", "subject", "related", "description",
		"reason", "session_id", "request_id", "user_agent", "details", "Id", "other",
	}}
	for _, object := range []string{"actor", "on_behalf_of", "subject", "related"} {
		names[object] = []string{"id", "name", "type", "Id"}
	}
	for object := range names {
		for _, name := range names[object] {
			for _, value := range values {
				cases = append(cases, actiontest.Case{
					Name: fmt.Sprintf("%s.%s = %.40s", object, name, value), Value: []byte(variant(object, name, value)),
				})
			}
		}
	}
	return cases
}

// variant returns an event whose object, itself if "", has value as the field name.
func variant(object, name, value string) string {
	event := map[string]string{"actor": `{"id":"u"}`, "action": `"a.b"`}
	switch object {
	case "":
		event[name] = value
	case "related":
		event[object] = "[{}," + rawObject(map[string]string{name: value}) + "]"
	case "subject":
		event[object] = rawObject(map[string]string{name: value})
	default:
		actor := map[string]string{"id": `"u"`}
		actor[name] = value
		event[object] = rawObject(actor)
	}
	return rawObject(event)
}

// rawObject writes an object of members that are JSON.
func rawObject(members map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(members)) {
		fmt.Fprintf(&b, ",%q:%s", name, members[name])
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}
