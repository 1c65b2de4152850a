package query

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gorilla/mux"
	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// actorParameters are those of an actor's profile.
var actorParameters = slices.Concat(filterParameters, []parameter{{name: "limit"}})

type actorJSON struct {
	ID        string     `json:"id"`
	Type      string     `json:"type,omitempty"`
	Names     []string   `json:"names"`
	FirstSeen *timeJSON  `json:"first_seen"`
	LastSeen  *timeJSON  `json:"last_seen"`
	Count     uint64     `json:"count"`
	Actions   valuesJSON `json:"actions"`
	Outcomes  valuesJSON `json:"outcomes"`
	Addresses valuesJSON `json:"addresses"`
	// Sessions are those of the latest events.
	Sessions   sessionsJSON `json:"sessions"`
	OnBehalfOf valuesJSON   `json:"on_behalf_of"`
	searchedTo
	measured
}

type sessionsJSON struct {
	Values   []sessionJSON `json:"values"`
	Other    uint64        `json:"other"`
	Distinct uint64        `json:"distinct"`
}

type sessionJSON struct {
	valueJSON
	// IP and UserAgent are the latest that the session has.
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	// Addresses and UserAgents are how many different ones it has.
	Addresses  uint64 `json:"addresses"`
	UserAgents uint64 `json:"user_agents"`
}

// pathPart returns a part of the path, which is percent-encoded.
func pathPart(r *http.Request, name string) (string, error) {
	part, err := url.PathUnescape(mux.Vars(r)[name])
	if err != nil || !utf8.ValidString(part) {
		return "", invalid(name, fmt.Sprintf("The %s in the path, %q, is not percent-encoded UTF-8. Write %% as %%25 and / as %%2F.", name, search.Short(mux.Vars(r)[name]))).saying("path", "Value", search.Short(mux.Vars(r)[name]))
	}
	return part, nil
}

// noType stands in a path for the type of a record that has none: a path has no empty parts.
const noType = "-"

// timeline lists the events about a record or related to it.
func (s *Server) timeline(w http.ResponseWriter, r *http.Request, p params) error {
	var record store.Record
	var err error
	if record.Type, err = pathPart(r, "type"); err != nil {
		return err
	}
	if record.Type == noType {
		record.Type = ""
	}
	if record.ID, err = pathPart(r, "id"); err != nil {
		return err
	}
	p.record = &record
	return s.listActions(w, r, p)
}

// profileFields are the fields of which an actor's profile has the values.
var profileFields = []string{"action", "outcome", "ip", "on_behalf_of", "session_id"}

// actorQuestion is what is asked about the actor whom the path names.
func (s *Server) actorQuestion(m *measure, r *http.Request, p params) (q question, id string, err error) {
	if id, err = pathPart(r, "id"); err != nil {
		return q, "", err
	}
	if q, err = s.filter(p, m.start); err != nil {
		return q, "", err
	}
	q.Conditions = append(q.Conditions, whoActed(id))
	return q, id, nil
}

func (s *Server) getActor(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q, id, err := s.actorQuestion(m, r, p)
	if err != nil {
		return err
	}
	limit, err := p.valueLimit()
	if err != nil {
		return err
	}
	answer, found, err := s.readActor(m, &q, id, limit)
	if err != nil {
		return fmt.Errorf("answer with an actor: %w", err)
	}
	if !found || m.Partial && answer.Count == 0 {
		if err := s.checkActor(m, q.Tenant, id); err != nil {
			return err
		}
	}
	answer.measured = m.end()
	return writeAnswer(w, r, answer)
}

func whoActed(id string) store.Condition {
	return store.Condition{Field: "actor", Values: []string{id}}
}

// checkActor returns a problem when a tenant knows no actor of an id, or when the time does
// not suffice to tell.
func (s *Server) checkActor(m *measure, tenant, id string) error {
	page, err := s.store.List(m.graced, store.Search{Filter: store.Filter{Tenant: tenant, Conditions: []store.Condition{whoActed(id)}}, Limit: 1})
	switch {
	case err != nil:
		return fmt.Errorf("look whether there is an actor: %w", err)
	case len(page.Actions) > 0:
		return nil
	case page.Partial:
		return timedOut(s.cfg.QueryTimeout, errors.New("look whether there is an actor: the time was up"))
	default:
		return actorNotFound(tenant, id)
	}
}

// readActor reports whether anything may match.
func (s *Server) readActor(m *measure, q *question, id string, limit int) (*actorJSON, bool, error) {
	var pages [2]store.Page
	var facets store.Facets
	answer := &actorJSON{ID: id, Names: []string{}}
	group, ctx := errgroup.WithContext(m.ctx)
	for i, order := range []store.Order{store.NewestFirst, store.OldestFirst} {
		group.Go(func() (err error) {
			pages[i], err = s.store.List(ctx, store.Search{Filter: q.Filter, Order: order, Limit: 1})
			return err //nolint:wrapcheck // the caller says what it is for
		})
	}
	group.Go(func() (err error) {
		facets, err = s.store.Facets(ctx, store.FacetQuestion{Filter: q.Filter, Fields: profileFields, Limit: limit, Times: true})
		return err //nolint:wrapcheck // the caller says what it is for
	})
	group.Go(func() error {
		names, err := s.store.ActorNames(ctx, q.Tenant, id)
		answer.Names = append(answer.Names, names...)
		return err //nolint:wrapcheck // the caller says what it is for
	})
	if err := group.Wait(); err != nil {
		return nil, false, err //nolint:wrapcheck // the caller says what it is for
	}
	newest, oldest := pages[0].Actions, pages[1].Actions
	if len(newest) > 0 {
		answer.LastSeen, answer.Type = orNull(newest[0].Time), newest[0].Actor.Type
	}
	if len(oldest) > 0 {
		answer.FirstSeen = orNull(oldest[0].Time)
	}
	// Every event has an action: so the count and the values always tell of the same.
	answer.Count = facets.Facets[0].Other
	for _, v := range facets.Facets[0].Values {
		answer.Count += v.Count
	}
	for i, to := range []*valuesJSON{&answer.Actions, &answer.Outcomes, &answer.Addresses, &answer.OnBehalfOf} {
		*to = values(facets.Facets[i])
	}
	var err error
	if answer.Sessions, err = s.sessions(m, q, &facets.Facets[len(profileFields)-1], facets.Reached); err != nil {
		return nil, false, err
	}
	answer.searchedTo = searched(facets.Reached)
	m.Partial = !facets.Reached.IsZero() || pages[0].Partial || pages[1].Partial
	return answer, m.Partial || len(newest) > 0 || len(oldest) > 0, nil
}

// sessions are what is known of the sessions of a facet, which was counted up to a time.
func (s *Server) sessions(m *measure, q *question, found *store.Facet, reached time.Time) (sessionsJSON, error) {
	plain := values(*found)
	var ids []string
	for _, v := range plain.Values {
		ids = append(ids, v.Value)
	}
	known, err := s.store.Sessions(m.ctx, q.Filter, reached, ids)
	if err != nil {
		return sessionsJSON{}, err //nolint:wrapcheck // the caller says what it is for
	}
	all := sessionsJSON{Values: []sessionJSON{}, Other: plain.Other, Distinct: plain.Distinct}
	for _, v := range plain.Values {
		of := known[v.Value]
		session := sessionJSON{valueJSON: v, UserAgent: of.UserAgent, Addresses: of.Addresses, UserAgents: of.UserAgents}
		if of.IP.IsValid() {
			session.IP = of.IP.String()
		}
		all.Values = append(all.Values, session)
	}
	return all, nil
}
