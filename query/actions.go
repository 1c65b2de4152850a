package query

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"github.com/actionlog/actionlog/pkg/store"
)

// actionJSON is an event as the API shows it: the event's own fields, and the
// mark of a conflict. Its time stands over the event's, to have one width always.
type actionJSON struct {
	Time timeJSON `json:"time"`
	store.Action
}

// timeJSON is written with all three digits of its milliseconds.
type timeJSON time.Time

// MarshalJSON writes the time in store.TimeLayout.
func (t timeJSON) MarshalJSON() ([]byte, error) {
	return []byte(`"` + time.Time(t).UTC().Format(store.TimeLayout) + `"`), nil
}

func asJSON(actions []store.Action) []actionJSON {
	all := make([]actionJSON, len(actions)) // never nil: an empty list is []
	for i, a := range actions {
		all[i] = actionJSON{Time: timeJSON(a.Time), Action: a}
	}
	return all
}

// actionPage is the answer of GET /v1/actions.
type actionPage struct {
	Actions    []actionJSON `json:"actions"`
	NextCursor *string      `json:"next_cursor"`
}

func (s *Server) listActions(w http.ResponseWriter, r *http.Request, p params) error {
	filter, err := p.filter()
	if err != nil {
		return err
	}
	limit, err := p.limit()
	if err != nil {
		return err
	}
	cursor, err := p.cursor()
	if err != nil {
		return err
	}
	page, err := s.store.List(r.Context(), filter, cursor, limit)
	if err != nil {
		return fmt.Errorf("list actions: %w", err)
	}
	answer := actionPage{Actions: asJSON(page.Actions)}
	if page.Next != nil {
		next := encodeCursor(page.Next)
		answer.NextCursor = &next
	}
	return writeJSON(w, answer)
}

// foundAction is the answer of GET /v1/actions/{id}: the event that the log
// received first, and what else carries its id.
type foundAction struct {
	actionJSON
	Others []actionJSON `json:"others,omitempty"`
}

func (s *Server) getAction(w http.ResponseWriter, r *http.Request, p params) error {
	tenant, err := p.tenant()
	if err != nil {
		return err
	}
	id, err := url.PathUnescape(mux.Vars(r)["id"])
	if err != nil || !utf8.ValidString(id) {
		return invalid("id", fmt.Sprintf("The id in the path, %q, is not percent-encoded UTF-8. Write %% as %%25 and / as %%2F.", mux.Vars(r)["id"]))
	}
	actions, err := s.store.Get(r.Context(), tenant, id)
	if err != nil {
		return fmt.Errorf("get an action: %w", err)
	}
	if len(actions) == 0 {
		return actionNotFound(tenant, id)
	}
	all := asJSON(actions)
	return writeJSON(w, foundAction{actionJSON: all[0], Others: all[1:]})
}

// writeJSON answers with text as it was sent: < > & are not escaped.
func writeJSON(w http.ResponseWriter, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	writeBody(w, http.StatusOK, b.Bytes())
	return nil
}
