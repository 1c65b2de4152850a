package store

import (
	"context"
	"time"
)

// Search asks for the events of a list.
type Search struct {
	Filter Filter
	Order  Order
	// After is where the list begins: behind that place. Nil is the beginning.
	After *Cursor
	// Limit is how many events are returned at most, at least 1. A page ends earlier
	// when it holds about 8 MiB.
	Limit int
	// Progress, if it is there, is called each time that another stretch of time has
	// been searched: with the events found there, which may be none, and up to where
	// all is searched by then; the zero time stands for everything. Its error ends the
	// search and is returned.
	Progress func(found []Action, reached time.Time) error
}

// Page is a stretch of a list.
type Page struct {
	Actions []Action
	// Next is where the following page begins; nil when this one is the last.
	Next *Cursor
	// Partial is set when the context's deadline came before the page was full. What
	// lies behind Next, or all of it when that is nil, is yet to be searched.
	Partial bool
}

// The spans of time that a search goes through one after the other: at first a day at
// least, then what seems to hold the rest of the page, but no more than so many times what
// was searched before. So a common question touches little, and a rare one takes few steps:
// what is nowhere takes two, unless someone is watching, and what an inverted index finds
// takes the fewest, since the index is asked what there is.
const (
	firstSpan     = 24 * time.Hour
	indexedSpan   = 32 * firstSpan
	indexedRows   = 4_000_000 // it holds so many at least: a short log is searched at once
	widen         = 32
	widenProgress = 4 // someone is watching
	// margin is added to a span, since events are not spread evenly.
	margin = 1.5
)

// narrowAfter is the window before which a search asks for what helps it in a long
// history.
const narrowAfter = 3

// List returns the events that match, in the order, each once. Conflicting events are
// marked.
func (s *Store) List(ctx context.Context, q Search) (Page, error) {
	w, err := s.newWindows(ctx, &q)
	if err != nil && timeUp(ctx) {
		return Page{Next: q.After, Partial: true}, nil
	} else if err != nil {
		return Page{}, err
	}
	page, err := s.searchWindows(ctx, &q, w)
	if err != nil {
		return Page{}, err
	}
	if q.Progress == nil {
		err = s.mark(ctx, &q, page.Actions)
	}
	return page, err
}

// searchWindows finds the events of a page.
func (s *Store) searchWindows(ctx context.Context, q *Search, w *windows) (Page, error) {
	settings := listSettings
	actions := list[Action, Cursor]{
		read: func(after *Cursor, fetch int, each func(*Action) error) error {
			window := q.Filter
			window.From, window.To = w.within()
			return s.read(ctx, &window, q.Order, after, fetch, settings, each)
		},
		place: (*Action).cursor,
		size:  (*Action).size,
		fetch: fetchActions,
	}
	var page Page
	place := q.After
	for n := 1; ; n++ {
		if n == narrowAfter {
			more, err := s.narrow(ctx, &q.Filter)
			if err != nil && !timeUp(ctx) {
				return Page{}, err
			}
			if err == nil && !more {
				w.edge = time.Time{}
				return page, s.told(ctx, q, &page, 0, w)
			}
		}
		found, next, err := actions.page(place, q.Limit-len(page.Actions))
		cut := err != nil && timeUp(ctx)
		if err != nil && !cut {
			return Page{}, err
		}
		if len(found) > 0 {
			last := found[len(found)-1].cursor()
			place = &last
		}
		page.Actions = append(page.Actions, found...)
		if cut {
			page.Next, page.Partial = place, true
		} else if page.Next = next; next == nil {
			place = w.passed(place)
		}
		if err := s.told(ctx, q, &page, len(found), w); err != nil {
			return Page{}, err
		}
		if page.Next != nil || page.Partial || !w.advance(q.Limit-len(page.Actions), len(page.Actions)) {
			return page, nil
		}
		if q.Filter.indexed() {
			settings = sparseSettings // or the first window would have been enough
		}
	}
}

// mark marks those of some events that conflict with others.
func (s *Store) mark(ctx context.Context, q *Search, found []Action) error {
	return withGrace(ctx, func(ctx context.Context) error { return s.markConflicts(ctx, q.Filter.Tenant, found) })
}

