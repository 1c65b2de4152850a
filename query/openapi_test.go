package query

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

type openAPIDocument struct {
	Paths map[string]struct {
		Get struct {
			Parameters []json.RawMessage `json:"parameters"`
		} `json:"get"`
	} `json:"paths"`
	Components struct {
		Parameters map[string]openAPIParameter `json:"parameters"`
		Schemas    map[string]struct {
			Properties map[string]any `json:"properties"`
			Enum       []any          `json:"enum"`
		} `json:"schemas"`
	} `json:"components"`
}

type openAPIParameter struct {
	Ref    string `json:"$ref"`
	Name   string `json:"name"`
	In     string `json:"in"`
	Schema struct {
		Type      any `json:"type"`
		MaxLength int `json:"maxLength"`
		MaxItems  int `json:"maxItems"`
		Default   any `json:"default"`
		Items     struct {
			MaxLength int `json:"maxLength"`
		} `json:"items"`
	} `json:"schema"`
}

func readOpenAPI(t *testing.T) (openAPIDocument, []byte) {
	t.Helper()
	served, err := openAPI()
	if err != nil {
		t.Fatal(err)
	}
	text := served.Plain
	var document openAPIDocument
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document, text
}

func TestOpenAPIHasTheRoutesAndParametersAndNoOthers(t *testing.T) {
	t.Parallel()
	document, _ := readOpenAPI(t)
	s := deadServer(t)
	served := map[string]bool{}
	for _, rt := range s.routes() {
		if rt.page {
			continue
		}
		served[rt.path] = true
		documented, ok := document.Paths[rt.path]
		if !ok {
			t.Errorf("%s is served and not documented", rt.path)
			continue
		}
		var want, got []string
		for _, p := range rt.parameters {
			want = append(want, fmt.Sprint(p.name, " ", p.repeatable))
		}
		for _, raw := range documented.Get.Parameters {
			var p openAPIParameter
			if err := json.Unmarshal(raw, &p); err != nil {
				t.Fatal(err)
			}
			if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
				p = document.Components.Parameters[name]
			}
			if p.In == "query" {
				got = append(got, fmt.Sprint(p.Name, " ", p.Schema.Type == "array"))
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: documented are %v, accepted %v", rt.path, got, want)
		}
	}
	for path := range document.Paths {
		if !served[path] {
			t.Errorf("%s is documented and not served", path)
		}
	}
}

func TestOpenAPIHasTheFiltersBounds(t *testing.T) {
	t.Parallel()
	document, text := readOpenAPI(t)
	f := func(name string, most, times int) {
		t.Helper()
		schema := document.Components.Parameters[name].Schema
		got := schema.MaxLength
		if times > 0 {
			got = schema.Items.MaxLength
		}
		if got != most || schema.MaxItems != times {
			t.Errorf("%s: documented are %d characters and %d values, accepted %d and %d", name, got, schema.MaxItems, most, times)
		}
	}
	for _, field := range store.Fields() {
		f(field.Name, field.Most, maxValues)
	}
	f("tenant", maxTenant, 0)
	f("q", maxText, 0)
	f("search", maxLine, 0)
	f("cursor", maxCursor, 0)
	if got := document.Components.Parameters["tenant"].Schema.Default; got != action.DefaultTenant {
		t.Errorf("the tenant's default is documented as %v", got)
	}
	// What is longer is found in no event, and what is not is not refused.
	for name, pointer := range map[string]string{
		"tenant": "properties/tenant", "actor": "$defs/actor/properties/id", "on_behalf_of": "$defs/actor/properties/id", "action": "properties/action",
		"subject_type": "$defs/record/properties/type", "subject_id": "$defs/record/properties/id", "session_id": "properties/session_id",
		"request_id": "properties/request_id", "user_agent": "properties/user_agent",
	} {
		most := maxTenant
		if field, ok := store.LookupField(name); ok {
			most = field.Most
		}
		schema := at(parse(t, text), strings.Split("components/schemas/Event/"+pointer, "/")...)
		held, err := strconv.Atoi(fmt.Sprint(at(schema, "maxLength")))
		if err != nil || held > most {
			t.Errorf("%s: an event holds %d characters, a filter takes %d", name, held, most)
		}
	}
}

