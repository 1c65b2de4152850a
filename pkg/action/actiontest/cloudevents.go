package actiontest

import (
	"fmt"
	"strings"

	"github.com/actionlog/actionlog/pkg/action"
)

// binary returns a CloudEvent in binary mode: its data, and headers as key and value
// beside those that it has to have. A header that is given takes the place of one of
// these; the value "-" leaves it out.
func binary(name, data string, headers ...string) Case {
	c := Case{Name: name, Value: []byte(data)}
	for _, required := range [][2]string{
		{"ce_specversion", "1.0"}, {"ce_id", "1"}, {"ce_source", "/billing"}, {"ce_type", "invoice.posted"},
	} {
		given := false
		for i := 0; i < len(headers); i += 2 {
			given = given || headers[i] == required[0]
		}
		if !given {
			headers = append(headers, required[:]...)
		}
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] != "-" {
			c.Headers = append(c.Headers, action.Header{Key: headers[i], Value: []byte(headers[i+1])})
		}
	}
	return c
}

// structured returns a CloudEvent in structured mode: the members beside those that
// it has to have.
func structured(name, members string) Case {
	return structuredValue(name, `{"specversion":"1.0","id":"1","source":"/billing","type":"invoice.posted"`+members+`}`)
}

func structuredValue(name, value string) Case {
	return typed(name, value, "application/cloudevents+json")
}

func typed(name, value, contentType string) Case {
	return Case{Name: name, Value: []byte(value), Headers: []action.Header{{Key: "content-type", Value: []byte(contentType)}}}
}

// ValidCloudEvents returns messages that are accepted as CloudEvents, and plain ones
// whose headers are nobody's.
func ValidCloudEvents() []Case {
	const actor = `{"actor":{"id":"u1"}}`
	return []Case{
		binary("binary", actor),
		binary("binary of every field", full()),
		binary("binary with a content type", actor, "content-type", "application/json"),
		binary("binary with parameters", actor, "content-type", "Application/JSON; charset=utf-8"),
		binary("binary with a JSON suffix", actor, "content-type", "application/vnd.example+json"),
		binary("binary without data", "", "ce_actorid", "u1"),
		binary("binary without data of another type", "", "ce_actorid", "u1", "content-type", "text/plain"),
		binary("binary with null for data", " null ", "ce_actorid", "u1"),
		binary("binary of attributes", "", "ce_actorid", "u1", "ce_actorname", "Alice", "ce_actortype", "agent", "ce_onbehalfofid", "u2",
			"ce_onbehalfofname", "Bo", "ce_onbehalfoftype", "service", "ce_ip", "192.0.2.7", "ce_outcome", "denied", "ce_tenant", "northlight",
			"ce_subject", "INV-1", "ce_subjecttype", "invoice", "ce_subjectname", "Invoice 1", "ce_description", "Posted", "ce_reason", "why",
			"ce_sessionid", "s", "ce_requestid", "r", "ce_useragent", "ua", "ce_time", "2026-03-01T09:30:00.25+01:00"),
		binary("binary with other attributes", actor, "ce_traceparent", "00-4bf92f-00", "ce_dataschema", "https://schemas.example/1", "ce_a0", "\"\u00e9\n"),
		binary("binary with other headers", actor, "ce_id", "3", "traceparent", "00-4bf92f-00", "CE_ID", "2", "", "x", "\xff", "\xff"),
		binary("binary of another source", actor, "ce_source", "/shop"),
		binary("binary whose source and id meet elsewhere", actor, "ce_source", "/billing1", "ce_id", "-1"),
		binary("binary with an id in data", `{"id":"e1","actor":{"id":"u1"}}`),
		binary("binary that differs from data", full(), "ce_type", "com.example.InvoicePosted", "ce_time", "yesterday", "ce_subject", "INV-1", "ce_outcome", "ok"),
		binary("binary in UTF-8", actor, "ce_subject", "Füße ☃ 😀", "ce_id", "é"),
		binary("binary with details", `{"actor":{"id":"u1"},"details":{ "n" : 9007199254740993 }}`),
		binary("binary with empty details", `{"actor":{"id":"u1"},"details":{ }}`),
		binary("binary with attributes in details", `{"actor":{"id":"u1"},"details":{"cloudevent":1}}`),
		binary("binary with an empty subject", actor, "ce_subject", ""),

		structured("structured", `,"data":`+actor),
		structured("structured of every field", `,"data":`+full()),
		structured("structured without data", `,"actorid":"u1"`),
		structured("structured with null", `,"actorid":"u1","data":null,"time":null,"subject":null,"data_base64":null`),
		structured("structured with numbers and booleans", `,"actorid":17,"subject":-3,"sampled":true,"data":{}`),
		structured("structured with an escaped name", `,"actor\u0069d":"u\u0031","data":{}`),
		structured("structured of JSON", `,"datacontenttype":"application/json; charset=utf-8","data":`+actor),
		structured("structured with other attributes", `,"comexampleother":"x","partitionkey":"k","data":`+actor),
		structuredValue("structured in another order", " {\n \"data\" : "+actor+" , \"type\":\"invoice.posted\",\"source\":\"/billing\",\"id\":\"1\",\"specversion\":\"1.0\" } \n"),
		typed("structured in capitals", `{"specversion":"1.0","id":"4","source":"/billing","type":"invoice.posted","actorid":"u1"}`,
			"Application/CloudEvents+JSON ; charset=UTF-8"),
		{
			Name:    "structured with the headers of binary",
			Value:   []byte(`{"specversion":"1.0","id":"5","source":"/billing","type":"invoice.posted","actorid":"u1"}`),
			Headers: append(binary("", "", "ce_id", "9").Headers, action.Header{Key: "Content-Type", Value: []byte("application/cloudevents+json")}),
		},
		{
			Name: "plain with headers", Value: []byte(full()),
			Headers: []action.Header{{Key: "content-type", Value: []byte("application/json")}, {Key: "ce_id", Value: []byte("1")}, {Key: "traceparent"}},
		},
		{
			Name: "plain that is sent again", Value: []byte(`{"actor":{"id":"u1"},"action":"record.viewed"}`),
			Headers: []action.Header{{Key: "actionlog-retry-of", Value: []byte("earlier/2/17/1767139200456/00000000-0000-0000-0000-000000000001")}},
		},
	}
}

