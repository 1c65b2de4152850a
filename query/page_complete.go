package query

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// completeParameters are those of completions: at is where the caret is in the search line,
// in characters.
var completeParameters = []parameter{tenantParameter, {name: "search"}, {name: "tz"}, {name: "at"}, {name: "wait"}}

// The bounds of the wait for values. A first answer is there while someone types, with
// what is known by then; a browser that asks with wait gets the rest.
const (
	completionTimeout = 200 * time.Millisecond
	completionWait    = 5 * time.Second
)

// serveCompletions answers with what may be written at a place of the search line.
func (s *Server) serveCompletions(w http.ResponseWriter, r *http.Request, p params) error {
	at, err := strconv.Atoi(p.one("at"))
	if err != nil || at < 0 {
		return invalid("at", fmt.Sprintf("at is %q. Give the number of characters before the caret.", search.Short(p.one("at"))))
	}
	text, err := p.text("search", maxLine, "ask for less")
	if err != nil {
		return err
	}
	place := search.At(text, at, searchFields)
	q := s.pageRequest(r, p)
	// What the rest of the line asks for says how often a value is found.
	rest := params{values: maps.Clone(p.values)}
	rest.values["search"] = []string{place.Without(text)}
	question, err := s.filter(rest, s.now())
	if err != nil {
		question.Filter = store.Filter{Tenant: q.Filter.Tenant, Catalogue: s.catalogue}
	}
	wait, err := p.flag("wait")
	if err != nil {
		return err
	}
	limit := completionTimeout
	if wait {
		limit = completionWait
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	found, counted := s.valuesAt(ctx, place, question.Filter)
	list := s.site.View(q).Complete(place, found, counted)
	list.Pending = !counted && !wait
	return s.render(w, r, http.StatusOK, q.Lang, "complete", list)
}

// valuesAt returns values that may be written at a place, and whether they are those of
// all events, with their counts.
func (s *Server) valuesAt(ctx context.Context, place search.Place, f store.Filter) (found store.Facet, counted bool) {
	ask := store.FacetQuestion{Filter: f, Others: true, Fields: []string{place.Field}, Limit: maxFacet}
	switch {
	case place.Closed:
		return found, true
	case place.Field == "":
		if utf8.RuneCountInString(place.Text) < 2 {
			return found, true
		}
		ask.Fields, ask.Limit, ask.Prefix = []string{"actor"}, 4, place.Text
	case slices.Contains([]string{"actor", "on_behalf_of", "subject_type", "ip"}, place.Field):
		ask.Limit, ask.Prefix = 10, place.Text
	case !slices.Contains([]string{"action", "category", "outcome"}, place.Field):
		return found, true
	}
	if len(ask.Prefix) > maxPrefix {
		return found, true
	}
	answer, err := s.store.Facets(ctx, ask)
	if err != nil || len(answer.Facets) == 0 {
		return found, false
	}
	return answer.Facets[0], answer.Reached.IsZero()
}
