package query

import (
	"fmt"
	"testing"

	"github.com/actionlog/actionlog/pkg/action"
)

func TestAggregatesAnswerAsDocumented(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events, event(1, full), event(2, nil))
	f := func(path, target string, status int) {
		t.Helper()
		wantDocumented(t, s, path, target, status)
	}
	const actor, timeline = "/v1/actors/{id}", "/v1/subjects/{type}/{id}/timeline"
	f("/v1/count", "/v1/count", 200)
	f("/v1/count", "/v1/count?budget=x", 400)
	f("/v1/histogram", "/v1/histogram?q=nothing", 200)
	f("/v1/histogram", "/v1/histogram?tenant=nobody", 200)
	f("/v1/histogram", "/v1/histogram?bucket=2h", 400)
	f("/v1/facets", "/v1/facets?limit=1", 200)
	f("/v1/facets", "/v1/facets?field=x", 400)
	f("/v1/compare", "/v1/compare?action=nothing.here", 200)
	f("/v1/compare", "/v1/compare?against=field:", 400)
	f(actor+"/week", "/v1/actors/u-2/week", 200)
	f(actor+"/week", "/v1/actors/u-2/week?from=x", 400)
	f(actor+"/week", "/v1/actors/nobody/week", 404)
	f(actor, "/v1/actors/u-2", 200)
	f(actor, "/v1/actors/u-2?q=nothing", 200)
	f(actor, "/v1/actors/u-2?limit=x", 400)
	f(actor, "/v1/actors/nobody", 404)
	f(timeline, "/v1/subjects/invoice/INV-1/timeline", 200)
	f(timeline, "/v1/subjects/invoice/INV-1/timeline?cursor=x", 400)
	s.cfg.QueryTimeout = 1
	for _, path := range []string{"/v1/count", "/v1/histogram", "/v1/facets", "/v1/compare"} {
		f(path, path, 200)
	}
}

func TestDocumentedAggregatesAreAsTheyAre(t *testing.T) {
	t.Parallel()
	_, text := readOpenAPI(t)
	document := parse(t, text)
	for _, path := range []string{"/v1/count", "/v1/histogram", "/v1/facets", "/v1/compare", "/v1/actors/{id}", "/v1/actors/{id}/week"} {
		answer := at(document, "paths", path, "get", "responses", "200", "content", "application/json", "example")
		if err := compile(t, text, responseSchema(document, path, 200, "application/json")).Validate(answer); err != nil {
			t.Errorf("%s: %#v", path, err)
		}
	}
	categories := at(document, "components", "schemas", "Histogram", "properties", "buckets", "items", "properties", "categories", "propertyNames", "enum")
	if got, want := fmt.Sprint(categories), fmt.Sprint(action.Categories()); got != want {
		t.Errorf("categories: documented are %s, there are %s", got, want)
	}
	names := []string{automatic}
	for _, b := range buckets {
		names = append(names, b.name)
	}
	if got := fmt.Sprint(at(document, "components", "schemas", "Histogram", "properties", "bucket", "enum")); got != fmt.Sprint(names[1:]) {
		t.Errorf("buckets: documented are %s, there are %s", got, names[1:])
	}
}
