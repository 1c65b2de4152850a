package webtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/demo"
)

// diary is what alice did: on three mornings of 2025, and lately from an address that is
// new, in a session of two addresses.
func diary() []action.Event {
	alice := action.Actor{ID: "u/17", Name: "Alice Okonkwo"}
	old, fresh := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::7")
	const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
	var events []action.Event
	for day := range 3 {
		for i := range 4 {
			events = append(events, action.Event{
				Time: time.Date(2025, 3, 3+day, 9, 15*i, 0, 0, time.UTC), Actor: alice, IP: old, Action: "record.viewed",
				SessionID: fmt.Sprint("s-", day), UserAgent: agent, Description: fmt.Sprint("Morning ", day, i),
			})
		}
	}
	monday := time.Now().UTC().Truncate(24 * time.Hour)
	for monday = monday.AddDate(0, 0, -1); monday.Weekday() != time.Monday; {
		monday = monday.AddDate(0, 0, -1)
	}
	events[0].Outcome, events[1].Outcome, events[2].Action = "denied", "failure", "invoice.deleted"
	events[3].OnBehalfOf = action.Actor{ID: "bob", Name: "Bob Dvořák"}
	for i, ip := range []netip.Addr{old, fresh} {
		events = append(events, action.Event{Time: monday.Add(3*time.Hour + time.Duration(i)*time.Minute), Actor: alice, IP: ip, Action: "record.viewed", SessionID: "s-new", UserAgent: agent, Description: fmt.Sprint("Night ", i)})
	}
	return events
}

func TestUserPageTellsWhoSomebodyIs(t *testing.T) {
	t.Parallel()
	s := serve(t, diary()...)
	b := Open(t)
	b.Go(s.url)
	b.Follow(".c-user a") // the table leads there, and so does the drawer
	if got := b.Text("h1"); got != "Alice Okonkwo" {
		t.Fatalf("the page at %s is of %q", b.URL(), got)
	}
	stats := strings.Join(b.Texts(".stats > div"), "; ")
	for _, want := range []string{"First seen\n3 Mar 2025", "Events\n14", "Active days\n4", "Sessions\n4", "Addresses\n2", "Failed or denied\n2"} {
		if !strings.Contains(stats, want) {
			t.Errorf("the numbers lack %q: %q", want, stats)
		}
	}
	if got := b.Texts(".heat td[class]"); !slices.Equal(got, []string{"2"}) {
		t.Errorf("hours in which there is anything: %q", got)
	}
	if got := eval[string](b, "document.querySelector('.heat td[class]').title"); got != "Mon 03:00: 2 events" {
		t.Errorf("the hour is %q", got)
	}
	if got := strings.Join(strings.Fields(b.Text(".sessions tbody tr")), " "); !strings.Contains(got, "1 min Chrome 141 on Linux x86_64 2001:db8::7 2 addresses 2") {
		t.Errorf("the latest session is %q", got)
	}
	if got := b.Text(".side"); !strings.Contains(got, "2001:db8::7 New\n1 event") || !strings.Contains(got, "Record viewed") || !strings.Contains(got, "Bob Dvořák\n1 event") {
		t.Errorf("beside it stands %q", got)
	}
	if got := len(b.Rows()); got != 10 || b.Text(".pager") != "" {
		t.Errorf("%d latest events", got)
	}

	page := b.URL()
	for selector, line := range map[string]string{
		".head-end .btn":              "actor:u/17",
		".stats .btn-link":            "actor:u/17 outcome:failure outcome:denied",
		".sessions tbody a":           "actor:u/17 session_id:s-new",
		".tally a":                    "actor:u/17 action:record.viewed",
		".plain a":                    "actor:u/17 ip:192.0.2.1",
		".side section:last-child a":  "actor:u/17 on_behalf_of:bob",
		".latest .h-row a":            "actor:u/17",
		".latest .c-ip a":             "actor:u/17 ip:2001:db8::7",
		".latest .c-date a[href]":     "actor:u/17",
		".crumb a":                    "",
		".split .main .sessions tr a": "actor:u/17 session_id:s-new",
	} {
		b.Go(page)
		b.Follow(selector)
		if got := strings.Replace(b.line(), "outcome:denied outcome:failure", "outcome:failure outcome:denied", 1); got != line {
			t.Errorf("%s leads to %q, want %q", selector, got, line)
		}
	}
}

