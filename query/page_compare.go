package query

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// comparePageParameters are those of the page that compares: search selects, against
// says with what.
var comparePageParameters = append(slices.Clone(keptParameters), parameter{name: "against"}, parameter{name: whole})

// shownValues is how many values of a field the page shows that compares.
const shownValues = 6

// serveCompare answers with what a selection has more often than the rest. A browser
// that runs scripts gets the page first, and then asks for what differs.
func (s *Server) serveCompare(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q, err := s.askedBy(r, p, m)
	if err != nil {
		return err
	}
	selected := question{q.Filter, q.Zone}
	waitsIfLed(w, r, p, &q)
	ask := store.Comparison{Selection: q.Filter, Fields: store.ComparedFields(), Limit: shownValues}
	if ask.Against, err = p.against(&selected, m.start, s.catalogue); err != nil {
		return err
	}
	against := p.one("against")
	line, err := search.Parse(against, searchFields)
	if err != nil {
		return err //nolint:wrapcheck // against has read it already
	}
	view := s.site.View(q)
	view.Know(s.names(m.ctx, q, nil))
	rest := view.Against(against, line, ask.Against)
	if q.Prefs.Scripts && !forHTMX(r) {
		page := view.Comparing(rest)
		page.Whole = wholePage(r)
		return s.render(w, r, http.StatusOK, q.Lang, "compare-page", page)
	}
	found, err := s.store.Compare(m.ctx, ask)
	if err != nil {
		return fmt.Errorf("compare for a page: %w", err)
	}
	template := "compare-page"
	if forHTMX(r) {
		template = "compared"
	}
	return s.render(w, r, http.StatusOK, q.Lang, template, view.Compared(rest, &found))
}
