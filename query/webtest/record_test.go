package webtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

// invoice is what happened to an invoice that was deleted, newest first, and what else did.
func invoice() []action.Event {
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	siobhan, alice := action.Actor{ID: "u-0023", Name: "Siobhán Ní Dhomhnaill"}, action.Actor{ID: "u-0017", Name: "Alice Okonkwo-Brännström"}
	subject := action.Record{Type: "invoice", ID: "INV-20871", Name: "Harbour Lights Festival 2026 – Main Stage, second weekend"}
	opportunity := action.Record{Type: "opportunity", ID: "OPP-5388", Name: "Harbour Lights Festival 2026"}
	ip := netip.MustParseAddr("192.0.2.1")
	at := func(days, hours int) time.Time { return day.AddDate(0, 0, -days).Add(time.Duration(hours) * time.Hour) }
	events := []action.Event{
		{
			ID: "deleted", Time: at(0, 14), Actor: siobhan, OnBehalfOf: action.Actor{ID: "u-0004", Name: "Björk Þórðardóttir-Åkesson"}, IP: ip, Action: "invoice.deleted", Subject: subject, Reason: "Duplicate of INV-20869",
			Description: "Deleted invoice INV-20871 (€18,420.00, 12 days overdue)",
			Details:     []byte(`{"before":{"status":"overdue","late_fee":{"amount":"€120.00"},"lines":3},"after":{"status":"deleted","deleted_reason":"Duplicate of INV-20869","lines":3},"source":{"screen":"invoices","tags":["bulk",7]}}`),
		},
		{Time: at(0, 13), Actor: alice, Action: "discussion.commented", Subject: subject, Description: "The client says the second line array never arrived."},
	}
	for i := range 9 {
		events = append(events, action.Event{Time: at(0, 12).Add(-time.Duration(i) * time.Minute), Actor: siobhan, Action: "record.viewed", Subject: subject})
	}
	return append(events,
		action.Event{Time: at(2, 10), Actor: action.Actor{ID: "qbo", Name: "QuickBooks Online", Type: "service"}, Action: "invoice.posted.quickbooks", Outcome: "failure", Subject: subject, Description: "Posted as document 11-4402"},
		action.Event{Time: at(3, 9), Actor: alice, Action: "invoice.updated", Subject: opportunity, Related: []action.Record{subject}, Description: "Moved the late fee", Details: []byte(`{"changes":{"due":{"from":"12 Nov","to":"10 Dec"}}}`)},
		action.Event{Time: at(9, 9), Actor: alice, Action: "invoice.created", Subject: subject, Related: []action.Record{opportunity}},
		action.Event{Time: at(9, 8), Actor: alice, Action: "invoice.created", Subject: action.Record{Type: "invoice", ID: "INV-1"}, Description: "Another one"},
	)
}

func TestRecordTellsWhatHappenedToIt(t *testing.T) {
	t.Parallel()
	s := serve(t, invoice()...)
	b := Open(t)
	b.Go(s.url + "/?search=Deleted")
	b.Follow("#rows .c-subj a")
	if got := b.Text("h1"); got != "Harbour Lights Festival 2026 – Main Stage, second weekend" {
		t.Fatalf("the name of a subject leads to %q at %s", got, b.URL())
	}
	answers := b.Texts(".answer")
	if len(answers) != 2 || !strings.HasPrefix(answers[0], "Deleted by Siobhán Ní Dhomhnaill for Björk Þórðardóttir-Åkesson, ") || !strings.HasSuffix(answers[0], "“Duplicate of INV-20869”") ||
		!strings.HasPrefix(answers[1], "Created by Alice Okonkwo-Brännström, ") {
		t.Errorf("the answers are %q", answers)
	}
	if got := b.Text(".record-sum .clamp"); !strings.HasPrefix(got, "Invoice INV-20871 · 14 events by 3 actors, ") {
		t.Errorf("the summary is %q", got)
	}
	text := b.Text("#timeline")
	for _, want := range []string{"Siobhán Ní Dhomhnaill deleted the invoice for Björk", "Alice Okonkwo-Brännström commented", "Siobhán Ní Dhomhnaill viewed 9 times since 11:52", "Failed", "updated invoice, Harbour", "12 Nov", "10 Dec"} {
		if !strings.Contains(text, want) {
			t.Errorf("the timeline lacks %q: %s", want, text)
		}
	}
	if strings.Contains(text, "Another one") {
		t.Error("the timeline shows another record's event")
	}
	b.Click(".tl summary")
	if got := len(b.Texts(".tl-run li")); got != 9 {
		t.Errorf("an open run has %d views, want 9", got)
	}
	if got := b.Texts(".plain a"); !slices.Equal(got, []string{"Harbour Lights Festival 2026"}) {
		t.Errorf("related records %q", got)
	}
	b.Follow(".record-show a:nth-child(3)")
	if got := b.Texts(".tl > li"); len(got) != 1 || !strings.Contains(got[0], "second line array") {
		t.Errorf("the comments are %q", got)
	}
	b.Follow(".tl-time")
	if !strings.Contains(b.URL(), "/events/event-0002?") {
		t.Errorf("a time leads to %s", b.URL())
	}
	b.Follow(".drawer-foot a:nth-child(3)")
	b.Follow(".record-sum a")
	if got := len(b.Rows()); got != 14 {
		t.Errorf("the log of the record has %d rows, want 14", got)
	}
}

