package action_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/action/actiontest"
)

// attributes are those of a CloudEvent by their names.
type attributes map[string]string

// binary returns the CloudEvent in binary mode.
func (a attributes) binary(data []byte) action.Message {
	m := action.Message{Value: data}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		key := "ce_" + name
		if name == "datacontenttype" {
			key = "content-type"
		}
		m.Headers = append(m.Headers, action.Header{Key: key, Value: []byte(a[name])})
	}
	return m
}

// structured returns the CloudEvent in structured mode. Its data is last, so that
// what is wrong with it is found as late.
func (a attributes) structured(t *testing.T, data []byte) action.Message {
	t.Helper()
	value, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if len(bytes.TrimSpace(data)) > 0 {
		value = slices.Concat(value[:len(value)-1], []byte(`,"data":`), data, []byte("}"))
	}
	return action.Message{Value: value, Headers: []action.Header{{Key: "content-type", Value: []byte("application/cloudevents+json")}}}
}

// required returns the attributes that every CloudEvent has, and more as names and
// values.
func required(more ...string) attributes {
	a := attributes{"specversion": "1.0", "id": "1", "source": "/billing", "type": "invoice.posted"}
	for i := 0; i < len(more); i += 2 {
		a[more[i]] = more[i+1]
	}
	return a
}

// accepted decodes what must be an event.
func accepted(t *testing.T, m action.Message) action.Event {
	t.Helper()
	event, rejected := m.Decode(origin())
	if rejected != nil {
		t.Fatalf("%.200q with %.500q: %v", m.Value, m.Headers, rejected)
	}
	return event
}

func TestCloudEventAttributesBecomeFields(t *testing.T) {
	t.Parallel()
	a := required("actorid", "u1", "actorname", "Alice", "actortype", "agent", "onbehalfofid", "u2", "onbehalfofname", "Bo",
		"onbehalfoftype", "service", "ip", "192.0.2.7", "outcome", "denied", "tenant", "northlight", "subject", "INV-1",
		"subjecttype", "invoice", "subjectname", "Invoice 1", "description", "Posted <it>", "reason", "why", "sessionid", "s",
		"requestid", "r", "useragent", "ua", "time", "2026-03-01T09:30:00.25+01:00", "datacontenttype", "application/json",
		"traceparent", "00-4bf9-00")
	want, rejected := action.Decode([]byte(`{"id":"568b8df3-aa2d-52ca-bd65-f1a7d64d84d3","time":"2026-03-01T08:30:00.25Z","tenant":"northlight",
		"actor":{"id":"u1","name":"Alice","type":"agent"},"on_behalf_of":{"id":"u2","name":"Bo","type":"service"},"ip":"192.0.2.7",
		"action":"invoice.posted","outcome":"denied","subject":{"type":"invoice","id":"INV-1","name":"Invoice 1"},
		"description":"Posted <it>","reason":"why","session_id":"s","request_id":"r","user_agent":"ua",
		"details":{"cloudevent":{"id":"1","source":"/billing","traceparent":"00-4bf9-00"}}}`), origin())
	if rejected != nil {
		t.Fatal(rejected)
	}
	for _, m := range []action.Message{a.binary(nil), a.structured(t, nil)} {
		if got := accepted(t, m); !reflect.DeepEqual(got, want) {
			t.Errorf("%.100q becomes\n%+v, want\n%+v", m.Value, got, want)
		}
	}
}