func TestOpenAPIListsTheReasonsAndTheEventsFields(t *testing.T) {
	t.Parallel()
	document, _ := readOpenAPI(t)
	var reasons []any
	for _, r := range action.Reasons() {
		reasons = append(reasons, string(r))
	}
	rejected := document.Components.Schemas["Reason"].Enum
	if fmt.Sprint(rejected) != fmt.Sprint(reasons) {
		t.Errorf("reasons: documented are %v, there are %v", rejected, reasons)
	}
	shown := document.Components.Schemas["Action"].Properties
	for name := range document.Components.Schemas["Event"].Properties {
		if _, ok := shown[name]; !ok {
			t.Errorf("the event's field %s is not in Action", name)
		}
	}
	if n := len(document.Components.Schemas["Event"].Properties) + len([]string{"conflicting"}); len(shown) != n {
		t.Errorf("Action has %d properties, want %d", len(shown), n)
	}
	measured := []string{"partial", "took_ms", "rows_read", "complete_through"}
	if found := document.Components.Schemas["FoundAction"].Properties; len(found) != len(shown)+1+len(measured) {
		t.Errorf("FoundAction has %d properties, want those of Action, others and what is measured", len(found))
	}
}

func TestOpenAPIIsOneValidDocument(t *testing.T) {
	t.Parallel()
	_, text := readOpenAPI(t)
	for _, outside := range []string{"event.schema.json#", `"$id"`, `"$schema"`} {
		if strings.Contains(string(text), outside) {
			t.Errorf("the document is not self-contained: it has %s", outside)
		}
	}
	// The schema is that of the OpenAPI Initiative, version 2022-10-07, which leaves
	// the schemas within the document to their own dialect.
	schema, err := os.ReadFile("testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := compile(t, schema, "").Validate(parse(t, text)); err != nil {
		t.Errorf("%#v", err)
	}
	document, _ := readOpenAPI(t)
	for name := range document.Components.Schemas {
		compile(t, text, "#/components/schemas/"+name) // fails when a reference leads nowhere
	}
	if w := get(t, deadServer(t), "/openapi.json"); w.Code != 200 || w.Body.String() != string(text) {
		t.Errorf("served is another document: %d", w.Code)
	}
}