func TestRecordHasPagesAndMayBeUnknown(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(1)...)
	events := numbered(120)
	for i := range events {
		events[i].Subject = action.Record{Type: "a/b", ID: "x?y", Name: "Odd"}
	}
	s.add(events...)
	b := Open(t)
	b.Go(s.url + "/records/a%2Fb/x%3Fy")
	seen := 0
	for {
		seen += len(b.Texts(".tl > li"))
		if b.Text(".pager a[rel=next]") == "" {
			break
		}
		b.Follow(".pager a[rel=next]")
	}
	if seen != 120 {
		t.Errorf("%d events on all pages, want 120", seen)
	}
	if a := get(t, s.url+"/records/invoice/nobody"); a.status != 404 || !strings.Contains(a.body, "Nothing is known of the invoice “nobody”") {
		t.Errorf("an unknown record: %d", a.status)
	}
	if a := get(t, s.url+"/records/a%2Fb/x%3Fy?show=all"); a.status != 400 {
		t.Errorf("an unknown choice: %d, want 400", a.status)
	}
}

func TestDrawerTellsWhatChanged(t *testing.T) {
	t.Parallel()
	s := serve(t, invoice()...)
	b := Open(t)
	b.Go(s.url + "/events/deleted")
	if got := b.Texts(".diff:not(.tree) tbody tr"); !slices.Equal(got, []string{
		"status\t− overdue\t+ deleted", "deleted_reason\tnot set\t+ Duplicate of INV-20869", "late_fee.amount\t− €120.00\tremoved",
	}) && !slices.Equal(got, []string{"status\toverdue\tdeleted", "deleted_reason\tnot set\tDuplicate of INV-20869", "late_fee.amount\t€120.00\tremoved"}) {
		t.Errorf("what changed: %q", got)
	}
	if got := b.Text(".drawer-h .small"); got != "3 of 4 fields" {
		t.Errorf("how much changed: %q", got)
	}
	if got := b.Texts(".drawer section:last-of-type h2"); len(got) == 0 {
		t.Error("the drawer has no more sections")
	}
	if got := b.Texts("section > .tree tbody tr"); !slices.Equal(got, []string{"source\t2 items", "screen\tinvoices", "tags\t2 items", "[0]\tbulk", "[1]\t7"}) {
		t.Errorf("the other details: %q", got)
	}
	b.Click(".diff-same summary")
	if got := b.Text(".diff-same table"); got != "lines\t3" && !strings.HasSuffix(got, "lines\t3") {
		t.Errorf("what stayed: %q", got)
	}
}

