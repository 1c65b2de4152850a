package query

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query/web"
)

// recordPageParameters are those of the page of a record.
var recordPageParameters = slices.Concat(keptParameters, []parameter{{name: "cursor"}, {name: "show"}})

// recordTallies is how many users and types of action the page of a record ranks.
const recordTallies = 8

// serveRecord answers with what happened to a record.
func (s *Server) serveRecord(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	var record store.Record
	var err error
	if record.Type, err = pathPart(r, "type"); err != nil {
		return err
	}
	if record.ID, err = pathPart(r, "id"); err != nil {
		return err
	}
	q := s.pageRequest(r, p)
	shown := web.Record{Type: record.Type, ID: record.ID, Show: p.one("show")}
	categories, ok := web.RecordCategories(shown.Show)
	if !ok {
		return invalid("show", fmt.Sprintf("show is %q. Give changes, comments or money, or leave it out.", search.Short(shown.Show))).saying("show", "Value", search.Short(shown.Show))
	}
	for _, name := range []string{"search", "off", "order", "show"} { // a timeline has an order and a question of its own
		delete(p.values, name)
	}
	p.record = &record
	all, err := s.filter(p, m.start)
	if err != nil {
		return err
	}
	p.values["category"] = categories
	l, err := s.readList(m, p)
	if err != nil {
		return err
	}
	q.Filter, q.Zone = all.Filter, all.Zone
	if err := s.readRecord(m.ctx, &shown, l, all.Filter); err != nil {
		return fmt.Errorf("read the page of a record: %w", err)
	}
	if shown.Newest == nil && !shown.Partial {
		return recordNotFound(all.Tenant, record)
	}
	q.Text = ""
	return s.render(w, r, http.StatusOK, q.Lang, "record", s.site.View(q).Record(&shown))
}

// readRecord fills in what the store knows of a record: a page of its events by l, and the
// rest by the filter of all of them.
func (s *Server) readRecord(ctx context.Context, shown *web.Record, l *list, all store.Filter) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		page, err := s.store.List(ctx, l.search())
		l.fill(page)
		shown.Actions, shown.Partial, shown.Next, shown.Previous = l.page.Actions, l.page.Partial, l.next, l.previous
		return err //nolint:wrapcheck // the caller says what it is for
	})
	one := func(f store.Filter, order store.Order, to **store.Action) func() error {
		return func() error {
			page, err := s.store.List(ctx, store.Search{Filter: f, Order: order, Limit: 1})
			if len(page.Actions) > 0 {
				*to = &page.Actions[0]
			}
			return err //nolint:wrapcheck // the caller says what it is for
		}
	}
	group.Go(one(all, store.NewestFirst, &shown.Newest))
	group.Go(one(all, store.OldestFirst, &shown.Oldest))
	group.Go(one(became(all, "created"), store.NewestFirst, &shown.Created))
	group.Go(one(became(all, "deleted"), store.NewestFirst, &shown.Deleted))
	group.Go(func() (err error) {
		shown.Count, err = s.store.Count(ctx, all)
		return err //nolint:wrapcheck // the caller says what it is for
	})
	group.Go(func() error {
		found, err := s.store.Facets(ctx, store.FacetQuestion{Filter: all, Fields: []string{"actor", "action"}, Limit: recordTallies})
		if err == nil {
			shown.Users, shown.Kinds = found.Facets[0], found.Facets[1]
		}
		return err //nolint:wrapcheck // the caller says what it is for
	})
	return group.Wait() //nolint:wrapcheck // the caller says what it is for
}

// became asks for the events by which the record of a filter itself was created or
// deleted: not what belongs to it, such as a comment.
func became(f store.Filter, what string) store.Filter {
	types := []string{"record." + what}
	if own := f.Record.Type + "." + what; check("action", own) == nil {
		types = append(types, own)
	}
	f.Conditions = []store.Condition{
		{Field: "action", Values: types},
		{Field: "outcome", Values: []string{"success"}},
		{Field: "subject_type", Values: []string{f.Record.Type}},
		{Field: "subject_id", Values: []string{f.Record.ID}},
	}
	return f
}

func recordNotFound(tenant string, record store.Record) *Problem {
	p := newProblem("not-found", "There is no such record", http.StatusNotFound,
		fmt.Sprintf("Tenant %q has no event about the %s %q. Check the type, the id and the tenant.", tenant, search.Short(record.Type), search.Short(record.ID)))
	p.missing = &web.Missing{Kind: web.MissingRecord, Type: record.Type, ID: record.ID}
	return p
}
