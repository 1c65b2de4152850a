package query

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

type openAPIDocument struct {
	Paths map[string]struct {
		Get struct {
			Parameters []json.RawMessage
		}
	}
	Components struct {
		Parameters map[string]openAPIParameter
		Schemas    map[string]struct {
			Properties map[string]any
			Enum       []any
		}
	}
}

type openAPIParameter struct {
	Ref      string `json:"$ref"`
	Name, In string
	Schema   struct{ Type any }
}

func readOpenAPI(t *testing.T) (openAPIDocument, []byte) {
	t.Helper()
	text, err := openAPI()
	if err != nil {
		t.Fatal(err)
	}
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

func TestOpenAPIListsTheReasonsAndTheEventsFields(t *testing.T) {
	t.Parallel()
	document, _ := readOpenAPI(t)
	var reasons []any
	for _, r := range action.Reasons() {
		reasons = append(reasons, string(r))
	}
	rejected := document.Components.Schemas["Rejected"].Properties["reason"].(map[string]any)["enum"]
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
	if found := document.Components.Schemas["FoundAction"].Properties; len(found) != len(shown)+1 {
		t.Errorf("FoundAction has %d properties, want those of Action and others", len(found))
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
	v := newValidator(t, text)
	if ok, errs := v.ValidateDocument(); !ok {
		for _, e := range errs {
			t.Errorf("%s: %s", e.Message, e.Reason)
			for _, s := range e.SchemaValidationErrors {
				t.Errorf("  %s: %s", s.FieldPath, s.Reason)
			}
		}
	}
	if w := get(t, deadServer(t), "/openapi.json"); w.Code != 200 || w.Body.String() != string(text) {
		t.Errorf("served is another document: %d", w.Code)
	}
}

func newValidator(t *testing.T, text []byte) validator.Validator {
	t.Helper()
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return v
}

func TestAnswersAreAsDocumented(t *testing.T) {
	t.Parallel()
	_, text := readOpenAPI(t)
	v := newValidator(t, text)
	s, events := testServer(t)
	insert(t, events, event(1, nil), event(2, full),
		event(3, func(a *store.Action) { a.ID, a.Time, a.Description = "twice", noon, "first" }),
		event(4, func(a *store.Action) { a.ID, a.Time, a.Description = "twice", noon, "second" }))
	if err := events.InsertRejected(t.Context(), []store.Rejected{
		{Rejection: action.Rejection{Reason: action.ReasonEmpty}, Origin: action.Origin{Topic: "actions", Time: noon}, Raw: []byte{0xFF}},
		{Rejection: action.Rejection{Reason: action.ReasonTooLong}, Origin: action.Origin{Topic: "actions", Offset: 1, Time: noon.Add(time.Second)}},
	}); err != nil {
		t.Fatal(err)
	}
	f := func(server *Server, target string, status int) {
		t.Helper()
		request := httptest.NewRequest(http.MethodGet, target, nil)
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, request)
		if w.Code != status {
			t.Errorf("%s: status %d: %s", target, w.Code, w.Body)
		}
		if ok, errs := v.ValidateHttpResponse(request, w.Result()); !ok {
			for _, e := range errs {
				t.Errorf("%s: %s: %s", target, e.Message, e.Reason)
				for _, s := range e.SchemaValidationErrors {
					t.Errorf("  %s: %s", s.FieldPath, s.Reason)
				}
			}
		}
		if status == http.StatusOK {
			if ok, errs := v.ValidateHttpRequest(request); !ok {
				t.Errorf("%s: the request is not as documented: %v", target, errs)
			}
		}
	}
	f(s, "/v1/actions", 200)
	f(s, "/v1/actions?limit=1&actor=u-1&actor=u-2&action=invoice.posted&q=x&from=2026-11-24&to=2027-01-01", 200)
	f(s, "/v1/actions?limit=1", 200)
	f(s, "/v1/actions/twice", 200)
	f(s, "/v1/actions/id-00001?tenant=default", 200)
	f(s, "/v1/rejected", 200)
	f(s, "/v1/rejected?limit=1", 200)
	f(s, "/openapi.json", 200)
	f(s, "/v1/actions?limit=x", 400)
	f(s, "/v1/actions?x=1", 400)
	f(s, "/v1/actions/missing", 404)
	f(s, "/v1/rejected?cursor=x", 400)
	f(s, "/v1/export.csv?bom=x", 400)
	dead := deadServer(t)
	f(dead, "/v1/actions", 503)
	f(dead, "/v1/export.csv", 503)
	f(dead, "/readyz", 503)
}