func parse(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// compile returns the schema at a pointer into a document.
func compile(t *testing.T, document []byte, pointer string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:///document.json", parse(t, document)); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("mem:///document.json" + pointer)
	if err != nil {
		t.Fatalf("%s: %v", pointer, err)
	}
	return schema
}

// at returns what stands at a path of names in a document, nil for nothing.
func at(v any, keys ...string) any {
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// responseSchema returns where the schema of an answer stands, by path, status and
// media type; empty when such an answer is not documented.
func responseSchema(document any, path string, status int, mediaType string) string {
	responses := at(document, "paths", path, "get", "responses")
	response := at(responses, strconv.Itoa(status))
	if response == nil {
		response = at(responses, "default")
	}
	if reference, ok := at(response, "$ref").(string); ok {
		response = at(document, strings.Split(strings.TrimPrefix(reference, "#/"), "/")...)
	}
	reference, _ := at(response, "content", mediaType, "schema", "$ref").(string)
	return reference
}

// wantDocumented asks for a target of a documented path, and holds the answer to the
// document.
func wantDocumented(t *testing.T, s *Server, path, target string, status int) {
	t.Helper()
	_, text := readOpenAPI(t)
	w := get(t, s, target)
	mediaType, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	pointer := responseSchema(parse(t, text), path, status, mediaType)
	if w.Code != status || pointer == "" {
		t.Errorf("%s: %d %s is not documented: %s", target, w.Code, mediaType, w.Body)
		return
	}
	if err := compile(t, text, pointer).Validate(parse(t, w.Body.Bytes())); err != nil {
		t.Errorf("%s: %s\n%#v", target, w.Body, err)
	}
}

func TestAnswersAreAsDocumented(t *testing.T) {
	t.Parallel()
	_, text := readOpenAPI(t)
	document := parse(t, text)
	s, events := testServer(t)
	insert(t, events, event(1, nil), event(2, full),
		event(3, func(a *store.Action) { a.ID, a.Time, a.Description = "twice", received, "first" }),
		event(4, func(a *store.Action) { a.ID, a.Time, a.Description = "twice", received, "second" }))
	if err := events.InsertRejected(t.Context(), []store.Rejected{
		{Rejection: action.Rejection{Reason: action.ReasonEmpty}, Origin: action.Origin{Topic: "actions", Time: received}, Raw: []byte{0xFF}},
		{
			Rejection: action.Rejection{Reason: action.ReasonTooLong}, Origin: action.Origin{Topic: "actions", Offset: 1, Time: received.Add(time.Second)},
			Headers: []action.Header{{Key: "ce_id", Value: []byte{0xFF}}, {Key: "ce_id"}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	if err := events.InsertRetries(t.Context(), []action.Origin{{Topic: "actions"}}, store.Retry{Time: received, Who: "ann", Note: "fixed"}); err != nil {
		t.Fatal(err)
	}
	f := func(server *Server, target, path string, status int) {
		t.Helper()
		wantDocumented(t, server, path, target, status)
	}
	f(s, "/v1/actions", "/v1/actions", 200)
	f(s, "/v1/actions?limit=1&actor=u-1&actor=u-2&action=invoice.posted&q=x&from=2026-11-24&to=2027-01-01", "/v1/actions", 200)
	f(s, "/v1/actions?limit=1", "/v1/actions", 200)
	line := compile(t, text, "#/components/schemas/ActionLine")
	for accept, read := range map[string]func(*testing.T, string) []streamed{ndjsonType: readLines, eventsType: readEvents} {
		if at(document, "paths", "/v1/actions", "get", "responses", "200", "content", accept) == nil {
			t.Errorf("%s is not documented", accept)
		}
		for _, e := range read(t, accepting(t, s, "/v1/actions?limit=2", accept).Body.String()) {
			object := fmt.Sprintf("{%q: %s}", e.name, e.data)
			if err := line.Validate(parse(t, []byte(object))); err != nil {
				t.Errorf("%s: %s\n%#v", accept, object, err)
			}
		}
	}
	f(s, "/v1/actions/twice", "/v1/actions/{id}", 200)
	f(s, "/v1/actions/id-00001?tenant=default", "/v1/actions/{id}", 200)
	f(s, "/v1/feed?limit=1", "/v1/feed", 200)
	settle(t, events, 5)
	f(s, "/v1/feed", "/v1/feed", 200)
	f(s, "/v1/feed?after=x", "/v1/feed", 400)
	f(s, "/v1/tail?after=x", "/v1/tail", 400)
	f(s, "/v1/rejected", "/v1/rejected", 200)
	f(s, "/v1/rejected?limit=1&reason=empty&reason=too_long&from=2026-11-24&to=2027-01-01&pending=1", "/v1/rejected", 200)
	f(s, "/v1/rejected?reason=x", "/v1/rejected", 400)
	f(s, "/v1/actions?limit=x", "/v1/actions", 400)
	f(s, "/v1/actions?x=1", "/v1/actions", 400)
	f(s, "/v1/actions/missing", "/v1/actions/{id}", 404)
	f(s, "/v1/rejected?cursor=x", "/v1/rejected", 400)
	f(s, "/v1/export.csv?bom=x", "/v1/export.csv", 400)
	dead := deadServer(t)
	f(dead, "/v1/actions", "/v1/actions", 503)
	f(dead, "/v1/export.csv", "/v1/export.csv", 503)
	f(dead, "/readyz", "/readyz", 503)
}