// Lists that are cut lead to all that they have, and back, on the same page.
func TestUserPageShowsAllOfAList(t *testing.T) {
	t.Parallel()
	events := diary()
	for i := range 9 {
		ip := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
		events = append(events, action.Event{Time: time.Now().Add(-time.Duration(i) * time.Hour), Actor: events[0].Actor, IP: ip, Action: "record.viewed", SessionID: fmt.Sprint("more-", i), Description: "More"})
	}
	s := serve(t, events...)
	b := Open(t)
	b.Go(s.url + "/users/u%2F17?tz=Europe/Berlin")
	for _, list := range []struct {
		rows, place, note, all, fewer string
		count                         int
	}{
		{".sessions tbody tr", "#sessions", "The latest 7 of 13 sessions", "All sessions", "Fewer sessions", 13},
		{"#addresses li", "#addresses", "The most frequent 7 of 11 addresses", "All addresses", "Fewer addresses", 11},
	} {
		if got := b.Text(list.place + " .more-note"); len(b.Texts(list.rows)) != 7 || got != list.note+" "+list.all {
			t.Errorf("%d rows and %q", len(b.Texts(list.rows)), got)
		}
		b.Follow(list.place + " .more-note a")
		if got := b.Texts(list.rows); len(got) != list.count || !strings.HasSuffix(b.URL(), list.place) || !strings.Contains(b.URL(), "tz=Europe") {
			t.Errorf("%s shows %d rows: %q", b.URL(), len(got), got)
		}
		b.Follow(list.place + " .more-note a")
		if got := len(b.Texts(list.rows)); got != 7 {
			t.Errorf("back it shows %d", got)
		}
	}
	if a := get(t, s.url+"/users/u%2F17?show=all"); a.status != 400 {
		t.Errorf("an unknown list: %d", a.status)
	}
}

// The events of the page open beside it, as those of the log do.
func TestUserPageOpensEventsInTheDrawer(t *testing.T) {
	t.Parallel()
	s := serve(t, diary()...)
	b := scripted(t)
	for _, width := range []int64{1440, 390} {
		b.Size(width, 844)
		b.Go(s.url + "/users/u%2F17")
		b.Until("document.documentElement.dataset.zone !== undefined")
		b.Click("#rows tr:nth-child(2) .c-date")
		b.Until("document.querySelector('#drawer-place #drawer') !== null && location.pathname.startsWith('/events/')")
		if got := b.Text("#drawer"); !strings.Contains(got, "Night 0") {
			t.Errorf("the drawer shows %q", got)
		}
		expectAxe(t, b)
		b.Press("k")
		b.Until("document.querySelector('#drawer').innerText.includes('Night 1')")
		eval[string](b, "(history.back(), '')")
		b.Until("document.querySelector('#drawer') === null && location.pathname === '/users/u%2F17'")
		b.Press("j")
		b.Enter()
		b.Until("document.querySelector('#drawer') !== null")
		b.Press("\x1b")
		b.Until("document.querySelector('#drawer') === null && location.pathname === '/users/u%2F17' && document.activeElement.closest('#rows') !== null")
	}
}

// What is not known has a page that says so, and leads to where its id may be.
func TestWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := serve(t, diary()...)
	b := Open(t)
	for address, want := range map[string][]string{
		"/users/bob":                   {"Nobody with the id “bob” is known", "on_behalf_of:bob", "subject_id:bob", "bob"},
		"/users/a%20b":                 {"Nobody with the id “a b” is known", `on_behalf_of:"a b"`, `subject_id:"a b"`, `"a b"`},
		"/records/invoice/INV-9":       {"Nothing is known of the invoice “INV-9”", "subject_id:INV-9", "INV-9"},
		"/events/e-9?search=-crane":    {"There is no event “e-9”", "request_id:e-9", "e-9"},
		"/events/e-9/around?search=ab": {"There is no event “e-9”", "request_id:e-9", "e-9"},
	} {
		if a := get(t, s.url+address); a.status != 404 {
			t.Errorf("%s: %d", address, a.status)
		}
		b.Go(s.url + address)
		if got := append([]string{b.Text(".state h2")}, b.Texts(".state .rows .mono")...); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	b.Go(s.url + "/users/bob")
	b.Follow(".state .rows a")
	if got := descriptions(b.Rows()); !slices.Equal(got, []string{"Morning 0 3"}) {
		t.Errorf("on behalf of him: %q", got)
	}
	looks(t, b, []look{{"missing-user", s.url + "/users/bob", ""}, {"missing-event", s.url + "/events/" + strings.Repeat("e", 300), ""}})
}

func TestUserPageIsReachedFromTheDrawer(t *testing.T) {
	t.Parallel()
	s := serve(t, diary()...)
	b := scripted(t)
	b.Go(s.url)
	b.Until("document.querySelector('#rows [data-event]') !== null")
	b.Press("j")
	b.Press("\r")
	b.Until("document.querySelector('#drawer-place #drawer') !== null")
	b.Follow("#drawer .facts a.btn-link[href^='/users/']")
	if got := b.Text("h1"); got != "Alice Okonkwo" {
		t.Errorf("the drawer leads to %q", got)
	}
}

func TestEveryLookOfTheUserPage(t *testing.T) {
	t.Parallel()
	s := serve(t, slices.Collect(demo.Events(time.Now().AddDate(0, 0, -90), time.Now()))...)
	s.add(action.Event{Time: time.Now(), Actor: action.Actor{ID: "u-0017"}, Action: "record.viewed", SessionID: "long", UserAgent: strings.Repeat("A", 1024)})
	b := Open(t)
	b.Go(s.url + "/users/u-0017")
	looks(t, b, []look{{"user-page", s.url + "/users/u-0017", ""}})
	b.Size(1440, 2000)
	screenshot(t, b, "user-page-whole.png")
}
