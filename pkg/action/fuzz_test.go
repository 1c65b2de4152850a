package action_test

import (
	"slices"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/action/actiontest"
)

// FuzzDecode: whatever the message is, Decode returns an event within its bounds
// that its own JSON form keeps, or a rejection from the list with a message fit
// to show; and the scanner makes no difference.
func FuzzDecode(f *testing.F) {
	for _, c := range slices.Concat(actiontest.Valid(), actiontest.Broken()) {
		if len(c.Value) < 4096 {
			f.Add(c.Value)
		}
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		checkAgree(t, value)
		event, rejected := action.Decode(value, origin())
		if rejected != nil {
			checkRejection(t, rejection(t, value))
			return
		}
		checkBounds(t, event)
		checkRoundTrip(t, event)
	})
}

func checkRejection(t *testing.T, r *action.Rejection) {
	t.Helper()
	if !slices.Contains(action.Reasons(), r.Reason) {
		t.Errorf("%q is no reason", r.Reason)
	}
	if r.Message == "" || !utf8.ValidString(r.Message) || !utf8.ValidString(r.Field) {
		t.Errorf("message %q, field %q", r.Message, r.Field)
	}
	for _, c := range r.Message + r.Field {
		if !unicode.IsPrint(c) {
			t.Errorf("message %q or field %q holds %U", r.Message, r.Field, c)
		}
	}
}

func checkBounds(t *testing.T, e action.Event) {
	t.Helper()
	text := func(field, s string, least, most int) {
		if n := utf8.RuneCountInString(s); n < least || n > most || !utf8.ValidString(s) {
			t.Errorf("%s is %q", field, s)
		}
	}
	record := func(r action.Record) {
		text("record type", r.Type, 0, 1024)
		text("record id", r.ID, 0, 1024)
		text("record name", r.Name, 0, 1024)
	}
	text("id", e.ID, 1, 128)
	text("tenant", e.Tenant, 1, 128)
	text("action", e.Action, 3, 128)
	text("actor.id", e.Actor.ID, 1, 256)
	text("actor.name", e.Actor.Name, 0, 256)
	text("on_behalf_of.id", e.OnBehalfOf.ID, 0, 256)
	text("on_behalf_of.name", e.OnBehalfOf.Name, 0, 256)
	text("reason", e.Reason, 0, 1024)
	text("session_id", e.SessionID, 0, 256)
	text("request_id", e.RequestID, 0, 256)
	text("user_agent", e.UserAgent, 0, 1024)
	record(e.Subject)
	for _, r := range e.Related {
		record(r)
	}
	if len(e.Related) > action.MaxRelated || len(e.Description) > action.MaxDescriptionBytes || len(e.Details) > action.MaxDetailsBytes {
		t.Errorf("related %d, description %d, details %d", len(e.Related), len(e.Description), len(e.Details))
	}
	if !slices.Contains(action.ActorTypes(), e.Actor.Type) || !slices.Contains(action.Outcomes(), e.Outcome) ||
		(e.OnBehalfOf.ID == "") != (e.OnBehalfOf.Type == "") {
		t.Errorf("actor %+v, on behalf of %+v, outcome %q", e.Actor, e.OnBehalfOf, e.Outcome)
	}
	if y := e.Time.Year(); y < action.MinYear || y > action.MaxYear || e.Time.Location().String() != "UTC" || e.Time.Nanosecond()%1e6 != 0 {
		t.Errorf("time %s", e.Time)
	}
	if e.IP.IsValid() && (e.IP.Is4In6() || e.IP.Zone() != "") {
		t.Errorf("ip %s", e.IP)
	}
}
