package query

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/search"
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

// contentParameter chooses among the events of one id, by how the hash of one's content
// begins.
var contentParameter = parameter{name: "content"}

// actionsOf returns the events of the id in the path, at least one: the one that Kafka got
// first or whose content is asked for, then the others.
func (s *Server) actionsOf(ctx context.Context, r *http.Request, p params) ([]store.Action, error) {
	tenant, err := p.tenant()
	if err != nil {
		return nil, err
	}
	id, err := pathPart(r, "id")
	if err != nil {
		return nil, err
	}
	content := strings.ToLower(p.one(contentParameter.name))
	if !isContent.MatchString(content) {
		return nil, invalid(contentParameter.name, fmt.Sprintf("content is %q. Give the hexadecimal digits with which the hash of the message begins, 32 at most, or leave it out for the event that came first.",
			search.Short(content))).saying("content", "Value", search.Short(content))
	}
	actions, err := s.store.Get(ctx, tenant, id)
	if err != nil {
		return nil, fmt.Errorf("read the actions of an id: %w", err)
	}
	i := slices.IndexFunc(actions, func(a store.Action) bool { return strings.HasPrefix(hex.EncodeToString(a.ContentHash[:]), content) })
	if i < 0 {
		return nil, actionNotFound(tenant, id, content)
	}
	chosen := actions[i]
	return slices.Insert(slices.Delete(actions, i, i+1), 0, chosen), nil
}

var isContent = regexp.MustCompile(`^[0-9a-f]{0,32}$`)

// getAction answers with an event and, under others, whatever else carries its id, unless
// one of them is asked for.
func (s *Server) getAction(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	actions, err := s.actionsOf(m.ctx, r, p)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := writeAction(&b, &actions[0]); err != nil {
		return err
	}
	b.Truncate(b.Len() - len("}"))
	if others := actions[1:]; len(others) > 0 && p.one(contentParameter.name) == "" {
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
