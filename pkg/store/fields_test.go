package store

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/action/actiontest"
	"github.com/actionlog/actionlog/pkg/search"
)

func TestFilterByAddress(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var all []Action
	for i, ip := range []string{"10.0.0.1", "10.255.255.255", "11.0.0.0", "0.0.0.0", "::1", "2001:db8::7", "2001:db8::8", ""} {
		all = append(all, event(i, func(a *Action) {
			if ip != "" {
				a.IP = netip.MustParseAddr(ip)
			}
		}))
	}
	insert(t, s, all)
	f := func(value string, want ...int) {
		t.Helper()
		field, _ := LookupField("ip")
		if err := field.Check(value); err != nil {
			t.Errorf("%s is refused: %v", value, err)
			return
		}
		var in, out []string
		for n, a := range slices.Backward(all) {
			if slices.Contains(want, n) {
				in = append(in, a.ID)
			} else {
				out = append(out, a.ID)
			}
		}
		wantIDs(t, listIDs(t, s, Filter{Tenant: "default", Conditions: []Condition{{Field: "ip", Values: []string{value}}}}, 10), in...)
		wantIDs(t, listIDs(t, s, Filter{Tenant: "default", Conditions: []Condition{{Field: "ip", Values: []string{value}, Not: true}}}, 10), out...)
	}
	f("10.0.0.1", 0)
	f("10.0.0.0/8", 1, 0)
	f("10.1.2.3/8", 1, 0)
	f("10.0.0.0/31", 0)
	f("10.0.0.1/32", 0)
	f("0.0.0.0", 3)
	f("0.0.0.0/0", 3, 2, 1, 0)
	f("::ffff:10.0.0.1", 0)
	f("::ffff:10.0.0.0/104", 1, 0)
	f("::ffff:0:0/96", 3, 2, 1, 0)
	f("2001:DB8::7", 5)
	f("2001:db8::/64", 6, 5)
	f("2001:db8::8/125", 6)
	// No address of IPv4 is of a network of IPv6, nor is no address.
	f("::/0", 6, 5, 4)
	f("::/80", 4)
	f("::")
}

func TestCheckSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	f := func(name, value, problem, remedy string) {
		t.Helper()
		field, ok := LookupField(name)
		if !ok {
			t.Fatalf("there is no field %s", name)
		}
		err := field.Check(value)
		if problem == "" && err != nil || problem != "" && (err == nil || !strings.Contains(err.Error(), problem) || !strings.Contains(err.Error(), remedy)) {
			t.Errorf("%s=%s: %v, want %q and %q", name, value, err, problem, remedy)
		}
	}
	f("ip", "10.0.0.0/33", "not a number from 0 to 32", "give an address")
	f("ip", "10.0.0.0/-1", `"-1"`, "give an address")
	f("ip", "10.0.0.0/", `""`, "give an address")
	f("ip", "10.0.0.0/08", `"08"`, "give an address")
	f("ip", "::/129", "not a number from 0 to 128", "give an address")
	f("ip", "::ffff:10.0.0.0/8", "not a number from 96 to 128", "give an address")
	f("ip", "::ffff:10.0.0.0/95", "not a number from 96 to 128", "give an address")
	f("ip", "fe80::1%eth0", "no IP address", "give an address")
	f("ip", "10.0.0", "no IP address", "give an address")
	f("ip", "10.0.0.1 ", "no IP address", "give an address")
	f("ip", "10.0.0.1/24", "", "")
	f("action", "*", "a star", "invoice.*")
	f("action", "inv*", "a star", "invoice.*")
	f("action", "*.posted", "a star", "invoice.*")
	f("action", "a.*.*", "a star", "invoice.*")
	f("action", "invoice.*", "", "")
	f("action", "invoice.line-2.*", "", "")
	f("action", "nobody.did_this", "", "") // none has it, but one could
	f("action", "invoice.", "no action has such a type", "did you mean invoice.*? Or give words")
	f("action", "invoice.posted.", "no action has such a type", "did you mean invoice.posted.*?")
	f("action", "invoice", "no action has such a type", "did you mean invoice.*?")
	f("action", "invoice..posted", "no action has such a type", "did you mean invoice.posted?")
	f("action", "Invoice.Posted", "no action has such a type", "did you mean invoice.posted?")
	f("action", "invoice posted", "no action has such a type", "did you mean invoice.posted?")
	f("action", "Invoice.*", "no action has such a type", "did you mean invoice.*?")
	f("action", ".*", "no action has such a type", "type: give words of a-z")
	f("action", "größe.x", "no action has such a type", "type: give words of a-z")
	f("action", strings.Repeat("x", 127)+".*", "no action has such a type", "")
	f("outcome", "deny", "no such value", "did you mean denied?")
	f("outcome", "Failing", "no such value", "did you mean failure?")
	f("outcome", "succeeded", "no such value", "did you mean success?")
	f("category", "viewing", "no such value", "did you mean view?")
	f("category", "comedy", "no such value", "did you mean comment?")
	f("category", "logins", "no such value", "value: give one of view, create")
	f("outcome", "日本", "no such value", "value: give one of success")
	f("category", "finances", "no such value", "did you mean finance? The values are view, create")
	f("outcome", "Denied", "no such value", "did you mean denied? The values are success, failure, denied")
	f("subject", "invoice/a/b", "", "")
	f("subject", "INV-1", "it is no record", "as in invoice/INV-1, or ask for subject_id")
	f("subject", "/INV-1", "it is no record", "as in invoice/INV-1")
	f("subject", "invoice/", "it is no record", "as in invoice/INV-1")
	f("actor", strings.Repeat("x", 257), "it has 257 characters", "give 256 at most")
	f("actor", strings.Repeat("𝄞", 256), "", "")
}

