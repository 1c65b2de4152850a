package query

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// listParameters are those of a list of actions.
var listParameters = slices.Concat(filterParameters, pageParameters, []parameter{{name: "order"}})

// list is a page of actions that was asked for and, once it is filled, its answer.
type list struct {
	question
	order store.Order
	limit int
	// from is where the page begins.
	from place
	key  []byte

	page store.Page
	// next and previous are the cursors of the pages around this one; empty where
	// there is none.
	next, previous string
}

// The values of the parameter order.
const (
	newestOrder = "newest"
	oldestOrder = "oldest"
)

// order returns the order of a list.
func (p params) order() (store.Order, error) {
	switch value := p.one("order"); value {
	case "", newestOrder:
		return store.NewestFirst, nil
	case oldestOrder:
		return store.OldestFirst, nil
	default:
		return 0, invalid("order", fmt.Sprintf("order is %q. Give %s or %s.", search.Short(value), newestOrder, oldestOrder)).saying("order", "Value", search.Short(value))
	}
}

// readList returns the page of actions that the parameters ask for. The first page
// decides on the bounds of the time: those that follow have the same.
func (s *Server) readList(m *measure, p params) (*list, error) {
	l := &list{from: place{Now: m.start.Truncate(time.Millisecond)}}
	var err error
	if l.order, err = p.order(); err != nil {
		return nil, err
	}
	if l.limit, err = p.limit(); err != nil {
		return nil, err
	}
	cursor := p.one("cursor")
	if cursor == "" { // what is wrong with the question is said before the database is asked
		if l.question, err = s.filter(p, l.from.Now); err != nil {
			return nil, err
		}
		l.from.Question = l.sum(l.order)
	}
	keys, err := s.cursorKeys(m.graced)
	if err != nil {
		return nil, err
	}
	l.key = keys[0]
	if cursor == "" {
		return l, l.freeze(m.ctx, s.store)
	}
	from, err := decodePlace(cursor, keys)
	if err != nil {
		return nil, invalid("cursor", "cursor is not valid: "+err.Error()+".").saying("cursor")
	}
	l.from = from
	if l.question, err = s.filter(p, from.Now); err != nil {
		return nil, err
	}
	if l.sum(l.order) != from.Question {
		return nil, invalid("cursor", "cursor is not valid: "+errOtherFilter.Error()+".").saying("other_cursor")
	}
	if l.To.IsZero() {
		l.To = from.To
	}
	if first := from.First; first != nil && l.order == store.OldestFirst && l.From.Before(first.Time) {
		l.From = first.Time
	}
	return l, nil
}

// sum tells one question from another by what it asks, however that is written.
func (q *question) sum(order store.Order) (sum [16]byte) {
	var texts, fields []string
	for _, t := range q.Text {
		texts = append(texts, fmt.Sprintf("%t %q", t.Not, search.Fold(t.Needle)))
	}
	slices.Sort(texts)
	// Those of one field keep their order: the first is that of which subject_type speaks.
	conditions := slices.Clone(q.Conditions)
	about := func(c store.Condition) string { return fmt.Sprintf("%t %q", c.Not, c.Field) }
	slices.SortStableFunc(conditions, func(a, b store.Condition) int { return strings.Compare(about(a), about(b)) })
	for _, c := range conditions {
		values := slices.Sorted(slices.Values(c.Values))
		fields = append(fields, fmt.Sprintf("%s %q", about(c), slices.Compact(values)))
	}
	var record store.Record
	if q.Record != nil {
		record = *q.Record
	}
	all := sha256.Sum256(fmt.Appendf(nil, "%q %s %s %d %q %q %q",
		q.Tenant, q.From.Format(time.RFC3339Nano), q.To.Format(time.RFC3339Nano), order, record, slices.Compact(texts), fields))
	copy(sum[:], all[:])
	return sum
}