// The lines of a value stand below each other, and what is taken out of a list is all that
// changed.
func TestDrawerTellsWhatChangedInListsAndLines(t *testing.T) {
	t.Parallel()
	e := numbered(1)[0]
	e.ID, e.Details = "lists", []byte(`{"before":{"b":[1,2,3],"note":"One\ntwo"},"after":{"b":[1,3],"note":"One\nthree\nfour"}}`)
	s := serve(t, e)
	b := Open(t)
	b.Go(s.url + "/events/lists")
	if got := b.Texts(".diff:not(.tree) tbody tr"); len(got) != 2 || !strings.HasPrefix(got[1], "b[1]") || !strings.HasSuffix(got[1], "\tremoved") || !strings.Contains(got[1], "2") {
		t.Errorf("what changed: %q", got)
	}
	for _, cell := range []string{".diff .was", ".diff .now"} {
		lefts := eval[[]float64](b, "[...document.querySelector("+quoted(cell+" bdi")+").getClientRects()].filter(r => r.width > 0).map(r => r.left)")
		if len(lefts) < 2 || slices.Min(lefts) != slices.Max(lefts) {
			t.Errorf("the lines of %s begin at %v", cell, lefts)
		}
	}
	screenshot(t, b, "diff-lines-1440.png")
}

// much are events of a record that touch many others, at length, and change types.
func much() []action.Event {
	at := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	alice, subject := action.Actor{ID: "alice", Name: "Alice Okonkwo"}, action.Record{Type: "invoice", ID: "MUCH", Name: "Harbour Lights"}
	var related []action.Record
	for i := range 12 {
		related = append(related, action.Record{Type: "invoice", ID: fmt.Sprint("OTHER-", i), Name: fmt.Sprint("Other ", i)})
	}
	return []action.Event{
		{
			ID: "much", Time: at, Actor: alice, Action: "invoice.posted", Subject: subject, Related: related, Description: strings.Repeat("Word after word. ", 500),
			Details: []byte(`{"before":{"quantity":"1"},"after":{"quantity":1}}`),
		},
		{Time: at.Add(-time.Hour), Actor: alice, Action: "invoice.posted", Subject: subject, Description: "Short"},
	}
}

// What a record has many of is not passed over, and what is long does not hide the rest.
func TestRecordFoldsWhatIsMuch(t *testing.T) {
	t.Parallel()
	s := serve(t, much()...)
	b := Open(t)
	b.Go(s.url + "/records/invoice/MUCH")
	const links = "[...document.querySelectorAll('.side .plain a')].filter(a => a.checkVisibility()).length"
	if got := eval[int](b, links); got != 8 || b.Text(".more-related summary") != "4 more" {
		t.Errorf("%d related records and %q", got, b.Text(".more-related summary"))
	}
	b.Click(".more-related summary")
	if got := eval[int](b, links); got != 12 {
		t.Errorf("%d related records, want 12", got)
	}
	const height = "document.querySelector('.tl-desc').offsetHeight"
	if got := eval[int](b, height); got > 100 || b.Texts(".tl-whole") == nil {
		t.Errorf("a long text is %d px high", got)
	}
	b.Click(".tl-whole summary")
	if got := eval[int](b, height); got < 500 {
		t.Errorf("opened it is %d px high", got)
	}
	if got := len(b.Texts(".tl-whole")); got != 1 {
		t.Errorf("%d texts are folded, want the long one", got)
	}
	// A record of which nothing is known but that it was touched has its name all the same.
	b.Follow(".more-related .plain a")
	if got := b.Text("h1"); got != "Other 8" {
		t.Errorf("a related record is called %q", got)
	}
}

// A value that became one of another type is not shown as if nothing had changed.
func TestDrawerTellsTypes(t *testing.T) {
	t.Parallel()
	s := serve(t, much()...)
	b := Open(t)
	b.Go(s.url + "/events/much")
	if got := b.Texts(".diff td"); len(got) != 2 || !strings.HasSuffix(got[0], "1 text") || !strings.HasSuffix(got[1], "1 number") {
		t.Errorf("the values are %q", got)
	}
	if got := b.Text(".drawer-h .small"); got != "1 field" {
		t.Errorf("how much changed: %q", got)
	}
}

// A time says its zone wherever it stands alone, with the distance from UTC that it had then.
func TestDrawerTellsTheZone(t *testing.T) {
	t.Parallel()
	s := serve(t, action.Event{ID: "summer", Time: time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC), Actor: action.Actor{ID: "alice"}, Action: "invoice.updated"})
	b := scripted(t)
	b.Zone("Europe/Berlin")
	b.Go(s.url)
	b.Until("document.querySelector('.h-date .zone').innerText === 'Berlin'")
	b.Click("#rows [data-event]")
	b.Until("document.querySelector('#drawer') !== null")
	if got := b.Text(".drawer-body > p"); !strings.HasPrefix(got, "Wed 1 Jul 2026, 12:00:00.000 Europe/Berlin (UTC+2)") {
		t.Errorf("the drawer says %q", got)
	}
}