// BrokenCloudEvents returns messages that are rejected as CloudEvents.
func BrokenCloudEvents() []Case {
	because := func(c Case, reason action.Reason, field string) Case {
		c.Reason, c.Field = reason, field
		return c
	}
	const actor = `{"actor":{"id":"u1"}}`
	long := strings.Repeat("x", 1025)
	return []Case{
		because(binary("binary of another version", actor, "ce_specversion", "0.3"), action.ReasonNotAllowed, "ce_specversion"),
		because(binary("binary without an id", actor, "ce_id", "-"), action.ReasonMissingField, "ce_id"),
		because(binary("binary without a source", actor, "ce_source", "-"), action.ReasonMissingField, "ce_source"),
		because(binary("binary without a type", actor, "ce_type", "-"), action.ReasonMissingField, "ce_type"),
		because(binary("binary with an empty id", actor, "ce_id", ""), action.ReasonTooShort, "ce_id"),
		because(binary("binary with an empty source", actor, "ce_source", ""), action.ReasonTooShort, "ce_source"),
		because(binary("binary with an empty type", full(), "ce_type", ""), action.ReasonTooShort, "ce_type"),
		because(binary("binary with a line feed in the source", actor, "ce_source", "/a\nb"), action.ReasonInvalidFormat, "ce_source"),
		because(binary("binary with a line feed in the id", actor, "ce_id", "a\nb"), action.ReasonInvalidFormat, "ce_id"),
		because(binary("binary whose type is no action", actor, "ce_type", "com.example.InvoicePosted"), action.ReasonInvalidFormat, "ce_type"),
		because(binary("binary with a wrong time", actor, "ce_time", "yesterday"), action.ReasonInvalidFormat, "ce_time"),
		because(binary("binary with an early time", actor, "ce_time", "1969-12-31T23:59:59Z"), action.ReasonOutOfRange, "ce_time"),
		because(binary("binary with a wrong address", actor, "ce_ip", "host.example"), action.ReasonInvalidFormat, "ce_ip"),
		because(binary("binary with a wrong outcome", actor, "ce_outcome", "ok"), action.ReasonNotAllowed, "ce_outcome"),
		because(binary("binary with an empty tenant", actor, "ce_tenant", ""), action.ReasonTooShort, "ce_tenant"),
		because(binary("binary with a long subject", actor, "ce_subject", long), action.ReasonTooLong, "ce_subject"),
		because(binary("binary with an id twice", actor, "ce_id", "1", "ce_id", "1"), action.ReasonDuplicateField, "ce_id"),
		because(binary("binary with two content types", actor, "content-type", "application/json", "Content-Type", "application/json"), action.ReasonDuplicateField, "content-type"),
		because(binary("binary with an underscore in a name", actor, "ce_actor_id", "u1"), action.ReasonUnknownField, "ce_actor_id"),
		because(binary("binary with data in a header", "", "ce_data", actor), action.ReasonUnknownField, "ce_data"),
		because(binary("binary with a nameless attribute", actor, "ce_", "x"), action.ReasonUnknownField, "ce_"),
		because(binary("binary with a name that is not UTF-8", actor, "ce_\xff", "x"), action.ReasonUnknownField, `["ce_\xff"]`),
		because(binary("binary in Latin-1", actor, "ce_subject", "caf\xe9"), action.ReasonInvalidUTF8, "ce_subject"),
		because(binary("binary of text", "Invoice 1 was posted", "content-type", "text/plain"), action.ReasonNotAllowed, "content-type"),
		because(binary("binary of Avro", "\x00\x01", "content-type", "application/avro"), action.ReasonNotAllowed, "content-type"),
		because(binary("binary of what is not JSON", "Invoice 1 was posted"), action.ReasonInvalidJSON, ""),
		because(binary("binary of a misspelt null", "nul", "ce_actorid", "u1"), action.ReasonInvalidJSON, ""),
		because(binary("binary of an array", "["+actor+"]"), action.ReasonNotAnObject, ""),
		because(binary("binary of two objects", actor+actor), action.ReasonInvalidJSON, ""),
		because(binary("binary of another system", `{"invoice":1}`, "ce_actorid", "u1"), action.ReasonUnknownField, "invoice"),
		because(binary("binary without an actor", `{}`), action.ReasonMissingField, "actor"),
		because(binary("binary with an actor without an id", `{"actor":{"name":"Alice"}}`, "ce_actorid", "u1"), action.ReasonMissingField, "actor.id"),
		because(binary("binary with the name of nobody", actor, "ce_onbehalfofname", "Bo"), action.ReasonMissingField, "ce_onbehalfofid"),
		because(binary("binary with long attributes", actor, "ce_other", strings.Repeat("x", 66_000)), action.ReasonTooLong, "details"),
		because(binary("binary too large by its headers", actor, "ce_other", strings.Repeat("x", action.MaxMessageBytes)), action.ReasonTooLarge, ""),
		because(binary("binary too large", strings.Repeat(" ", action.MaxMessageBytes), "ce_actorid", "u1"), action.ReasonTooLarge, ""),

		because(typed("batch", "["+actor+"]", "application/cloudevents-batch+json"), action.ReasonNotAllowed, "content-type"),
		because(typed("structured in Avro", "\x00\x01", "application/cloudevents+avro"), action.ReasonNotAllowed, "content-type"),
		because(typed("structured in no format", actor, "application/cloudevents"), action.ReasonNotAllowed, "content-type"),
		because(structuredValue("structured and empty", " "), action.ReasonEmpty, ""),
		because(structuredValue("structured array", `[{"specversion":"1.0"}]`), action.ReasonNotAnObject, ""),
		because(structuredValue("structured and cut", `{"specversion":"1.0","data":{"actor"`), action.ReasonInvalidJSON, ""),
		because(structuredValue("structured and cut in a name", `{"specversion":"1.0","da`), action.ReasonInvalidJSON, ""),
		because(structuredValue("structured without a comma", `{"specversion":"1.0" "id":"1"}`), action.ReasonInvalidJSON, ""),
		because(structuredValue("structured and more", `{"specversion":"1.0"}{}`), action.ReasonInvalidJSON, ""),
		because(structuredValue("structured plain event", full()), action.ReasonWrongType, "actor"),
		because(structuredValue("structured without a version", `{"id":"1","source":"/a","type":"a.b"}`), action.ReasonMissingField, "specversion"),
		because(structuredValue("structured of another version", `{"specversion":"1.1","id":"1","source":"/a","type":"a.b"}`), action.ReasonNotAllowed, "specversion"),
		because(structuredValue("structured of a number for a version", `{"specversion":1,"id":"1","source":"/a","type":"a.b"}`), action.ReasonNotAllowed, "specversion"),
		because(structuredValue("structured without an id", `{"specversion":"1.0","source":"/a","type":"a.b"}`), action.ReasonMissingField, "id"),
		because(structuredValue("structured with null for the source", `{"specversion":"1.0","source":null,"id":"1","type":"a.b"}`), action.ReasonMissingField, "source"),
		because(structured("structured with an id twice", `,"id":"1"`), action.ReasonDuplicateField, "id"),
		because(structured("structured with data twice", `,"data":{},"data":{}`), action.ReasonDuplicateField, "data"),
		because(structured("structured with Base64", `,"data_base64":"e30="`), action.ReasonUnknownField, "data_base64"),
		because(structured("structured of XML", `,"datacontenttype":"application/xml","data":"<a/>"`), action.ReasonNotAllowed, "datacontenttype"),
		because(structured("structured with a name in capitals", `,"ActorID":"u1"`), action.ReasonUnknownField, "ActorID"),
		because(structured("structured with an object for an attribute", `,"actor":{"id":"u1"}`), action.ReasonWrongType, "actor"),
		because(structured("structured with an array for an attribute", `,"tags":[]`), action.ReasonWrongType, "tags"),
		because(structured("structured with a string for data", `,"data":"{}"`), action.ReasonWrongType, "data"),
		because(structured("structured with half a surrogate pair", `,"subject":"\ud83d"`), action.ReasonInvalidUTF8, "subject"),
		because(structured("structured with a wrong subject", `,"actorid":"u1","subject":"`+long+`"`), action.ReasonTooLong, "subject"),
		because(structured("structured without an actor", `,"data":{}`), action.ReasonMissingField, "data.actor"),
		because(structured("structured of another system", `,"data":{"invoice":1}`), action.ReasonUnknownField, "data.invoice"),
		because(structured("structured with a wrong time in data", `,"data":{"time":"2101-01-01T00:00:00Z","actor":{"id":"u1"}}`), action.ReasonOutOfRange, "data.time"),
		because(structured("structured with a name twice in data", `,"data":{"actor":{"id":"u1"},"actor":{"id":"u1"}}`), action.ReasonDuplicateField, "data.actor"),
		because(structured("structured with a name twice in details", `,"data":{"actor":{"id":"u1"},"details":{"a":{"b":1,"b":1}}}`), action.ReasonDuplicateField, "data.details.a.b"),
		because(structured("structured with a string in related", `,"data":{"related":[{},"x"]}`), action.ReasonWrongType, "data.related[1]"),
		because(structured("structured with an array for details", `,"data":{"details":[]}`), action.ReasonWrongType, "data.details"),
		because(structured("structured with many related", `,"data":{"related":[`+strings.Repeat("{},", 16)+`{}]}`), action.ReasonTooMany, "data.related"),
		because(structured("structured with deep details", fmt.Sprintf(`,"data":{"details":{"a":%s%s}}`, strings.Repeat("[", 64), strings.Repeat("]", 64))),
			action.ReasonTooDeep, "data.details"),
		because(structured("structured with long details", `,"data":{"details":{"a":"`+strings.Repeat("x", 65536)+`"}}`), action.ReasonTooLong, "data.details"),
		because(structured("structured with long attributes", `,"actorid":"u1","other":"`+strings.Repeat("x", 65536)+`"`), action.ReasonTooLong, "data.details"),
		because(structured("structured too large", strings.Repeat(" ", action.MaxMessageBytes)), action.ReasonTooLarge, ""),
	}
}
