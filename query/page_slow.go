package query

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query/web"
)

// pageMoment is how long a page waits for its rows before it shows them as they are found.
const pageMoment = 600 * time.Millisecond

// canStream reports whether a page may show its rows as they are found: in the order in
// which they are shown.
func canStream(l *list) bool { return !l.from.Backward }

// listWithin finds the page of a list, and reports whether that takes longer than a while:
// then it gives up.
func (s *Server) listWithin(ctx context.Context, l *list, wait time.Duration) (slow bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		page store.Page
		err  error
	}
	found, search := make(chan answer, 1), l.search()
	go func() {
		page, err := s.store.List(ctx, search)
		found <- answer{page, err}
	}()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case a := <-found:
		l.fill(a.page)
		return false, a.err
	case <-timer.C:
		return true, nil
	}
}

// take takes over what a list has found.
func take(found *web.Found, l *list) {
	found.Actions, found.Next, found.Previous, found.Partial = l.page.Actions, l.next, l.previous, l.page.Partial
	if l.page.Partial && l.page.Next != nil {
		found.Reached = l.page.Next.Time
	}
}

// renderSlow answers with a page without rows, whose script asks for them.
func (s *Server) renderSlow(w http.ResponseWriter, r *http.Request, q web.Request, found *web.Found) error {
	q.Prefs.Scripts, found.Menus = true, nil
	page := s.site.View(q).Slow(found)
	if forHTMX(r) {
		w.Header().Set("Hx-Push-Url", q.Path)
		return s.render(w, r, http.StatusOK, q.Lang, "results-fragment", page.OutOfBand())
	}
	return s.render(w, r, http.StatusOK, q.Lang, "page", page)
}

// foundRows is a line of the answer to a page that shows rows as they are found.
type foundRows struct {
	// HTML is rows, or in the end all of the results.
	HTML string `json:"html"`
	// Filters are, in the end, those of the page, which then name whom they are about.
	Filters string `json:"filters,omitempty"`
	// Said is what stands above them, and GoOn the page that goes on from here.
	Said string `json:"said,omitempty"`
	GoOn string `json:"go_on,omitempty"`
	// Gap is what stands above them if the search is stopped here.
	Gap string `json:"gap,omitempty"`
	// Share is how much of the time has been searched, from 0 to 1.
	Share float64 `json:"share"`
}

// streamRows answers with the rows of a page as they are found: lines of JSON of the
// kinds rows and, in the end, results. Without that the search was interrupted.
func (s *Server) streamRows(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q := s.pageRequest(r, p)
	q.Prefs.Scripts = true
	delete(p.values, "off")
	l, err := s.readList(m, p)
	if err != nil {
		return err
	}
	if !canStream(l) {
		return invalid("cursor", "Rows before a place are not found in the order in which they are shown. Ask for the page itself.")
	}
	q.Filter, q.Zone = l.Filter, l.Zone
	from, to, err := s.store.Reach(m.ctx, l.Filter)
	if err != nil {
		return fmt.Errorf("find how far a search has to go: %w", err)
	}
	out := rowStream{Server: s, eventWriter: newEventWriter(w, ndjsonType), q: q, l: l, view: s.site.View(q), from: from, to: to}
	search := l.search()
	search.Progress = out.progress
	page, err := s.store.List(m.ctx, search)
	if err != nil {
		return fmt.Errorf("find the rows of a page: %w", err)
	}
	l.fill(page)
	found := web.Found{OldestFirst: l.order == store.OldestFirst, Continued: l.from.At != nil}
	take(&found, l)
	found.Names = s.names(m.ctx, q, found.Actions)
	found.Took = s.now().Sub(m.start)
	results := s.site.View(q).Log(&found)
	last := foundRows{Share: 1}
	if last.Filters, err = out.html("filters", results.Filters); err != nil {
		return err
	}
	return out.line("results", last, "results", results.Results)
}

// rowStream is such an answer at work.
type rowStream struct {
	*Server
	*eventWriter

	q    web.Request
	l    *list
	view *web.View
	// from and to are the time that is searched.
	from, to time.Time
	found    int
}

// progress sends what was found in a stretch of time, and how far the search has come.
func (o *rowStream) progress(found []store.Action, reached time.Time) error {
	if len(found) > 0 && o.l.order == store.NewestFirst {
		o.l.closeAfter(found[0].Cursor())
	}
	o.found += len(found)
	if reached.IsZero() { // of everything, the end tells
		return nil
	}
	goOn := o.l.from
	goOn.At = &store.Cursor{Time: reached}
	oldest := o.l.order == store.OldestFirst
	rows := o.view.Found(&web.Found{Actions: found, OldestFirst: oldest, Partial: true, Reached: reached, Next: goOn.encode(o.l.key)}, o.found)
	line := foundRows{Said: rows.Said, GoOn: rows.GoOn}
	if all := o.to.Sub(o.from); all > 0 {
		line.Share = min(1, max(0, float64(o.to.Sub(reached))/float64(all)))
		if oldest {
			line.Share = 1 - line.Share
		}
	}
	gap, err := o.html("gap", rows.Gap)
	if err != nil {
		return err
	}
	line.Gap = gap
	return o.line("rows", line, "found-rows", rows)
}

// line sends a line whose HTML is a template.
func (o *rowStream) line(name string, line foundRows, template string, v any) error {
	var err error
	if line.HTML, err = o.html(template, v); err != nil {
		return err
	}
	if err := o.object("", name, line); err != nil {
		return err
	}
	return o.send()
}

func (o *rowStream) html(template string, v any) (string, error) {
	var b bytes.Buffer
	err := o.site.Render(&b, o.q.Lang, template, v)
	return b.String(), err //nolint:wrapcheck // it says enough
}
