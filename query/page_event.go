package query

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/store"
)

// eventParameters are those of the page of an event and of what surrounds it.
var eventParameters = append(slices.Clone(keptParameters), contentParameter)

// neighboursTimeout bounds the wait for the events beside one, which its page can do
// without.
const neighboursTimeout = time.Second

// aroundNewer is how many events are newer than the one whose surroundings are shown, on
// its page.
const aroundNewer = 20

// serveEvent answers with an event: to htmx as a drawer, else as a page.
func (s *Server) serveEvent(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	events, err := s.actionsOf(m.ctx, r, p)
	if err != nil {
		return err
	}
	q := s.pageRequest(r, p)
	if question, err := s.filter(p, m.start); err == nil { // else the list's own page says what is wrong
		q.Filter, q.Zone = question.Filter, question.Zone
	}
	view := s.site.View(q)
	if forHTMX(r) {
		return s.render(w, r, http.StatusOK, q.Lang, "drawer", view.Event(events, nil, nil))
	}
	newer, older := s.neighbours(m.ctx, q.Filter, &events[0])
	page := view.Event(events, newer, older)
	page.Alone = true
	return s.render(w, r, http.StatusOK, q.Lang, "event-page", page)
}

// failEvent answers an error with a page, and with a drawer that says it to a script that
// asked for one.
func (s *Server) failEvent(w http.ResponseWriter, r *http.Request, problem *Problem) {
	if !forHTMX(r) {
		s.failPage(w, r, problem)
		return
	}
	p, err := parseParams(r.URL.RawQuery, eventParameters)
	if err != nil {
		p = params{}
	}
	q := s.pageRequest(r, p)
	if err := s.render(w, r, problem.Status, q.Lang, "drawer-failed", s.site.View(q).FailedEvent(failure(problem))); err != nil {
		problem.cause = errors.Join(problem.cause, err)
		writeProblem(w, r, problem)
	}
}

// neighbours returns the events beside one in the list of a filter; nil
// where there is none or the answer takes too long.
func (s *Server) neighbours(ctx context.Context, f store.Filter, event *store.Action) (newer, older *store.Action) {
	ctx, cancel := context.WithTimeout(ctx, neighboursTimeout)
	defer cancel()
	beside := func(order store.Order, found **store.Action) func() error {
		return func() error {
			page, err := s.store.List(ctx, store.Search{Filter: f, Order: order, After: event.Cursor(), Limit: 1})
			if err == nil && len(page.Actions) > 0 {
				*found = &page.Actions[0]
			}
			return nil
		}
	}
	var group errgroup.Group
	group.Go(beside(store.OldestFirst, &newer))
	group.Go(beside(store.NewestFirst, &older))
	_ = group.Wait() // they return none
	return newer, older
}

// serveAround leads to the list in which an event stands among all others, with the
// question that it was found by switched off.
func (s *Server) serveAround(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	events, err := s.actionsOf(m.ctx, r, p)
	if err != nil {
		return err
	}
	event := &events[0]
	q := s.pageRequest(r, p)
	newer, err := s.store.List(m.ctx, store.Search{Filter: store.Filter{Tenant: q.Filter.Tenant}, Order: store.OldestFirst, After: event.Cursor(), Limit: aroundNewer + 1})
	if err != nil {
		return fmt.Errorf("read what surrounds an event: %w", err)
	}
	keys, err := s.cursorKeys(m.ctx)
	if err != nil {
		return err
	}
	address := url.Values{"tz": {q.Zone.String()}}
	if tenant := q.Kept.Get("tenant"); tenant != "" {
		address.Set("tenant", tenant)
	}
	all := question{Filter: store.Filter{Tenant: q.Filter.Tenant}}
	begin := place{Question: all.sum(store.NewestFirst), Now: m.start.Truncate(time.Millisecond)}
	if n := len(newer.Actions); n > aroundNewer {
		begin.At = newer.Actions[n-1].Cursor()
		address.Set("cursor", begin.encode(keys[0]))
	}
	address.Set("around", event.ID)
	if q.Text != "" {
		address.Set("off", q.Text)
	}
	http.Redirect(w, r, "/?"+address.Encode()+"#event-"+url.PathEscape(event.ID), http.StatusSeeOther)
	return nil
}