// told passes on the events that were found last, marked, if someone is watching.
func (s *Store) told(ctx context.Context, q *Search, page *Page, found int, w *windows) error {
	if q.Progress == nil {
		return nil
	}
	last := page.Actions[len(page.Actions)-found:]
	if err := s.mark(ctx, q, last); err != nil {
		return err
	}
	reached := w.edge // zero is everything
	switch {
	case page.Partial && page.Next == q.After: // nothing was searched
		return nil
	case page.Next != nil:
		reached = page.Next.Time
	}
	return q.Progress(last, reached)
}

// windows are the stretches of time that a search goes through.
type windows struct {
	order Order
	// from and to bound all of it; zero is open.
	from, to time.Time
	// start is where the first one begins, and edge where the present one ends; zero
	// is the end of all.
	start, edge time.Time
	// far is about where there is nothing beyond, or nothing that is asked about.
	far   time.Time
	widen int
}

func (s *Store) newWindows(ctx context.Context, q *Search) (*windows, error) {
	reach, err := s.extent(ctx, q.Filter.Tenant)
	if err != nil {
		return nil, err
	}
	w := &windows{order: q.Order, from: q.Filter.From, to: q.Filter.To, widen: widen}
	first := firstSpan
	switch {
	case q.Progress != nil:
		w.widen = widenProgress
	case q.Filter.indexed():
		first, w.widen = max(indexedSpan, reach.holding(indexedRows)), int(allTime/indexedSpan)
	}
	w.start, w.far = reach.newest.Add(time.Millisecond), maxTime(reach.oldest, w.from)
	bound := w.to
	if q.Order == OldestFirst {
		w.start, w.far, bound = reach.oldest, reach.newest, w.from
		if !w.to.IsZero() && w.to.Before(w.far) {
			w.far = w.to
		}
	}
	for _, t := range []time.Time{bound, cursorTime(q.After)} {
		if !t.IsZero() && (q.Order == NewestFirst) == t.Before(w.start) {
			w.start = t
		}
	}
	if q.Progress == nil {
		first = max(first, w.ahead()/(2*widen)+1)
	}
	w.extend(first)
	return w, nil
}

func cursorTime(c *Cursor) time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.Time
}

// ahead is how much there is to search, from the start on.
func (w *windows) ahead() time.Duration {
	if w.order == OldestFirst {
		return max(w.far.Sub(w.start), 0)
	}
	return max(w.start.Sub(w.far), 0)
}

// extend moves the edge to a span from the start, or to the end where that leaves less than
// as much again: one step rather than two. Like places, edges are whole milliseconds: an
// event lies on one side of them.
func (w *windows) extend(span time.Duration) {
	if span >= w.ahead()/2 || span > allTime {
		w.edge = time.Time{}
		return
	}
	if w.order == NewestFirst {
		span = -span
	}
	w.edge = w.start.Add(span).Truncate(time.Millisecond)
}

// allTime is a span beyond which the rest is searched at once.
const allTime = 50 * 365 * 24 * time.Hour

// span is how much was searched so far.
func (w *windows) span() time.Duration { return w.edge.Sub(w.start).Abs() }

// within returns the bounds of what is to be searched now: all up to the edge, of
// which the place that the search has come to leaves out what is done.
func (w *windows) within() (from, to time.Time) {
	switch {
	case w.edge.IsZero():
		return w.from, w.to
	case w.order == NewestFirst:
		return w.edge, w.to
	default:
		return w.from, w.edge
	}
}

// advance moves on to the next window, which is to hold so many events more when
// found is how many all before held. It reports false when there is none.
func (w *windows) advance(more, found int) bool {
	if w.edge.IsZero() {
		return false
	}
	span := w.span()
	next := allTime + 1
	if span < allTime/time.Duration(w.widen) {
		next = span * time.Duration(w.widen)
	}
	if found > 0 { // one more than there are: few may be so many by chance
		need := min(float64(span)/float64(found+1)*float64(more+1)*margin, float64(allTime))
		next = min(next, span+max(time.Duration(need), span/2))
	}
	w.extend(next)
	return true
}

// passed is the place behind all that was searched so far.
func (w *windows) passed(place *Cursor) *Cursor {
	if w.edge.IsZero() {
		return place
	}
	edge := Cursor{Time: w.edge}
	if w.order == OldestFirst {
		edge = Cursor{Time: w.edge.Add(-time.Millisecond), ID: joinID(1<<64-1, 1<<64-1)}
		for i := range edge.ContentHash {
			edge.ContentHash[i] = 0xff
		}
	}
	return &edge
}