// freeze bounds a list that is open towards the present, so that what arrives while
// someone reads adds no pages. Newest first, its first page does.
func (l *list) freeze(ctx context.Context, events *store.Store) error {
	if !l.To.IsZero() || l.order == store.NewestFirst {
		return nil
	}
	newest, err := events.List(ctx, store.Search{Filter: store.Filter{Tenant: l.Tenant}, Limit: 1})
	if err != nil {
		return fmt.Errorf("find the newest action: %w", err)
	}
	if len(newest.Actions) > 0 {
		l.closeAfter(newest.Actions[0].Cursor())
	}
	return nil
}

// closeAfter ends an open list behind the latest place in it.
func (l *list) closeAfter(latest *store.Cursor) {
	if l.To.IsZero() && latest != nil {
		l.To = latest.Time.Add(time.Millisecond)
		l.from.To = l.To
	}
}

// search asks the store for the page.
func (l *list) search() store.Search {
	order := l.order
	if l.from.Backward {
		order = order.Reversed()
	}
	return store.Search{Filter: l.Filter, Order: order, After: l.from.At, Limit: l.limit}
}

// fill takes what the store found and finds the cursors of the pages around it.
func (l *list) fill(page store.Page) {
	l.page = l.since(page)
	page, rows := l.page, l.page.Actions
	var first *store.Cursor // as they were found
	if len(rows) > 0 {
		first = rows[0].Cursor()
	}
	if !l.from.Backward && l.from.At == nil {
		l.from.First = cmp.Or(first, page.Next)
		if l.order == store.NewestFirst {
			l.closeAfter(l.from.First)
		}
	}
	cursor := func(backward bool, at *store.Cursor) string {
		p := l.from
		p.Backward, p.At = backward, at
		return p.encode(l.key)
	}
	// The search goes on behind what was found, in its own direction.
	on := ""
	if page.Next != nil || page.Partial {
		on = cursor(l.from.Backward, page.Next)
	}
	if !l.from.Backward {
		l.next = on
		switch {
		case l.from.At == nil:
		case first != nil:
			l.previous = cursor(true, first)
		default: // what stands at the place is on the page before
			l.previous = cursor(true, before(l.from.At, l.order.Reversed()))
		}
		return
	}
	slices.Reverse(rows)
	l.previous = on
	switch {
	case first != nil:
		l.next = cursor(false, first)
	case page.Partial: // nothing lies between the two places
		l.next = cursor(false, before(page.Next, l.order))
	case l.from.First != nil: // this was before the first page
		l.next = cursor(false, before(l.from.First, l.order))
	default:
		l.next = cursor(false, nil)
	}
}

// since is a page without what arrived before the first one after that was given out.
func (l *list) since(page store.Page) store.Page {
	if !l.from.Backward || l.from.First == nil {
		return page
	}
	for i := range page.Actions {
		place := page.Actions[i].Cursor().Compare(l.from.First)
		if l.order == store.OldestFirst {
			place = -place
		}
		if place < 0 {
			continue
		}
		if place == 0 {
			i++
		}
		return store.Page{Actions: page.Actions[:i]}
	}
	return page
}

// before is the place right before another in an order: a page that begins behind it has
// what stands at the other. Where there is none, at the borders of what was searched, no
// event stands.
func before(at *store.Cursor, order store.Order) *store.Cursor {
	c := *at
	for i := range slices.Backward(c.ContentHash[:]) { // newest first descends
		digit := &c.ContentHash[i]
		if order == store.NewestFirst {
			if *digit++; *digit != 0 {
				return &c
			}
		} else if *digit--; *digit != 0xff {
			return &c
		}
	}
	return at
}

// cursors are the ways from a page to those around it; null where there is none.
type cursors struct {
	Next     *string `json:"next_cursor"`
	Previous *string `json:"previous_cursor"`
}

func (l *list) cursors() cursors {
	return cursors{Next: orNil(l.next), Previous: orNil(l.previous)}
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
