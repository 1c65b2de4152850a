package webtest

import (
	"encoding/csv"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

// The menus and what is in them.
const (
	dateMenu   = ".pill:nth-of-type(1) summary"
	userMenu   = ".pill:nth-of-type(2) summary"
	actionMenu = ".pill:nth-of-type(3) summary"
)

// company is a small log in which each filter finds something else.
func company() []action.Event {
	alice, bob := action.Actor{ID: "alice", Name: "Alice Okonkwo"}, action.Actor{ID: "bob", Name: "Bob Dvořák"}
	at := func(days int) time.Time {
		return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -days).Add(10 * time.Hour)
	}
	return []action.Event{
		{Time: at(1), Actor: alice, IP: netip.MustParseAddr("192.0.2.1"), Action: "invoice.posted", Subject: action.Record{Type: "invoice", ID: "INV-1", Name: "Harbour Lights"}, Description: "Posted invoice INV-1", SessionID: "session-a", UserAgent: "Browser/1"},
		{Time: at(2), Actor: bob, OnBehalfOf: alice, Action: "opportunity.item.added", Subject: action.Record{Type: "opportunity", ID: "OPP-1", Name: "Winter Gala"}, Description: "Added a CRANE to the gala", SessionID: "session-b", UserAgent: "Browser/2"},
		{Time: at(3), Actor: action.Actor{ID: "robot", Type: "service"}, Action: "forklift.inspected", Outcome: "failure", Description: "Inspected forklift 7"},
		{Time: at(40), Actor: bob, Action: "data.exported", Outcome: "denied", Subject: action.Record{Type: "list", ID: "customers", Name: "Customers, crane hire"}, Description: "Export refused", SessionID: "session-d", UserAgent: "Browser/2"},
	}
}

func descriptions(rows []Row) []string {
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r.Description
	}
	return all
}

func expect(t *testing.T, b *Tab, want ...string) {
	t.Helper()
	if got := descriptions(b.Rows()); !slices.Equal(got, want) {
		t.Errorf("%s shows %q, want %q", b.URL(), got, want)
	}
}

const (
	posted    = "Posted invoice INV-1"
	added     = "Added a CRANE to the gala"
	inspected = "Inspected forklift 7"
	refused   = "Export refused"
)

func TestRowsSayWhatHappened(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := Open(t)
	b.Go(s.url)
	yesterday := company()[0].Time
	rows := b.Rows()
	if len(rows) != 4 {
		t.Fatalf("%d rows, want 4", len(rows))
	}
	if !strings.HasSuffix(rows[0].Date, "\n"+yesterday.Format("2 Jan 2006, 15:04:05")) || !strings.Contains(rows[0].Date, " ago") {
		t.Errorf("the date is %q", rows[0].Date)
	}
	rows[0].Date = ""
	want := Row{User: "Alice Okonkwo", IP: "192.0.2.1", Action: "Invoice posted", Subject: "Harbour Lights\nInvoice · INV-1", Description: posted}
	if rows[0] != want {
		t.Errorf("row %+q, want %+q", rows[0], want)
	}
	// What the eye reads from the arrow is read out in words.
	const second = "[...document.querySelector('.log tbody tr:nth-child(2) .c-user .c-sub').childNodes].filter(e => !e.matches(%s)).map(e => e.textContent).join('')"
	if seen, heard := eval[string](b, fmt.Sprintf(second, "'.sr'")), eval[string](b, fmt.Sprintf(second, "'[aria-hidden]'")); seen != "→ Alice Okonkwo" || heard != "on behalf of Alice Okonkwo" {
		t.Errorf("on behalf: %q, read out as %q", seen, heard)
	}
	if rows[2].User != "robot\nService" || rows[2].Action != "forklift.inspected\nFailed" || rows[2].Subject != "—\nnone" && rows[2].Subject != "—none" {
		t.Errorf("an unknown type by a service: %+q", rows[2])
	}
	b.Follow(".log tbody tr:nth-child(1) .c-date a")
	facts := b.Text(".drawer")
	if !strings.Contains(facts, "session-a") || !strings.Contains(facts, "Browser/1") || !strings.Contains(facts, "Alice Okonkwo posted invoice INV-1") {
		t.Errorf("the page of an event shows %q", facts)
	}
	b.Follow(".drawer-head a[data-step='1']")
	if got := b.Text(".say"); got != "Bob Dvořák added item, opportunity OPP-1" {
		t.Errorf("the older event is %q", got)
	}
	b.Follow("a[aria-label^='Only: User']")
	expect(t, b, added, refused)
	b.Go(s.url)
	b.Follow(".log tbody tr:nth-child(3) .c-date a")
	if got := b.Text(".say .badge"); got != "Failed" {
		t.Errorf("what failed is told as %q", b.Text(".say"))
	}
}

