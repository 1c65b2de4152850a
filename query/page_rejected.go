package query

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/query/web"
)

// serveRejected answers /rejected with the newest messages that match.
func (s *Server) serveRejected(w http.ResponseWriter, r *http.Request, p params) error {
	prefs := web.ReadPrefs(r)
	if own := prefs.OwnZone(); p.one("tz") == "" && own != "" && (search.IsZoned(p.one("from")) || search.IsZoned(p.one("to"))) {
		p.values["tz"] = []string{own} // so that the address asks the same of whoever is given it
	}
	zone, err := search.LoadLocation(cmp.Or(p.one("tz"), prefs.ZoneName()))
	if err != nil {
		return invalid("tz", sentence(fmt.Sprintf("tz is %q: %s", search.Short(p.one("tz")), err))).because(err)
	}
	filter, err := p.rejectedFilter(s.now(), zone)
	if err != nil {
		return err
	}
	cursor, err := p.rejectedCursor()
	if err != nil {
		return err
	}
	clean := url.Values{}
	for name, given := range p.values {
		for _, v := range given {
			if !slices.Contains(clean[name], v) && name != "set" {
				clean.Add(name, v)
			}
		}
	}
	if !reflect.DeepEqual(clean, r.URL.Query()) {
		redirect(w, r, web.RejectedPath, clean)
		return nil
	}
	list, err := s.store.PreviewRejected(r.Context(), filter, cursor, defaultLimit, web.PreviewBytes)
	if err != nil {
		return fmt.Errorf("read the page of rejected messages: %w", err)
	}
	found := web.Rejection{Query: r.URL.Query(), Page: list}
	if list.Next != nil {
		found.Next = encodeRejectedCursor(list.Next)
	}
	return s.showRejected(w, r, http.StatusOK, &found)
}

// showRejected answers with the page.
func (s *Server) showRejected(w http.ResponseWriter, r *http.Request, status int, found *web.Rejection) error {
	p := params{values: map[string][]string{}}
	for _, name := range []string{"from", "to", "tz"} {
		if value := found.Query.Get(name); value != "" {
			p.values[name] = []string{strings.ToValidUTF8(value, "\uFFFD")}
		}
	}
	q := s.pageRequest(r, p)
	q.Kept = nil // the log has a zone of its own
	if filter, err := p.rejectedFilter(q.Now, q.Zone); err == nil {
		q.Filter.From, q.Filter.To = filter.From, filter.To
	}
	return s.render(w, r, status, q.Lang, "rejected", s.site.View(q).Rejected(found))
}

// failRejected answers an error with a page, on which the form stays usable.
func (s *Server) failRejected(w http.ResponseWriter, r *http.Request, problem *Problem) {
	failed := failure(problem)
	found := web.Rejection{Query: r.URL.Query(), Failure: &failed}
	if err := s.showRejected(w, r, problem.Status, &found); err != nil {
		problem.cause = errors.Join(problem.cause, err)
		writeProblem(w, r, problem)
	}
}
