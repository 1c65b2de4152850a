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
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Accel-Buffering", "no") // asks nginx to pass on what it gets
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	out := &stream{control: http.NewResponseController(w), w: w, lines: kind != eventsType}
	search := l.search()
	search.Progress = func(found []store.Action, reached time.Time) error { return out.progress(l, found, reached) }
	page, err := s.store.List(m.ctx, search)
	if err != nil {
		if out.began {
			_ = out.object("error", s.asProblem(r, err))
			_ = out.flush()
		}
		return fmt.Errorf("answer with a stream of actions: %w", err)
	}
	l.fill(page)
	m.Partial = page.Partial
	if l.from.Backward {
		// Found in the other order, and shown in the list's: nothing to show before.
		if err := out.actions(l.page.Actions); err != nil {
			return err
		}
	}
	if err := out.object("end", struct {
		cursors
		measured
	}{l.cursors(), m.end()}); err != nil {
		return err
	}
	return out.flush()
}

// stream writes events: as lines of JSON, or as a stream of server-sent events.
type stream struct {
	control *http.ResponseController
	w       http.ResponseWriter
	lines   bool
	b       bytes.Buffer
	// began is set when something was sent.
	began bool
}

// progress sends what was found in a stretch of time, and how far the search has come.
func (o *stream) progress(l *list, found []store.Action, reached time.Time) error {
	if !l.from.Backward {
		if err := o.actions(found); err != nil {
			return err
		}
	}
	if !reached.IsZero() { // of everything, the end tells
		mark := struct {
			SearchedTo timeJSON `json:"searched_to"`
		}{timeJSON(reached)}
		if err := o.object("progress", mark); err != nil {
			return err
		}
	}
	return o.flush()
}

func (o *stream) actions(actions []store.Action) error {
	for i := range actions {
		a := &actions[i]
		if err := o.event("action", func(b *bytes.Buffer) error { return writeAction(b, a) }); err != nil {
			return err
		}
	}
	return nil
}

// object gathers an event that holds an object.
func (o *stream) object(name string, object any) error {
	return o.event(name, func(b *bytes.Buffer) error { return encodeJSON(b, object) })
}

// event gathers an event for the next flush.
func (o *stream) event(name string, write func(*bytes.Buffer) error) error {
	before, after := `{"`+name+`":`, "}\n"
	if !o.lines {
		before, after = "event: "+name+"\ndata: ", "\n\n"
	}
	o.b.WriteString(before)
	begin := o.b.Len()
	if err := write(&o.b); err != nil {
		return fmt.Errorf("write the event %s: %w", name, err)
	}
	oneLine(o.b.Bytes()[begin:])
	o.b.WriteString(after)
	return nil
}

// oneLine makes white space of the line ends of JSON. Events keep their details as they
// were sent, with line ends between the members perhaps; within texts JSON has none.
func oneLine(object []byte) {
	for i, c := range object {
		if c == '\n' || c == '\r' {
			object[i] = ' '
		}
	}
}

// flush sends what was gathered.
func (o *stream) flush() error {
	o.began = true
	_, err := o.w.Write(o.b.Bytes())
	o.b.Reset()
	if err == nil {
		err = o.control.Flush()
	}
	if err != nil {
		return fmt.Errorf("send what was found: %w", err)
	}
	return nil
}