func TestEachFilterFinds(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := Open(t)

	b.Go(s.url)
	b.Type("#q", "crane")
	b.Follow(".ask .btn-main")
	expect(t, b, added, refused)
	if got := b.Texts("mark"); !slices.Equal(got, []string{"CRANE", "crane"}) {
		t.Errorf("marked: %q", got)
	}
	if got := b.line(); got != "crane" {
		t.Errorf("the address has the line %q", got)
	}
	b.Follow("a[aria-label='Remove: contains crane']")
	expect(t, b, posted, added, inspected, refused)

	b.Click(userMenu)
	b.Click("input[name=actor][value=bob]")
	b.Follow(".pop-user .btn-main")
	expect(t, b, added, refused)
	if got := b.Text(userMenu + " b"); got != "Bob Dvořák" {
		t.Errorf("the pill says %q", got)
	}
	b.Click(userMenu)
	b.Type(".pop-user noscript input", "robot")
	b.Follow(".pop-user .btn-main")
	expect(t, b, added, inspected, refused)
	b.Follow("a[aria-label='Remove the user filter']")

	b.Click(actionMenu)
	b.Click("input[name=action][value='forklift.inspected']") // not in the catalogue
	b.Click("input[name=action][value='invoice.posted']")
	b.Follow(".pop-act .btn-main")
	expect(t, b, posted, inspected)

	// A menu writes its part of the line: what was chosen elsewhere stays.
	b.Click(userMenu)
	b.Click("input[name=actor][value=alice]")
	b.Follow(".pop-user .btn-main")
	expect(t, b, posted)
	if got := b.line(); got != "actor:alice action:invoice.posted action:forklift.inspected" && got != "action:invoice.posted action:forklift.inspected actor:alice" && got != "action:forklift.inspected action:invoice.posted actor:alice" {
		t.Errorf("the menus write %q", got)
	}
	b.Back()
	expect(t, b, posted, inspected)
	b.Follow(".chips .btn-bare")
	expect(t, b, posted, added, inspected, refused)

	b.Click(userMenu)
	b.Click(".pop-user .seg label:nth-child(2)")
	b.Click("input[name=actor][value=bob]")
	b.Follow(".pop-user .btn-main")
	expect(t, b, posted, inspected)
	b.Follow(".chips .btn-bare")

	b.Click(dateMenu)
	b.Type("input[name=from]", fieldKeys(company()[2].Time))
	b.Type("input[name=to]", fieldKeys(company()[0].Time))
	b.Follow(".pop-date .btn-main")
	expect(t, b, added, inspected) // from is included, to is not
	b.Click(dateMenu)
	b.Follow(".presets a:nth-child(5)")
	expect(t, b, posted, added, inspected)
	if got := b.Text(dateMenu + " b"); got != "Last 7 days" {
		t.Errorf("the date pill says %q", got)
	}
	b.Type("#q", "crane ")
	b.Submit("\r")
	expect(t, b, added)
}

// fieldKeys are the keys by which a person enters a time into a datetime-local
// field of an American browser.
func fieldKeys(t time.Time) string { return t.Format("01022006\t0304PM") }

