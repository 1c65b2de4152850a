package query

import (
	"bytes"
	"fmt"
	"net/http"
)

// eventWriter gathers events and sends them: as lines of JSON, or as server-sent events.
type eventWriter struct {
	w http.ResponseWriter
	// lines is set for lines of JSON, which have no ids.
	lines bool
	b     bytes.Buffer
	// began is set when something was sent.
	began bool
}

// newEventWriter begins an answer of a media type that is made of events.
func newEventWriter(w http.ResponseWriter, kind string) *eventWriter {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Accel-Buffering", "no") // asks nginx to pass on what it gets
	return &eventWriter{w: w, lines: kind != eventsType}
}

// object gathers an event that holds an object. An empty id is none.
func (e *eventWriter) object(id, name string, object any) error {
	return e.event(id, name, func(b *bytes.Buffer) error { return encodeJSON(b, object) })
}

// event gathers an event for the next send. An empty id is none.
func (e *eventWriter) event(id, name string, write func(*bytes.Buffer) error) error {
	before, after := `{"`+name+`":`, "}\n"
	if !e.lines {
		before, after = "event: "+name+"\ndata: ", "\n\n"
		if id != "" {
			before = "id: " + id + "\n" + before
		}
	}
	e.b.WriteString(before)
	begin := e.b.Len()
	if err := write(&e.b); err != nil {
		return fmt.Errorf("write the event %s: %w", name, err)
	}
	oneLine(e.b.Bytes()[begin:])
	e.b.WriteString(after)
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

// send sends what was gathered, if anything was.
func (e *eventWriter) send() error {
	if e.b.Len() == 0 {
		return nil
	}
	e.began = true
	_, err := e.w.Write(e.b.Bytes())
	e.b.Reset()
	if err == nil {
		err = http.NewResponseController(e.w).Flush()
	}
	if err != nil {
		return fmt.Errorf("send events: %w", err)
	}
	return nil
}
