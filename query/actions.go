package query

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// actionJSON is how encoding/json is shown an event: its own fields and the mark
// of a conflict, with the time in one width always. Details stands here to keep
// the event's out: it is written as it is stored, byte for byte, and not by
// encoding/json, which would take out its white space.
type actionJSON struct {
	Time timeJSON `json:"time"`
	store.Action
	Details json.RawMessage `json:"details,omitempty"`
}

// timeJSON is written in store.TimeLayout.
type timeJSON time.Time

// MarshalJSON writes the time with all three digits of its milliseconds.
func (t timeJSON) MarshalJSON() ([]byte, error) {
	return []byte(`"` + time.Time(t).UTC().Format(store.TimeLayout) + `"`), nil
}

func (s *Server) listActions(w http.ResponseWriter, r *http.Request, p params) error {
	w.Header().Add("Vary", "Accept")
	m := s.measure(r)
	defer m.cancel()
	l, err := s.readList(m, p)
	if err != nil {
		return err
	}
	if kind := negotiate(r.Header.Values("Accept"), listTypes); kind != jsonType {
		return s.streamActions(w, r, m, l, kind)
	}
	page, err := s.store.List(m.ctx, l.search())
	if err != nil {
		return fmt.Errorf("answer with a list: %w", err)
	}
	l.fill(page)
	m.Partial = l.page.Partial
	var b bytes.Buffer
	b.WriteString(`{"actions":`)
	if err := writeActions(&b, l.page.Actions); err != nil {
		return err
	}
	if err := m.writeRest(&b, l.cursors()); err != nil {
		return err
	}
	writeJSON(w, r, b.Bytes())
	return nil
}

// getAction answers with the event of an id that Kafka got first and, under others,
// whatever else carries its id.
func (s *Server) getAction(w http.ResponseWriter, r *http.Request, p params) error {
	tenant, err := p.tenant()
	if err != nil {
		return err
	}
	id, err := pathPart(r, "id")
	if err != nil {
		return err
	}
	m := s.measure(r)
	defer m.cancel()
	actions, err := s.store.Get(m.ctx, tenant, id)
	if err != nil {
		return fmt.Errorf("answer with an action: %w", err)
	}
	if len(actions) == 0 {
		return actionNotFound(tenant, id)
	}
	var b bytes.Buffer
	if err := writeAction(&b, &actions[0]); err != nil {
		return err
	}
	b.Truncate(b.Len() - len("}"))
	if others := actions[1:]; len(others) > 0 {
		b.WriteString(`,"others":`)
		if err := writeActions(&b, others); err != nil {
			return err
		}
	}
	if err := m.writeRest(&b); err != nil {
		return err
	}
	writeJSON(w, r, b.Bytes())
	return nil
}

// writeActions writes a list, [] when there are none.
func writeActions(b *bytes.Buffer, actions []store.Action) error {
	b.WriteByte('[')
	for i := range actions {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeAction(b, &actions[i]); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

func writeAction(b *bytes.Buffer, a *store.Action) error {
	if err := encodeJSON(b, actionJSON{Time: timeJSON(a.Time), Action: *a}); err != nil {
		return fmt.Errorf("encode action %q: %w", a.ID, err)
	}
	if len(a.Details) > 0 {
		b.Truncate(b.Len() - len("}"))
		b.WriteString(`,"details":`)
		b.Write(a.Details)
		b.WriteByte('}')
	}
	return nil
}

// encodeJSON writes text as it is: < > & are not escaped.
func encodeJSON(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err //nolint:wrapcheck // the caller says what it encoded
	}
	b.Truncate(b.Len() - len("\n"))
	return nil
}

// packet is about what one packet carries: there is no use in less than that.
const packet = 1400

func writeJSON(w http.ResponseWriter, r *http.Request, body []byte) {
	h := w.Header()
	h.Set("Content-Type", jsonType)
	h.Add("Vary", "Accept-Encoding")
	if len(body) > packet {
		body = compressed(w, r, body)
	}
	writeBody(w, http.StatusOK, body)
}
