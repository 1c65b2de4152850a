package store

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

func TestEveryFieldComesBackAsItWasStored(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	const odd = "\x00nul, tab\t, line\nend\r\n, \"quotes\" 'single' \\back\\ %_? {x:String} `tick` ß İ Ω 日本語 👩‍👩‍👧 \u202eRTL\u2028 \U0010FFFF"
	long := func(n int) string { return strings.Repeat("ü", n/2) }
	events := map[string]func(*Action){
		"only what is required": nil,
		"everything": func(a *Action) {
			a.Actor = action.Actor{ID: "u-2", Name: "Alice", Type: "agent"}
			a.OnBehalfOf = action.Actor{ID: "u-3", Name: "Bob", Type: "user"}
			a.IP = netip.MustParseAddr("192.0.2.7")
			a.Outcome = "denied"
			a.Subject = action.Record{Type: "invoice", ID: "INV-1", Name: "Invoice 1"}
			a.Related = []action.Record{{Type: "a", ID: "b", Name: "c"}, {}, {Name: odd}}
			a.Description, a.Reason, a.SessionID, a.RequestID, a.UserAgent = "did", "why", "s", "r", "agent"
			a.Details = json.RawMessage(`{"a": 1.0, "b":  [1e400, "\u0000"], "a2":{"ü":null}}`)
		},
		"odd characters everywhere": func(a *Action) {
			a.Actor = action.Actor{ID: odd, Name: odd, Type: "user"}
			a.OnBehalfOf = action.Actor{ID: odd, Name: odd, Type: "system"}
			a.Subject = action.Record{Type: odd, ID: odd, Name: odd}
			a.Description, a.Reason, a.SessionID, a.RequestID, a.UserAgent = odd, odd, odd, odd, odd
			a.Details = json.RawMessage(`{` + "\n\t" + `"x" : "'\\\"%"}`)
		},
		"the longest of everything": func(a *Action) {
			a.ID = strings.Repeat("i", 128)
			a.Actor = action.Actor{ID: long(512), Name: long(512), Type: "api_key"}
			a.Subject = action.Record{Type: long(2048), ID: long(2048), Name: long(2048)}
			for range 16 {
				a.Related = append(a.Related, a.Subject)
			}
			a.Description = long(8192)
			a.Details = json.RawMessage(`"` + strings.Repeat("x", 65534) + `"`)
			a.Origin.Partition, a.Origin.Offset = 1<<31-1, 1<<63-1
		},
		"an IPv6 address":            func(a *Action) { a.IP = netip.MustParseAddr("2001:db8::7") },
		"the IPv6 loopback":          func(a *Action) { a.IP = netip.MustParseAddr("::1") },
		"the unspecified IPv4":       func(a *Action) { a.IP = netip.MustParseAddr("0.0.0.0") },
		"the last IPv4":              func(a *Action) { a.IP = netip.MustParseAddr("255.255.255.255") },
		"the first time":             func(a *Action) { a.Time = time.Unix(0, 0).UTC() },
		"the last time":              func(a *Action) { a.Time = time.Date(2100, 12, 31, 23, 59, 59, 999e6, time.UTC) },
		"a time to the millisecond":  func(a *Action) { a.Time = noon.Add(time.Millisecond) },
		"an empty object of details": func(a *Action) { a.Details = json.RawMessage(`{}`) },
		"names of the database":      func(a *Action) { a.Actor.ID, a.Description = "NULL", `\N` },
	}
	var all []Action
	n := 0
	for name, change := range events {
		n++
		a := event(n, change)
		a.Reason, a.SessionID = a.Reason+"", name
		all = append(all, a)
	}
	insert(t, s, all)
	page, err := s.List(t.Context(), Search{Filter: Filter{Tenant: "default"}, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Action{}
	for _, a := range page.Actions {
		got[a.SessionID] = a
	}
	if len(got) != len(all) {
		t.Fatalf("%d events of %d came back", len(got), len(all))
	}
	for _, want := range all {
		t.Run(want.SessionID, func(t *testing.T) {
			t.Parallel()
			back, listed := got[want.SessionID], want
			listed.Origin = action.Origin{} // lists leave it out
			found, err := s.Get(t.Context(), "default", want.ID)
			if err != nil || len(found) != 1 {
				t.Fatalf("get %q: %d, %v", want.ID, len(found), err)
			}
			if len(found[0].Related) == 0 {
				found[0].Related = nil
			}
			if !reflect.DeepEqual(found[0], want) {
				t.Errorf("get: got  %+v\nwant %+v", found[0], want)
			}
			if len(back.Related) == 0 {
				back.Related = nil // none and absent are the same
			}
			if !reflect.DeepEqual(back, listed) {
				t.Errorf("got  %+v\nwant %+v", back, listed)
			}
		})
	}
}

func TestRelatedIsNotCarriedOverToTheNextRow(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	insert(t, s, []Action{
		event(1, nil),
		event(2, func(a *Action) { a.Related = []action.Record{{ID: "x"}, {ID: "y"}} }),
		event(3, nil),
		event(4, func(a *Action) { a.Related = []action.Record{{ID: "z"}} }),
	})
	page, err := s.List(t.Context(), Search{Filter: Filter{Tenant: "default"}, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, a := range page.Actions {
		got = append(got, len(a.Related))
	}
	if want := []int{1, 0, 2, 0}; !reflect.DeepEqual(got, want) {
		t.Errorf("related records: got %v, want %v", got, want)
	}
	if page.Actions[2].Related[0].ID != "x" {
		t.Errorf("a kept row was overwritten by a later one: %v", page.Actions[2].Related)
	}
}

func TestColumnsAreThoseOfTheIssue(t *testing.T) {
	t.Parallel()
	const want = "time id tenant actor_id actor_name actor_type on_behalf_of_id on_behalf_of_name on_behalf_of_type ip action outcome " +
		"subject_type subject_id subject_name related description reason session_id request_id user_agent details"
	var names []string
	for _, c := range Columns() {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestColumnText(t *testing.T) {
	t.Parallel()
	f := func(name string, change func(*Action), want string) {
		t.Helper()
		a := event(1, change)
		for _, c := range Columns() {
			if c.Name == name {
				if got := c.Text(&a); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
		}
	}
	f("time", nil, "2026-11-24T12:00:00.000Z")
	f("time", func(a *Action) { a.Time = time.Date(2026, 1, 2, 3, 4, 5, 60e6, time.FixedZone("", 3600)) }, "2026-01-02T02:04:05.060Z")
	f("ip", nil, "")
	f("ip", func(a *Action) { a.IP = netip.MustParseAddr("2001:DB8::0:7") }, "2001:db8::7")
	f("related", nil, "")
	f("related", func(a *Action) { a.Related = []action.Record{{Type: "t", Name: `<&>"`}} }, `[{"type":"t","name":"<&>\""}]`)
	f("details", func(a *Action) { a.Details = json.RawMessage(`{ "a":1 }`) }, `{ "a":1 }`)
}
