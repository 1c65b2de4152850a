package query

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query/web"
)

// actorPageParameters are those of the page of an actor.
var actorPageParameters = append(slices.Clone(keptParameters), parameter{name: "show"})

// The page of an actor: how many of the most frequent values and of the latest events it
// shows, and how many of the list that it is asked to show whole.
const (
	actorValues = 7
	actorLatest = 10
	actorWhole  = 1000
)

// serveUser answers with who an actor is.
func (s *Server) serveUser(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	id, err := pathPart(r, "id")
	if err != nil {
		return err
	}
	show := p.one("show")
	if !web.IsActorShow(show) {
		return invalid("show", fmt.Sprintf("show is %q. Give sessions or addresses, or leave it out.", search.Short(show))).saying("show", "Value", search.Short(show))
	}
	for _, name := range []string{"search", "show"} { // the page is about all that somebody did
		delete(p.values, name)
	}
	q := s.pageRequest(r, p)
	asked, err := s.filter(p, m.start)
	if err != nil {
		return err
	}
	asked.Conditions = append(asked.Conditions, whoActed(id))
	q.Line = web.OfActor(id)
	q.Text, q.Filter, q.Zone = q.Line.String(), asked.Filter, asked.Zone
	actor, err := s.actor(m, &asked, id, show)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, q.Lang, "actor-page", s.site.View(q).Actor(actor))
}

// actor reads what is known of an actor, with one of the lists whole, and who is not known
// is a problem.
func (s *Server) actor(m *measure, asked *question, id, show string) (*web.Actor, error) {
	var profile *actorJSON
	var known bool
	var week, ever *weekJSON
	var latest store.Page
	var whole store.Facets
	group, ctx := errgroup.WithContext(m.ctx)
	read := func(f func(m *measure, q *question) error) {
		within, q := *m, *asked // each has a time of its own, and says for itself whether it sufficed
		within.ctx = ctx
		group.Go(func() error { return f(&within, &q) })
	}
	read(func(m *measure, q *question) (err error) {
		profile, known, err = s.readActor(m, q, id, actorValues)
		return err
	})
	read(func(m *measure, q *question) (err error) {
		week, err = s.readWeek(m, q)
		return err
	})
	read(func(m *measure, q *question) (err error) {
		q.From = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC) // nothing is older
		ever, err = s.readWeek(m, q)
		return err
	})
	read(func(m *measure, q *question) (err error) {
		latest, err = s.store.List(m.ctx, store.Search{Filter: q.Filter, Limit: actorLatest})
		return err //nolint:wrapcheck // it is said below what it is for
	})
	if show != "" {
		read(func(m *measure, q *question) (err error) {
			field := map[string]string{web.ShowSessions: "session_id", web.ShowAddresses: "ip"}[show]
			whole, err = s.store.Facets(m.ctx, store.FacetQuestion{Filter: q.Filter, Fields: []string{field}, Limit: actorWhole, Times: true})
			return err //nolint:wrapcheck // it is said below what it is for
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("read the page of an actor: %w", err)
	}
	if !known {
		return nil, actorNotFound(asked.Tenant, id)
	}
	a := &web.Actor{
		ID: id, Show: show, Type: profile.Type, Names: profile.Names, FirstSeen: orZero(profile.FirstSeen), LastSeen: orZero(profile.LastSeen),
		Count: profile.Count, ActiveDays: ever.ActiveDays, Actions: facetOf(profile.Actions), Outcomes: facetOf(profile.Outcomes),
		Addresses: facetOf(profile.Addresses), Behalf: facetOf(profile.OnBehalfOf), SessionCount: profile.Sessions.Distinct,
		Week: week.Hours, WeekFrom: orZero(week.From), Reached: orZero(profile.SearchedTo), Latest: latest.Actions,
	}
	if ever.SearchedTo != nil && a.Reached.IsZero() {
		a.Reached = orZero(ever.SearchedTo)
	}
	switch show {
	case web.ShowAddresses:
		a.Addresses = whole.Facets[0]
	case web.ShowSessions:
		var err error
		if profile.Sessions, err = s.sessions(m, asked, &whole.Facets[0], whole.Reached); err != nil {
			return nil, fmt.Errorf("read the sessions of an actor: %w", err)
		}
		a.SessionCount = profile.Sessions.Distinct
	}
	if !whole.Reached.IsZero() && a.Reached.IsZero() {
		a.Reached = whole.Reached
	}
	for _, session := range profile.Sessions.Values {
		a.Sessions = append(a.Sessions, web.ActorSession{
			ID: session.Value, First: orZero(session.First), Last: orZero(session.Last), Count: session.Count,
			IP: session.IP, Agent: session.UserAgent, Addresses: session.Addresses,
		})
	}
	return a, nil
}

func orZero(t *timeJSON) time.Time {
	if t == nil {
		return time.Time{}
	}
	return time.Time(*t)
}

// facetOf is a facet as the store has it.
func facetOf(all valuesJSON) store.Facet {
	f := store.Facet{Distinct: all.Distinct, Other: all.Other}
	for _, v := range all.Values {
		f.Values = append(f.Values, store.FacetValue{Value: v.Value, Name: v.Name, Count: v.Count, First: orZero(v.First), Last: orZero(v.Last)})
	}
	return f
}
