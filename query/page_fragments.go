package query

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query/web"
)

// menuParameters are those of the lists in menus: find is the text that was typed.
var menuParameters = append(slices.Clone(keptParameters), parameter{name: "find"})

// askedBy is the question of a fragment, and the request of its page.
func (s *Server) askedBy(r *http.Request, p params, m *measure) (web.Request, error) {
	q := s.pageRequest(r, p)
	question, err := s.filter(p, m.start)
	q.Filter, q.Zone = question.Filter, question.Zone
	return q, err
}

// serveUsers answers with the list of a menu of users.
func (s *Server) serveUsers(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q, err := s.askedBy(r, p, m)
	if err != nil {
		return err
	}
	prefix, err := p.text("find", maxPrefix, holdsNone)
	if err != nil {
		return err
	}
	found, err := s.store.Facets(m.ctx, store.FacetQuestion{Filter: q.Filter, Others: true, Fields: []string{"actor"}, Limit: 50, Prefix: prefix})
	if err != nil {
		return fmt.Errorf("read the users of a menu: %w", err)
	}
	return s.render(w, r, http.StatusOK, q.Lang, "user-list-fragment", s.site.View(q).UserList(found.Facets[0]))
}

// serveActions answers with the list of a menu of action types.
func (s *Server) serveActions(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q, err := s.askedBy(r, p, m)
	if err != nil {
		return err
	}
	found, err := s.store.Facets(m.ctx, store.FacetQuestion{Filter: q.Filter, Others: true, Fields: []string{"action"}, Limit: maxFacet})
	if err != nil {
		return fmt.Errorf("read the action types of a menu: %w", err)
	}
	return s.render(w, r, http.StatusOK, q.Lang, "action-list-fragment", s.site.View(q).ActionList(&web.Menus{Actions: found.Facets[0]}))
}

// serveCount answers with how many events match, and of how many.
func (s *Server) serveCount(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q, err := s.askedBy(r, p, m)
	if err != nil {
		return err
	}
	var matching, all store.Count
	group, ctx := errgroup.WithContext(m.ctx)
	count := func(ctx context.Context, f store.Filter, to *store.Count) func() error {
		return func() (err error) {
			*to, err = s.store.Count(ctx, f)
			return err //nolint:wrapcheck // the store's errors say enough
		}
	}
	group.Go(count(ctx, q.Filter, &matching))
	var total *store.Count
	if q.Text != "" {
		total = &all
		group.Go(count(ctx, store.Filter{Tenant: q.Filter.Tenant}, &all))
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("count for the page: %w", err)
	}
	return s.render(w, r, http.StatusOK, q.Lang, "count", s.site.View(q).Count(matching, total))
}
