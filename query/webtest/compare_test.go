package webtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/demo"
)

// peaked is a log in which one day differs: mallory exports lists from an address of their
// own, denied, while alice views records as on all days.
func peaked() []action.Event {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	var events []action.Event
	for day := range 20 {
		for i := range 10 {
			e := action.Event{
				Time: today.AddDate(0, 0, day-20).Add(9*time.Hour + time.Duration(i)*time.Minute), Actor: action.Actor{ID: "alice", Name: "Alice Okonkwo"},
				Action: "record.viewed", Subject: action.Record{Type: "invoice", ID: fmt.Sprintf("INV-%d-%d", day, i)},
			}
			events = append(events, e)
			if day == 12 {
				e.Time = e.Time.Add(time.Hour)
				e.Actor, e.Action, e.Outcome = action.Actor{ID: "mallory", Name: "Mallory Byrne"}, "data.exported", "denied"
				e.Subject = action.Record{Type: "list", ID: "customers", Name: "Customers, all"}
				events = append(events, e)
			}
		}
	}
	return events
}

// differs are the values that stand out, with their shares.
func (b *Tab) differs() string {
	b.t.Helper()
	return strings.Join(strings.Fields(b.Text(".differ")), " ")
}

func TestCompareFromTheBrush(t *testing.T) {
	t.Parallel()
	s := serve(t, peaked()...)
	b := scripted(t)
	b.Go(s.url + "/?search=-nothing")
	b.charted()
	buckets := b.buckets()
	most := 0
	for i, n := range buckets {
		if n > buckets[most] {
			most = i
		}
	}
	n := float64(len(buckets))
	b.drag(grip, (float64(most)+0.3)/n, (float64(most)+0.9)/n)
	b.Follow(".brush-tip [data-compare-with]")
	b.Until("document.querySelector('.differ-values .differ-bars .num') !== null")
	text := b.differs()
	for _, want := range []string{"Mallory Byrne mallory Only Exclude", "Data exported", "Denied", "Customers, all List · customers"} {
		if !strings.Contains(text, want) {
			t.Errorf("the comparison lacks %q: %s", want, text)
		}
	}
	if got := b.Text(".is-rest .side-count"); !strings.HasSuffix(got, " events") {
		t.Errorf("the rest is %q", got)
	}
	b.Follow(".differ-head a[aria-label='Only: User Mallory Byrne']")
	b.Until("document.querySelector('.count').innerText === '10 events of 210'")
	if got := b.line(); !strings.HasPrefix(got, "-nothing actor:mallory from:") {
		t.Errorf("only leads to %q", got)
	}
}

func TestCompareTheFiltersInForce(t *testing.T) {
	t.Parallel()
	s := serve(t, peaked()...)
	b := Open(t) // without scripts it is a page of its own
	b.Go(s.url + "/?search=outcome:denied")
	b.Follow(".compare-open")
	if got := b.Text(".is-selected .side-count") + ", " + b.Text(".is-rest .side-count"); got != "10 events, 200 events" {
		t.Errorf("compared are %q", got)
	}
	if got := b.Text(".is-selected .side-what"); got != "Outcome is Denied" {
		t.Errorf("selected is %q", got)
	}
	if got := b.Text(".differ-values li .is-selected dd") + " against " + b.Text(".differ-values li .is-rest dd"); strings.Join(strings.Fields(got), " ") != "100% 10 against 0% 0" {
		t.Errorf("shares %q", got)
	}
	if got := b.Texts(".differ h2"); slices.Contains(got, "Outcome") || !slices.Contains(got, "User") {
		t.Errorf("what differs is %q: that they were denied was asked for", got)
	}
	b.Follow(".differ-head a[aria-label='Exclude: User Mallory Byrne']")
	if got := b.line(); got != "outcome:denied -actor:mallory" {
		t.Errorf("exclude leads to %q", got)
	}
}

func TestCompareSaysWhenNothingIsToBeSaid(t *testing.T) {
	t.Parallel()
	s := serve(t, peaked()...)
	b := Open(t)
	for search, want := range map[string]string{"actor:nobody": "No event is selected", "": "There is nothing to compare with", "record": "No event is selected", "subject_id:INV-1-1": "Nothing stands out"} {
		b.Go(s.url + "/compare?search=" + search)
		if got := b.Text(".state h2"); got != want {
			t.Errorf("%q: %q, want %q", search, got, want)
		}
	}
	b.Go(s.url + "/compare?search=actr:x")
	if got := b.Text(".state h2"); got != "Nothing was searched" {
		t.Errorf("a wrong line: %q", got)
	}
}

func TestEveryLookOfTheComparison(t *testing.T) {
	t.Parallel()
	s := serve(t, peaked()...)
	company := slices.Collect(demo.Events(time.Now().AddDate(0, 0, -30), time.Now()))
	for i := range company {
		company[i].Tenant = "northlight"
	}
	s.add(company...)
	b := Open(t)
	looks(t, b, []look{
		{"compare", s.url + "/compare?search=outcome:denied", ""},
		{"compare-demo", s.url + "/compare?tenant=northlight&search=after:-5d+-category:view&against=after:-30d", ""},
		{"compare-alike", s.url + "/compare?search=subject_id:INV-1-1", ""},
	})
}
