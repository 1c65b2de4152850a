package action

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/schemas"
)

// schemaNode is the part of a JSON Schema that the tables of fields state too.
type schemaNode struct {
	Ref                  string                 `json:"$ref"`
	Description          string                 `json:"description"`
	Type                 string                 `json:"type"`
	Required             []string               `json:"required"`
	AdditionalProperties *bool                  `json:"additionalProperties"`
	Properties           map[string]*schemaNode `json:"properties"`
	Items                *schemaNode            `json:"items"`
	MinLength            int                    `json:"minLength"`
	MaxLength            int                    `json:"maxLength"`
	MaxItems             int                    `json:"maxItems"`
	MaxBytes             int                    `json:"x-max-bytes"`
	MaxDepth             int                    `json:"x-max-depth"`
	MinYear              int                    `json:"x-min-year"`
	MaxYear              int                    `json:"x-max-year"`
	Pattern              string                 `json:"pattern"`
	Enum                 []string               `json:"enum"`
	Default              string                 `json:"default"`
	Defs                 map[string]*schemaNode `json:"$defs"`
	Examples             []json.RawMessage      `json:"examples"`
}

func eventSchema(t *testing.T) *schemaNode {
	t.Helper()
	var schema schemaNode
	if err := json.Unmarshal(schemas.Event, &schema); err != nil {
		t.Fatalf("read event.schema.json: %v", err)
	}
	return &schema
}

// TestSchemaStatesTheTables: names, required fields, enums, defaults and bounds
// of the schema are those of the decoder's tables.
func TestSchemaStatesTheTables(t *testing.T) {
	t.Parallel()
	schema := eventSchema(t)
	compareFields(t, "event", schema, &eventFields)
	compareFields(t, "actor", schema.Defs["actor"], &actorFields)
	compareFields(t, "record", schema.Defs["record"], &recordFields)

	f := func(field, ref string) {
		t.Helper()
		node := schema.Properties[field]
		if field == "related" {
			node = node.Items
		}
		if node.Ref != "#/$defs/"+ref {
			t.Errorf("%s refers to %q, want %s", field, node.Ref, ref)
		}
	}
	f("actor", "actor")
	f("on_behalf_of", "actor")
	f("subject", "record")
	f("related", "record")

	if got := schema.Properties["related"].MaxItems; got != MaxRelated {
		t.Errorf("related has at most %d items, want %d", got, MaxRelated)
	}
	details := schema.Properties["details"]
	if details.Type != "object" || details.MaxBytes != MaxDetailsBytes || details.MaxDepth != MaxDetailsDepth {
		t.Errorf("details is %+v", details)
	}
	at := schema.Properties["time"]
	if at.MinYear != MinYear || at.MaxYear != MaxYear {
		t.Errorf("time is from %d to %d", at.MinYear, at.MaxYear)
	}
}

func compareFields[T any](t *testing.T, object string, schema *schemaNode, fields *fields[T]) {
	t.Helper()
	if schema.Type != "object" || schema.AdditionalProperties == nil || *schema.AdditionalProperties {
		t.Errorf("%s is not a closed object", object)
	}
	var required []string
	for _, f := range fields.list {
		path := object + "." + f.name
		if f.required {
			required = append(required, f.name)
		}
		node := schema.Properties[f.name]
		if node == nil {
			t.Errorf("the schema lacks %s", path)
			continue
		}
		if node.Description == "" {
			t.Errorf("%s has no description", path)
		}
		if f.read != nil {
			continue
		}
		bound := 0
		if f.text.bytes {
			bound = f.text.max
		}
		if node.Type != "string" || node.MinLength != f.text.min || node.MaxLength != f.text.max || node.MaxBytes != bound ||
			!slices.Equal(node.Enum, f.text.oneOf) || node.Default != f.text.absent {
			t.Errorf("%s is %+v in the schema, %+v in the table", path, node, f.text)
		}
		if (f.text.form != nil) != (node.Pattern != "") {
			t.Errorf("%s has the pattern %q, but another form in the table", path, node.Pattern)
		}
	}
	if !slices.Equal(schema.Required, required) {
		t.Errorf("%s requires %q in the schema, %q in the table", object, schema.Required, required)
	}
	if len(schema.Properties) != len(fields.list) {
		t.Errorf("%s has %d fields in the schema, %d in the table", object, len(schema.Properties), len(fields.list))
	}
}

// TestTablesAreOfTheTypes: the tables name the fields of the Go types, in order.
func TestTablesAreOfTheTypes(t *testing.T) {
	t.Parallel()
	f := func(of reflect.Type, want []string) {
		t.Helper()
		var got []string
		for field := range of.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			got = append(got, name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has the fields %q, its table %q", of, got, want)
		}
	}
	f(reflect.TypeFor[Event](), eventFields.names())
	f(reflect.TypeFor[Actor](), actorFields.names())
	f(reflect.TypeFor[Record](), recordFields.names())
}

func TestSchemaExamplesAreEvents(t *testing.T) {
	t.Parallel()
	schema := eventSchema(t)
	examples := schema.Examples
	for name, node := range schema.Properties {
		for _, example := range node.Examples {
			event := map[string]json.RawMessage{"actor": json.RawMessage(`{"id":"u1"}`), "action": json.RawMessage(`"record.viewed"`)}
			event[name] = example
			value, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			examples = append(examples, value)
		}
	}
	if len(examples) < 10 {
		t.Errorf("the schema has %d examples", len(examples))
	}
	for _, example := range examples {
		if _, err := Decode(example, Origin{Time: time.UnixMilli(0)}); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
}