// TestNoValueOfAnEventIsRefused: a filter takes what the longest fields hold, as many
// of them as a request has room for, and finds the event by each.
func TestNoValueOfAnEventIsRefused(t *testing.T) {
	t.Parallel()
	decoded, rejection := action.Decode(actiontest.Largest(), action.Origin{})
	if rejection != nil {
		t.Fatal(rejection)
	}
	s := testStore(t)
	largest := event(1, func(a *Action) { a.Event = decoded })
	insert(t, s, []Action{largest, event(2, func(a *Action) { a.Tenant = largest.Tenant })})
	var details struct{ A string }
	if err := json.Unmarshal(largest.Details, &details); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{
		"actor": largest.Actor.ID, "on_behalf_of": largest.OnBehalfOf.ID, "action": largest.Action, "outcome": largest.Outcome,
		"subject_type": largest.Subject.Type, "subject_id": largest.Subject.ID, "subject": largest.Subject.Type + "/" + largest.Subject.ID, "ip": largest.IP.String(),
		"session_id": largest.SessionID, "request_id": largest.RequestID, "user_agent": largest.UserAgent,
		"details.a": details.A, "category": string(action.UnknownCategory),
	}
	catalogue, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	together := Filter{Tenant: largest.Tenant, Catalogue: catalogue, Text: []search.Text{{Needle: largest.Description}, {Needle: largest.Subject.Name}}}
	for _, field := range Fields() {
		name := field.Name
		if name == DetailsField {
			name += "a"
		}
		if err := field.Check(values[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f := Filter{Tenant: largest.Tenant, Catalogue: catalogue, Conditions: []Condition{{Field: name, Values: []string{values[name]}}}}
		if got := listIDs(t, s, f, 1); len(got) == 0 {
			t.Errorf("%s: the event is not found by its own", name)
		}
		together.Conditions = append(together.Conditions, f.Conditions...)
	}
	wantIDs(t, listIDs(t, s, together, 10), largest.ID)

	// As long as a request may be, in characters that SQL writes with escapes.
	many := func(start string) []string {
		var all []string
		for i := range 100 {
			all = append(all, start+strings.Repeat(`\'`, 150)+strconv.Itoa(i))
		}
		return all
	}
	f := Filter{Tenant: largest.Tenant, Conditions: []Condition{
		{Field: "subject_id", Values: many("")}, {Field: "subject_type", Values: many("")}, {Field: "details.0.1.2." + strings.Repeat(`'`, 1000), Values: many("")}, {Field: "user_agent", Values: many("%")}, {Field: "subject", Values: many("x/")},
	}}
	wantIDs(t, listIDs(t, s, f, 10))
	for i := range f.Conditions {
		f.Conditions[i].Not = true
	}
	if got := listIDs(t, s, f, 10); len(got) != 2 {
		t.Errorf("none of many values: %d events, want 2", len(got))
	}
}

// The driver takes {…:…} in a question for a parameter of its own kind, as the engine's
// regular expressions may look.
func TestFieldsCanBeAskedTogether(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	insert(t, s, []Action{event(1, func(a *Action) {
		a.Subject, a.Details, a.Description = action.Record{Type: "invoice", ID: "INV-1"}, []byte(`{"a":[5]}`), "number 123456"
	})})
	wantIDs(t, listIDs(t, s, Filter{Tenant: "default", Text: []search.Text{{Needle: "123456"}}, Conditions: []Condition{
		{Field: "subject_id", Values: []string{"INV-1"}}, {Field: "details.a.0", Values: []string{"5"}}, {Field: "subject", Values: []string{"invoice/INV-1"}},
	}}, 10), "id-000001")
}