func TestOlderAndNewest(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(120)...)
	b := Open(t)
	b.Go(s.url + "/?q=invoice")
	first := descriptions(b.Rows())
	b.Follow(olderPage)
	second := descriptions(b.Rows())
	b.Follow(olderPage)
	third := descriptions(b.Rows())
	all := slices.Concat(first, second, third)
	if len(first) != 50 || len(second) != 50 || len(third) != 20 || !slices.IsSorted(all) || len(slices.Compact(all)) != 120 {
		t.Errorf("pages of %d, %d and %d rows: %q", len(first), len(second), len(third), all)
	}
	if len(b.Texts(olderPage)) > 0 {
		t.Error("the last page leads to an older one")
	}
	// What arrives meanwhile does not move the pages.
	s.add(action.Event{Time: time.Now(), Actor: action.Actor{ID: "alice"}, Action: "invoice.posted", Description: "Posted invoice A"})
	b.Back()
	if again := descriptions(b.Rows()); !slices.Equal(again, second) {
		t.Errorf("the second page has become %q", again)
	}
	b.Follow(".pager a[rel=prev]")
	if again := descriptions(b.Rows()); !slices.Equal(again, first) {
		t.Errorf("the first page has become %q", again)
	}
	b.Follow(".ask .btn-main")
	if got := descriptions(b.Rows()); got[0] != "Posted invoice A" {
		t.Errorf("the newest page begins with %q", got[0])
	}
}

func TestDownloadHoldsTheView(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := Open(t)
	b.Go(s.url + "/?actor=bob")
	expect(t, b, added, refused)
	content := b.Download("a[aria-label='Download this view as CSV']")
	records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(content), "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) (values []string) {
		i := slices.Index(records[0], name)
		if i < 0 {
			t.Fatalf("the file has no column %s: %q", name, records[0])
		}
		for _, record := range records[1:] {
			values = append(values, record[i])
		}
		return values
	}
	for name, want := range map[string][]string{
		"description": {added, refused}, "session_id": {"session-b", "session-d"}, "user_agent": {"Browser/2", "Browser/2"}, "actor_name": {"Bob Dvořák", "Bob Dvořák"},
	} {
		if got := column(name); !slices.Equal(got, want) {
			t.Errorf("column %s holds %q, want %q", name, got, want)
		}
	}
}

func TestKeyboardAlone(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := Open(t)
	b.Go(s.url)
	b.Press("\t")
	if got := b.Focused(); got != "Skip to the events" {
		t.Fatalf("the first stop is %q", got)
	}
	stops := []string{"Actionlog", "Log", "Your settings", "Download this view as CSV", "search", "set", "Date range", "User"}
	for _, want := range stops {
		b.Press("\t")
		if got := b.Focused(); got != want {
			t.Fatalf("focus on %q, want %q", got, want)
		}
	}
	b.Press("\r")  // opens the menu
	b.Press("\t")  // whether it is or is not
	b.Press("\t ") // to the first user, and chooses
	if got := eval[string](b, "document.activeElement.value"); got != "bob" {
		t.Fatalf("chose %q, want the most active user", got)
	}
	b.Press("\t\t\t\t") // past the other users and the field for any
	b.Submit("\r")
	expect(t, b, added, refused)
}

// A click beside an open menu closes it.
func TestMenusClose(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := Open(t)
	b.Go(s.url)
	for _, menu := range []string{dateMenu, userMenu, actionMenu} {
		b.Click(menu) // while another one is open
		if n := eval[int](b, "document.querySelectorAll('.menu[open]').length"); n != 1 {
			t.Fatalf("%d menus are open, want 1", n)
		}
	}
	b.ClickAt(1300, 20)
	if n := eval[int](b, "document.querySelectorAll('.menu[open]').length"); n != 0 {
		t.Error("a click beside the menu leaves it open")
	}
}
