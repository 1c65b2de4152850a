package query

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// listTypes are the forms of a list: whole, and as it is found.
var listTypes = []string{jsonType, ndjsonType, eventsType, "application/ndjson", "application/jsonl"}

// streamActions answers with actions as they are found. Once something is sent, an error
// is told as the last event, and cuts the connection.
func (s *Server) streamActions(w http.ResponseWriter, r *http.Request, m *measure, l *list, kind string) error {
	search := l.search()
	out := stream{eventWriter: newEventWriter(w, kind), order: search.Order}
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	search.Progress = func(found []store.Action, reached time.Time) error { return out.progress(l, found, reached) }
	page, err := s.store.List(m.ctx, search)
	if err != nil {
		if out.began {
			_ = out.object("", "error", s.asProblem(r, err))
			_ = out.send()
		}
		return fmt.Errorf("answer with a stream of actions: %w", err)
	}
	l.fill(page)
	m.Partial = l.page.Partial
	if l.from.Backward {
		// Found in the other order, and shown in the list's: nothing to show before.
		if err := out.actions(l.page.Actions); err != nil {
			return err
		}
	}
	if err := out.object("", "end", struct {
		cursors
		measured
	}{l.cursors(), m.end()}); err != nil {
		return err
	}
	return out.send()
}

// stream is an answer of actions as they are found.
type stream struct {
	*eventWriter

	// order is that of the search.
	order store.Order
	// searched is the mark that was sent last: newest first all at or after it has been
	// searched, oldest first all before it.
	searched time.Time
}

// mark returns how far the search has come, by what was found last and where the store
// stopped: at the last event of the page, or at the edge of a stretch. It is the zero time
// when that is no news.
func (o *stream) mark(found []store.Action, reached time.Time) time.Time {
	if n := len(found); o.order == store.NewestFirst && n > 0 && found[n-1].Time.Equal(reached) {
		reached = reached.Add(time.Millisecond) // others of its millisecond may follow
	}
	news := reached.After(o.searched)
	if o.order == store.NewestFirst {
		news = o.searched.IsZero() || reached.Before(o.searched)
	}
	// When the time is up in a stretch that showed nothing yet, the store tells the place
	// before it, which oldest first lies a millisecond back.
	if !news {
		return time.Time{}
	}
	return reached
}

// progress sends what was found in a stretch of time, and how far the search has come.
func (o *stream) progress(l *list, found []store.Action, reached time.Time) error {
	if !l.from.Backward {
		if err := o.actions(found); err != nil {
			return err
		}
	}
	if reached.IsZero() { // of everything, the end tells
		return o.send()
	}
	if mark := o.mark(found, reached); !mark.IsZero() {
		o.searched = mark
		if err := o.object("", "progress", searched(mark)); err != nil {
			return err
		}
	}
	return o.send()
}

func (o *stream) actions(actions []store.Action) error {
	for i := range actions {
		a := &actions[i]
		if err := o.event("", "action", func(b *bytes.Buffer) error { return writeAction(b, a) }); err != nil {
			return err
		}
	}
	return nil
}
