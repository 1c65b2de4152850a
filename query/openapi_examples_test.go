package query

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// exampleEvents are those that the examples in openapi.yaml speak of.
func exampleEvents() []store.Action {
	at := func(n int, id string, when time.Time, actor, kind, description string, change func(*store.Action)) store.Action {
		return event(n, func(a *store.Action) {
			a.ID, a.Time, a.Actor.ID, a.Action, a.Description = id, when, actor, kind, description
			if change != nil {
				change(a)
			}
		})
	}
	day := func(month time.Month, day int) time.Time { return time.Date(2026, month, day, 12, 0, 0, 0, time.UTC) }
	denied := func(a *store.Action) { a.Outcome = "denied" }
	return []store.Action{
		at(1, "e-1", time.Date(2026, 9, 30, 22, 30, 0, 0, time.UTC), "bob", "record.viewed", "Viewed invoice INV-1", nil),
		at(2, "e-2", day(10, 15), "alice", "invoice.posted", "Posted invoice INV-1", func(a *store.Action) {
			a.Details = json.RawMessage(`{"total": {"amount": 99.50}}`)
		}),
		at(3, "e-3", day(11, 2), "carol", "project.changed", "Moved to another week", func(a *store.Action) {
			a.IP, a.Related = netip.MustParseAddr("10.1.2.3"), []action.Record{{Type: "order", ID: "O-7"}}
		}),
		at(4, "e-4", day(11, 3), "alice", "invoice.posted", "Posted invoice INV-2 to Xero", nil),
		at(5, "e-5", day(11, 4), "carol", "invoice.changed", "Waive the late fee", denied),
		at(6, "e-6", day(11, 5), "alice", "invoice.deleted", "Deleted invoice INV-2", nil),
		at(7, "e-7", day(11, 6), "bob", "invoice.changed", "Waive the late fee", denied),
		at(9, "e-9", day(11, 7), "dave", "record.viewed", "", func(a *store.Action) { a.Tenant = "northlight" }),
	}
}

type exampleOperation struct {
	Parameters []json.RawMessage `json:"parameters"`
	Examples   []struct {
		Path string   `json:"path"`
		IDs  []string `json:"ids"`
	} `json:"x-examples"`
}

type exampleParameter struct {
	openAPIParameter

	Path     string `json:"x-path-example"`
	Examples map[string]struct {
		Value any `json:"value"`
	} `json:"examples"`
}

func TestTheExamplesOfOpenAPIWork(t *testing.T) {
	t.Parallel()
	_, text := readOpenAPI(t)
	var document struct {
		Paths map[string]struct {
			Get exampleOperation `json:"get"`
		} `json:"paths"`
		Components struct {
			Parameters map[string]exampleParameter `json:"parameters"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	s, events := testServer(t)
	insert(t, events, exampleEvents()...)
	ask := func(target string) *httptest.ResponseRecorder {
		t.Helper()
		method := http.MethodGet
		if strings.HasPrefix(target, "/v1/tail") { // which does not end
			method = http.MethodHead
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(method, target, nil))
		if w.Code != 200 {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
		return w
	}
	for path, operation := range document.Paths {
		for _, example := range operation.Get.Examples {
			w := ask(example.Path)
			if got := ids(decodeActions(t, example.IDs, w)); !slices.Equal(got, example.IDs) && example.IDs != nil {
				t.Errorf("%s: got %v, want %v", example.Path, got, example.IDs)
			}
		}
		if strings.HasPrefix(path, "/v1/") && path != "/v1/tail" && len(operation.Get.Examples) == 0 {
			t.Errorf("%s has no example of a whole request", path)
		}
		for _, raw := range operation.Get.Parameters {
			var p exampleParameter
			if err := json.Unmarshal(raw, &p); err != nil {
				t.Fatal(err)
			}
			if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
				p = document.Components.Parameters[name]
			}
			if p.In != "query" {
				continue
			}
			if len(p.Examples) == 0 && p.Name != "cursor" { // which is signed
				t.Errorf("%s: the parameter %s has no example", path, p.Name)
			}
			for _, example := range p.Examples {
				query := url.Values{}
				values, several := example.Value.([]any)
				if !several {
					values = []any{example.Value}
				}
				for _, v := range values {
					query.Add(p.Name+p.Path, asText(v))
				}
				ask(examplePath(path, p.Name == "tenant") + "?" + query.Encode())
			}
		}
	}
}

// examplePath fills in what the default tenant has, or the other one.
func examplePath(path string, other bool) string {
	id, actor := "e-1", "alice"
	if other {
		id, actor = "e-9", "dave"
	}
	return strings.NewReplacer("/actions/{id}", "/actions/"+id, "/actors/{id}", "/actors/"+actor, "{type}/{id}", "order/O-7").Replace(path)
}

// decodeActions returns the actions of an answer of which ids are known.
func decodeActions(t *testing.T, known []string, w *httptest.ResponseRecorder) []map[string]any {
	t.Helper()
	if known == nil {
		return nil
	}
	return decode[listAnswer](t, w).Actions
}

func asText(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	text, _ := json.Marshal(v)
	return string(text)
}