// Types of records that the page knows are called by their names in its language.
func TestRecordTypesAreTranslated(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(-time.Hour)
	s := serve(t,
		action.Event{ID: "known", Time: at, Actor: action.Actor{ID: "alice"}, Action: "invoice.updated", Subject: action.Record{Type: "invoice", ID: "INV-1", Name: "Harbour"}},
		action.Event{Time: at.Add(-time.Hour), Actor: action.Actor{ID: "alice"}, Action: "crane.hoisted", Subject: action.Record{Type: "crane", ID: "C-1", Name: "Crane"}},
	)
	b := Open(t)
	b.Go(s.url)
	if got := b.Texts(".c-subj .c-sub"); !slices.Equal(got, []string{"Invoice · INV-1", "Crane · C-1"}) {
		t.Errorf("in English: %q", got)
	}
	b.inGerman()
	if got := b.Texts(".c-subj .c-sub"); !slices.Equal(got, []string{"Rechnung · INV-1", "Crane · C-1"}) {
		t.Errorf("in German: %q", got)
	}
	b.Go(s.url + "/events/known")
	if got := b.Text(".say"); got != "alice: Rechnung geändert, Rechnung INV-1" {
		t.Errorf("the headline is %q", got)
	}
	b.Go(s.url + "/records/invoice/INV-1")
	if got := b.Text(".record-sum .clamp"); !strings.HasPrefix(got, "Rechnung INV-1 · 1 Ereignis") {
		t.Errorf("the summary is %q", got)
	}
}

// Whatever direction names have, the headline has that of the language, and no text turns
// what stands beside it.
func TestNamesDoNotTurnSentences(t *testing.T) {
	t.Parallel()
	s := serve(t, action.Event{ID: "turned", Time: time.Now().Add(-time.Hour), Actor: action.Actor{ID: "u-77", Name: "محمد عبد الرحمن"}, Action: "invoice.deleted", Subject: action.Record{Type: "invoice", ID: "פ-9"}, Description: "Sent gpj\u202eexe \u2069\u2066to nobody"})
	b := Open(t)
	// Where a word of an element is, from the left.
	b.Go(s.url + "/events/turned")
	place := func(selector, word string) float64 {
		t.Helper()
		return eval[float64](b, fmt.Sprintf(`(() => {
			const walk = document.createTreeWalker(document.querySelector(%q), NodeFilter.SHOW_TEXT), range = document.createRange();
			for (let n; n = walk.nextNode();) {
				const at = n.data.indexOf(%q);
				if (at >= 0) { range.setStart(n, at); range.setEnd(n, at + 1); return range.getBoundingClientRect().left; }
			}
			return -1;
		})()`, selector, word))
	}
	if who, did, what := place(".say", "محمد"), place(".say", "deleted"), place(".say", "פ"); who < 0 || who > did || did > what {
		t.Errorf("the headline is %q: the user is at %.0f, the verb at %.0f, the record at %.0f", b.Text(".say"), who, did, what)
	}
	if got := b.Text(".drawer-desc"); got != "Sent gpj[U+202E]exe [U+2069][U+2066]to nobody" {
		t.Errorf("the description is %q", got)
	}
	if sent, to := place(".drawer-desc", "Sent"), place(".drawer-desc", "nobody"); sent > to {
		t.Errorf("the description is turned: it begins at %.0f and ends at %.0f", sent, to)
	}
}

func TestEveryLookOfRecords(t *testing.T) {
	t.Parallel()
	s := serve(t, invoice()...)
	s.add(append(oddEvents(time.Now()), much()...)...)
	b := Open(t)
	looks(t, b, []look{
		{"record", s.url + "/records/invoice/INV-20871", ""},
		{"record-open", s.url + "/records/invoice/INV-20871", ".tl summary"},
		{"record-long", s.url + "/records/" + strings.Repeat("t", 1024) + "/" + strings.Repeat("i", 1024), ""},
		{"record-much", s.url + "/records/invoice/MUCH", ".more-related summary"},
		{"event-types", s.url + "/events/much", ""},
		{"event-diff", s.url + "/events/deleted", ".diff-same summary"},
	})
}