func TestCloudEventDataGoesBeforeAttributes(t *testing.T) {
	t.Parallel()
	f := func(data string, a attributes, want string) {
		t.Helper()
		for _, m := range []action.Message{a.binary([]byte(data)), a.structured(t, []byte(data))} {
			event := accepted(t, m)
			event.ID = "" // another test's
			got, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"id":"","time":"2026-01-01T00:00:00.123Z","tenant":"default",` + want + "}"; string(got) != want {
				t.Errorf("%s with %v becomes\n%s, want\n%s", data, a, got, want)
			}
		}
	}
	kept := func(more string) string { return `"details":{"cloudevent":{"id":"1","source":"/billing"` + more + `}}` }
	f(`{"actor":{"id":"u1"}}`, required(),
		`"actor":{"id":"u1","type":"user"},"action":"invoice.posted","outcome":"success",`+kept(""))
	// An actor or a record is not mixed of two.
	f(`{"actor":{"id":"u1"},"subject":{"id":"a"}}`, required("actorid", "u2", "actorname", "Bo", "actortype", "user", "subject", "b", "subjecttype", "c"),
		`"actor":{"id":"u1","type":"user"},"action":"invoice.posted","outcome":"success","subject":{"id":"a"},`+
			`"details":{"cloudevent":{"actorid":"u2","actorname":"Bo","id":"1","source":"/billing","subject":"b","subjecttype":"c"}}`)
	f(`{"actor":{"id":"u1"},"subject":{"type":"invoice"}}`, required("subject", "INV-1", "subjecttype", "bill", "subjectname", "One"),
		`"actor":{"id":"u1","type":"user"},"action":"invoice.posted","outcome":"success","subject":{"type":"invoice","id":"INV-1","name":"One"},`+
			kept(`,"subjecttype":"bill"`))
	// What data says is not held to the type, and both are kept.
	f(`{"actor":{"id":"u1"},"action":"invoice.posted"}`, required("type", "com.example.InvoicePosted"),
		`"actor":{"id":"u1","type":"user"},"action":"invoice.posted","outcome":"success",`+kept(`,"type":"com.example.InvoicePosted"`))
	f(`{"actor":{"id":"u1"},"action":"invoice.posted","details":{"n":1}}`, required(),
		`"actor":{"id":"u1","type":"user"},"action":"invoice.posted","outcome":"success",`+
			`"details":{"n":1,"cloudevent":{"id":"1","source":"/billing"}}`)
	f(`{"actor":{"id":"u1"},"details":{"cloudevent":null}}`, required("other", "x"),
		`"actor":{"id":"u1","type":"user"},"action":"invoice.posted","outcome":"success","details":{"cloudevent":null}`)
}

// TestCloudEventID: two sources may use one id, and so may a source that ends as
// another's id begins. Their ids never change: a replay would store them again.
func TestCloudEventID(t *testing.T) {
	t.Parallel()
	f := func(source, id, data, want string) {
		t.Helper()
		a := required("source", source, "id", id, "actorid", "u1")
		if got := accepted(t, a.binary([]byte(data))).ID; got != want {
			t.Errorf("%q of %q has the id %s, want %s", id, source, got, want)
		}
	}
	f("/billing", "1", "", "568b8df3-aa2d-52ca-bd65-f1a7d64d84d3")
	f("/shop", "1", "", "bb0d18e4-6fa3-50b3-adce-181438fd28f6")
	f("/billing1", "1", "", "90be573f-5ec0-5ca9-abb4-1c6ac6df5e9b")
	f("/billing", "11", "", "b693857d-201e-58f3-abb5-2d4520eb199c")
	f("/billing", "1", `{"id":"e1"}`, "e1")
}

// TestEventsSurviveAsCloudEvents: an event that is sent as a CloudEvent is the same
// event, but that its details name the CloudEvent.
func TestEventsSurviveAsCloudEvents(t *testing.T) {
	t.Parallel()
	const kept = `"cloudevent":{"id":"ce-1","source":"/billing","type":"another.type"}}`
	compared := 0
	for _, c := range actiontest.Valid() {
		want := accepted(t, c.Message())
		if len(want.Details)+len(kept)+1 > action.MaxDetailsBytes {
			continue
		}
		data := c.Value
		if want.ID == "actions-3-1234" { // the source gave no id
			data = append([]byte(`{"id":"actions-3-1234",`), bytes.TrimLeft(data, " \r\n\t")[1:]...)
		}
		a := required("id", "ce-1", "type", "another.type")
		for mode, m := range map[string]action.Message{"binary": a.binary(data), "structured": a.structured(t, data)} {
			got := accepted(t, m)
			details, ok := bytes.CutSuffix(got.Details, []byte(kept))
			if !ok {
				t.Fatalf("%s, %s: details are %s", c.Name, mode, got.Details)
			}
			// A comma if there are others, and the brace.
			details = append(bytes.TrimSuffix(details, []byte(",")), '}')
			if got.Details = details; want.Details == nil && string(details) == "{}" {
				got.Details = nil
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: got\n%+v, want\n%+v", c.Name, mode, got, want)
			}
			compared++
		}
	}
	if compared < 100 {
		t.Errorf("only %d were compared", compared)
	}
}

// TestCloudEventsAreAsStrict: what is no event is no event as data either, for the
// same reason, but for what attributes stand in for.
func TestCloudEventsAreAsStrict(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, c := range actiontest.Broken() {
		if c.Reason == action.ReasonEmpty || c.Reason == action.ReasonTooLarge || string(c.Value) == "null" {
			continue
		}
		event, rejected := required().binary(c.Value).Decode(origin())
		if rejected == nil {
			if c.Reason != action.ReasonMissingField || c.Field != "action" {
				t.Errorf("%s is accepted: %+v", c.Name, event)
			}
			continue
		}
		if rejected.Reason != c.Reason || rejected.Field != c.Field {
			t.Errorf("%s is rejected as %s of %q, want %s of %q", c.Name, rejected.Reason, rejected.Field, c.Reason, c.Field)
		}
		compared++
	}
	if compared < 100 {
		t.Errorf("only %d were compared", compared)
	}
}

func TestCloudEventSharesNoMemory(t *testing.T) {
	t.Parallel()
	a := required("actorid", "u1", "subject", "INV-1", "other", "x")
	data := []byte(`{"description":"Posted","details":{"n":1}}`)
	for _, m := range []action.Message{a.binary(data), a.structured(t, data)} {
		got, want := accepted(t, m), accepted(t, m)
		want.Details = bytes.Clone(want.Details)
		for i := range m.Value {
			m.Value[i] = 'x'
		}
		for _, h := range m.Headers {
			copy(h.Value, strings.Repeat("x", len(h.Value)))
		}
		if got.Description != "Posted" || got.Actor.ID != "u1" || got.Subject.ID != "INV-1" || !bytes.Equal(got.Details, want.Details) ||
			!bytes.Contains(got.Details, []byte(`"other":"x"`)) {
			t.Errorf("the event shares memory with its message: %+v", got)
		}
	}
}

func TestCloudEventRejectionMessage(t *testing.T) {
	t.Parallel()
	f := func(m action.Message, want string) {
		t.Helper()
		_, rejected := m.Decode(origin())
		if rejected == nil || rejected.Error() != want {
			t.Errorf("%.100q is rejected with\n%v, want\n%s", m.Value, rejected, want)
		}
	}
	typed := func(value, contentType string) action.Message {
		return action.Message{Value: []byte(value), Headers: []action.Header{{Key: "content-type", Value: []byte(contentType)}}}
	}
	f(typed(`[]`, "application/cloudevents-batch+json"), `not_allowed: content-type is "application/cloudevents-batch+json": `+
		`Kafka has no batches of CloudEvents: send one a message, as application/cloudevents+json`)
	f(typed(`x`, "application/cloudevents+protobuf"), `not_allowed: content-type is "application/cloudevents+protobuf": `+
		`send a CloudEvent as application/cloudevents+json`)
	f(required("type", "com.example.InvoicePosted", "actorid", "u1").binary(nil), `invalid_format: ce_type is "com.example.InvoicePosted": `+
		`send what was done in lower case with dots between, noun first, as invoice.posted; it stands in for action, which data lacks`)
	f(required("actor_id", "u1").binary(nil), `unknown_field: ce_actor_id is not the name of an attribute, which has a-z and 0-9 only: `+
		`did you mean ce_actorid?`)
	f(required("my-name", "u1").structured(t, nil), `unknown_field: my-name is not the name of an attribute, which has a-z and 0-9 only: `+
		`rename it, or put it into the details of data`)
	f(required("data_base64", "e30=").structured(t, nil), `unknown_field: data_base64 is not read: send data as a JSON object`)
	f(required("specversion", "0.3").binary(nil), `not_allowed: ce_specversion is "0.3": send a CloudEvent of version 1.0`)
	f(required("datacontenttype", "text/xml").binary([]byte("<a/>")), `not_allowed: content-type is "text/xml": send data as JSON, with application/json`)
	f(required().structured(t, []byte(`{}`)), `missing_field: data.actor is missing: an event needs it, or actorid`)
	f(action.Message{Value: required().structured(t, nil).Value}, `unknown_field: source is not a field of an event: put it into details, `+
		`which holds any JSON; if this is a CloudEvent, send it with the header content-type: application/cloudevents+json`)
}

func TestMessageHash(t *testing.T) {
	t.Parallel()
	const value = `{"actor":{"id":"u1"}}`
	header := func(key, value string) action.Header { return action.Header{Key: key, Value: []byte(value)} }
	version := header("ce_specversion", "1.0")
	hash := func(headers ...action.Header) action.ContentHash {
		return action.Message{Value: []byte(value), Headers: headers}.Hash()
	}
	plain := action.HashContent([]byte(value))
	for _, headers := range [][]action.Header{
		nil, {header("ce_id", "1")}, {header("content-type", "application/json")}, {header("content-type", "application/cloudevents+json"), version},
	} {
		if hash(headers...) != plain {
			t.Errorf("with the headers %q the hash is not that of the value", headers)
		}
	}
	seen := map[action.ContentHash]string{plain: "plain"}
	for _, headers := range [][]action.Header{
		{version},
		{version, header("ce_id", "1")},
		{version, header("ce_id", "12")},
		{version, header("ce_id", "")},
		{version, header("ce_id", ""), header("ce_id", "")},
		{version, header("ce_id1", "2")},
		{version, header("ce_a", "1"), header("ce_b", "2")},
		{version, header("ce_a", "2"), header("ce_b", "1")},
		{version, header("ce_a", "1ce_b2")},
		{version, header("content-type", "application/json")},
		{header("ce_specversion", "1.")},
	} {
		name := fmt.Sprintf("%q", headers)
		got := hash(headers...)
		if other, ok := seen[got]; ok {
			t.Errorf("%s has the hash of %s", name, other)
		}
		seen[got] = name
		// Neither the order nor what is no part of the CloudEvent counts.
		headers = append(slices.Clone(headers), header("traceparent", "00"), action.RetryHeader(origin()))
		slices.Reverse(headers)
		if hash(headers...) != got {
			t.Errorf("%s has another hash in another order, or beside other headers", name)
		}
	}
	if hash(version, header("Content-Type", "a/b")) != hash(header("content-type", "a/b"), version) {
		t.Error("the hash depends on the case of content-type")
	}
}

func TestRetriedMessageKeepsItsPlace(t *testing.T) {
	t.Parallel()
	first := action.Origin{
		TopicID: [16]byte{1, 2, 3}, Topic: "actions-of.2025_", Partition: 1<<31 - 1, Offset: 1<<63 - 1,
		Time: time.Date(2025, 12, 31, 23, 0, 0, 999_999_999, time.FixedZone("", -3600)),
	}
	header := action.RetryHeader(first)
	second := action.RetryHeader(action.Origin{Topic: "second", Time: time.UnixMilli(0)})
	cloudEvent := required("actorid", "u1").binary(nil)
	f := func(m action.Message, id, at string) {
		t.Helper()
		event := accepted(t, m)
		if got := event.Time.Format(time.RFC3339Nano); event.ID != id || got != at {
			t.Errorf("with the headers %q: id %s, time %s, want %s and %s", m.Headers, event.ID, got, id, at)
		}
	}
	plain := func(value string, headers ...action.Header) action.Message {
		return action.Message{Value: []byte(value), Headers: headers}
	}
	const least = `{"actor":{"id":"u1"},"action":"a.b"}`
	const firstID, firstTime = "actions-of.2025_-2147483647-9223372036854775807", "2026-01-01T00:00:00.999Z"
	f(plain(least, header), firstID, firstTime)
	f(plain(least, action.Header{Key: "x"}, header, second), firstID, firstTime)
	f(plain(`{"id":"e1","time":"2026-03-01T09:30:00Z","actor":{"id":"u1"},"action":"a.b"}`, header), "e1", "2026-03-01T09:30:00Z")
	f(plain(least, action.RetryHeader(origin())), "actions-3-1234", "2026-01-01T00:00:00.123Z")
	f(action.Message{Headers: append(cloudEvent.Headers, header)}, "568b8df3-aa2d-52ca-bd65-f1a7d64d84d3", firstTime)

	good := string(second.Value)
	if want := "second/0/0/0/00000000-0000-0000-0000-000000000000"; good != want {
		t.Fatalf("the header is %s, want %s", good, want)
	}
	for _, wrong := range []string{
		"", "second", good + "/", good[1:] + "\n", strings.Replace(good, "second", "", 1), strings.Replace(good, "second", "se cond", 1),
		strings.Replace(good, "second", strings.Repeat("t", 250), 1), strings.Replace(good, "/0/", "/-1/", 1), strings.Replace(good, "/0/", "/00/", 1),
		strings.Replace(good, "/0/", "/2147483648/", 1), strings.Replace(good, "/0/0/", "/0/-1/", 1), strings.Replace(good, "/0/0/", "/0/x/", 1),
		strings.Replace(good, "/0/0/0/", "/0/0/9223372036854775808/", 1), strings.ToUpper(good[:7]) + good[7:] + "a", good[:len(good)-1] + "g",
		"{" + good[7:] + "}", strings.ReplaceAll(good, "-", ""),
	} {
		bad := action.Header{Key: header.Key, Value: []byte(wrong)}
		f(plain(least, bad), "actions-3-1234", "2026-01-01T00:00:00.123Z")
		f(plain(least, bad, header), firstID, firstTime)
	}
}

// FuzzCloudEvents: whatever value and headers are, the verdict is an event within its
// bounds that its own JSON form keeps, or a rejection from the list with a message
// fit to show; the order of the headers does not matter; and a CloudEvent is the same
// event in either mode. Headers are lines of key and value with a colon between;
// complete adds those that every CloudEvent has.
func FuzzCloudEvents(f *testing.F) {
	for _, c := range everyCase() {
		var headers strings.Builder
		for _, h := range c.Headers {
			fmt.Fprintf(&headers, "%s:%s\n", h.Key, h.Value)
		}
		if len(c.Headers) > 0 && len(c.Value)+headers.Len() < 4096 {
			f.Add(c.Value, headers.String(), false)
			f.Add(c.Value, headers.String(), true)
		}
	}
	f.Fuzz(func(t *testing.T, value []byte, lines string, complete bool) {
		m := action.Message{Value: value}
		for line := range strings.Lines(lines) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
			m.Headers = append(m.Headers, action.Header{Key: key, Value: []byte(value)})
		}
		for _, h := range required().binary(nil).Headers {
			if complete && !slices.ContainsFunc(m.Headers, func(given action.Header) bool { return given.Key == h.Key }) {
				m.Headers = append(m.Headers, h)
			}
		}
		event, rejected := m.Decode(origin())
		reversed := action.Message{Value: value, Headers: slices.Clone(m.Headers)}
		slices.Reverse(reversed.Headers)
		if !strings.Contains(lines, "actionlog-retry-of") { // of two the first counts
			again, rejectedAgain := reversed.Decode(origin())
			if (rejected == nil) != (rejectedAgain == nil) || !reflect.DeepEqual(event, again) {
				t.Errorf("in another order of its headers the message becomes %+v, %v", again, rejectedAgain)
			}
		}
		if m.Hash() != reversed.Hash() {
			t.Error("the hash depends on the order of headers")
		}
		if rejected != nil {
			checkRejection(t, rejected)
			return
		}
		checkBounds(t, event)
		checkRoundTrip(t, event)
		checkOtherMode(t, m, event)
	})
}

// checkOtherMode: the event of a message in binary mode is that of the same
// CloudEvent in structured mode.
func checkOtherMode(t *testing.T, m action.Message, event action.Event) {
	t.Helper()
	a := attributes{}
	var others []action.Header
	for _, h := range m.Headers {
		name, isAttribute := strings.CutPrefix(h.Key, "ce_")
		switch {
		case strings.EqualFold(h.Key, "content-type"):
			if strings.HasPrefix(strings.ToLower(string(h.Value)), "application/cloudevents") {
				return
			}
			a["datacontenttype"] = string(h.Value)
		case isAttribute:
			a[name] = string(h.Value)
		default:
			others = append(others, h)
		}
	}
	if a["specversion"] == "" {
		return
	}
	structured := a.structured(t, m.Value)
	structured.Headers = append(structured.Headers, others...)
	got, rejected := structured.Decode(origin())
	if rejected != nil || !reflect.DeepEqual(got, event) {
		t.Errorf("in structured mode the CloudEvent becomes\n%+v, %v, in binary mode\n%+v", got, rejected, event)
	}
}
