package webtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

// folded are events of which five are of one request and fourteen are views of one record.
func folded() []action.Event {
	now := time.Now()
	alice, bob := action.Actor{ID: "alice", Name: "Alice Okonkwo"}, action.Actor{ID: "bob", Name: "Bob Dvořák"}
	subject := action.Record{Type: "invoice", ID: "INV-1", Name: "Harbour Lights"}
	events := []action.Event{{Time: now.Add(-time.Minute), Actor: bob, Action: "invoice.posted", Subject: subject, Description: "First"}}
	for range 5 {
		events = append(events, action.Event{Time: now.Add(-time.Duration(len(events)+1) * time.Minute), Actor: alice, Action: "invoice.updated", Subject: subject, RequestID: "req-1", Description: "Changed a line of the invoice, and said so in so many words that they take more than one line of the table"})
	}
	for range 14 {
		events = append(events, action.Event{Time: now.Add(-time.Duration(len(events)+1) * time.Minute), Actor: bob, Action: "record.viewed", Subject: subject})
	}
	return append(events, action.Event{Time: now.Add(-time.Hour), Actor: alice, Action: "invoice.created", Subject: subject, Description: "Last"})
}

const visibleRows = "[...document.querySelectorAll('#rows tr')].filter(r => r.id !== 'more' && r.checkVisibility()).length"

// In one line an event that conflicts with another is marked without cutting its action.
func TestConflictingLeavesRoomForTheAction(t *testing.T) {
	t.Parallel()
	e := numbered(1)[0]
	e.ID, e.Action = "same", "record.updated"
	s := serve(t, e)
	e.Description = "Something else"
	s.add(e)
	b := scripted(t)
	for _, german := range []bool{false, true} {
		b.Go(s.url)
		if german {
			b.inGerman()
		}
		b.charted()
		b.Click(".menu-density summary")
		b.Click(".menu-density input[value=compact]")
		b.Until("document.querySelector('#log').dataset.density === 'compact'")
		b.Press("\x1b")
		if cut := eval[bool](b, "(e => e.scrollWidth > e.clientWidth)(document.querySelector('#rows .c-act .clamp'))"); cut {
			t.Errorf("the action is cut: %q", b.Text("#rows .c-act"))
		}
		if !eval[bool](b, "document.querySelector('#rows .conflict .i').checkVisibility() && document.querySelector('#rows .conflict').textContent !== ''") {
			t.Error("the conflict is not marked")
		}
		screenshot(t, b, fmt.Sprintf("js-conflict-german-%t.png", german))
		expectAxe(t, b)
		b.Click(".menu-density summary")
		b.Click(".menu-density input[value=comfortable]")
		b.Until("document.querySelector('#rows .conflict span').getBoundingClientRect().width > 20")
	}
}

func TestRunsAreOneLineThatOpens(t *testing.T) {
	t.Parallel()
	s := serve(t, folded()...)
	b := scripted(t)
	b.Go(s.url)
	b.Until("document.querySelector('.sum .count').innerText === '21 events'")
	if got := eval[int](b, visibleRows); got != 4 {
		t.Errorf("%d rows, want 4: one for each run", got)
	}
	if got := b.Texts("button.fold"); len(got) != 2 || got[0] != "and 4 more in this request" || !strings.HasPrefix(got[1], "viewed 14 times since ") {
		t.Errorf("the runs say %q", got)
	}
	// By the keyboard: to the row, to its button, and open.
	b.Press("j")
	b.Press("j")
	eval[string](b, "(document.querySelector('button.fold').focus(), '')")
	b.Press("\r")
	b.Until(visibleRows + " === 8")
	if got := eval[string](b, "document.querySelector('button.fold').getAttribute('aria-expanded')"); got != "true" {
		t.Errorf("an open run says %q to screen readers", got)
	}
	eval[string](b, "(document.querySelectorAll('#rows [data-event]')[2].focus(), '')")
	b.Press("j")
	if got := eval[string](b, "document.activeElement.closest('tr').id"); got != "event-event-0004" {
		t.Errorf("the next row within the run is %q", got)
	}
	b.Click("button.fold")
	b.Until(visibleRows + " === 4")
	// The drawer goes through all of them, and opens the run of the one that it shows.
	b.Click("#event-event-0002 .c-date")
	b.Until("document.querySelector('#drawer')?.dataset.id === 'event-0002'")
	b.Press("j")
	b.Until("document.querySelector('#drawer')?.dataset.id === 'event-0003'")
	b.Press("\x1b")
	b.Until("document.activeElement.closest('tr')?.id === 'event-event-0003'")
	b.Click("button.fold")
	b.Until(visibleRows + " === 4")

	b.Click(".sum .menu summary")
	b.Click("input[name=folds]")
	b.Until(visibleRows + " === 21")
	b.Go(s.url)
	b.Until(visibleRows + " === 21 && document.querySelector('.fold') === null")
}

func TestRunsOpenWithoutScripts(t *testing.T) {
	t.Parallel()
	s := serve(t, folded()...)
	b := Open(t)
	b.Go(s.url + "/?search=from:-1d")
	if got := eval[int](b, visibleRows); got != 4 {
		t.Errorf("%d rows, want 4", got)
	}
	b.Follow("a.fold")
	if got := eval[int](b, visibleRows); got != 8 {
		t.Errorf("%d rows with the request open, want 8", got)
	}
	b.Follow("a.fold:not(.is-open)")
	if got := eval[int](b, visibleRows); got != 17 {
		t.Errorf("%d rows with the views open, want 17", got)
	}
	b.Follow("a.fold.is-open")
	if got := eval[int](b, visibleRows); got != 4 || strings.Contains(b.URL(), "open=") {
		t.Errorf("%d rows with all folded again, want 4, at %s", got, b.URL())
	}
	b.Click(".sum .menu summary")
	b.Click("input[name=folds]")
	b.Follow(".sum .menu .btn-main")
	if got := eval[int](b, visibleRows); got != 21 {
		t.Errorf("%d rows when nothing folds, want 21", got)
	}
}

// viewedOften are 120 views of one record, between other events.
func viewedOften() []action.Event {
	events := numbered(32)
	bob, subject := action.Actor{ID: "bob", Name: "Bob Dvořák"}, action.Record{Type: "invoice", ID: "INV-1", Name: "Harbour Lights"}
	for i := range 120 {
		events = append(events, action.Event{Time: events[29].Time.Add(-time.Duration(i+1) * time.Millisecond), Actor: bob, Action: "record.viewed", Subject: subject})
	}
	return events
}

// Rows that are appended join the run with which the page ended, whether that is open or not.
func TestRunsGoOnWhileScrolling(t *testing.T) {
	t.Parallel()
	s := serve(t, viewedOften()...)
	b := scripted(t)
	for _, open := range []bool{false, true} {
		b.Go("about:blank") // from the same address the browser would scroll to where it was
		b.Go(s.url)
		b.Until("document.querySelector('.sum .count').innerText === '152 events'")
		if got := b.Text("button.fold"); !strings.HasPrefix(got, "viewed 20 times on this page, since ") {
			t.Errorf("open %t: before anything is appended: %q", open, got)
		}
		want := 33
		if open {
			b.Click("button.fold")
			want = 152
		}
		b.Until(`(() => { scrollTo(0, document.body.scrollHeight); return document.querySelectorAll('#rows [data-event]').length === 152 })()`)
		if got := b.Texts("button.fold"); len(got) != 1 || !strings.HasPrefix(got[0], "viewed 120 times since ") {
			t.Errorf("open %t: the runs say %q", open, got)
		}
		if got := eval[int](b, visibleRows); got != want {
			t.Errorf("open %t: %d rows, want %d", open, got, want)
		}
		if got := b.AxeIn(false); len(got) > 0 {
			t.Errorf("open %t: %q", open, got)
		}
		b.Click("button.fold")
		b.Until(visibleRows + " === " + map[bool]string{true: "33", false: "152"}[open])
	}
}

// A page of its own says of a run that it may reach beyond the page.
func TestRunsSayThatAPageCutsThem(t *testing.T) {
	t.Parallel()
	s := serve(t, viewedOften()...)
	b := Open(t)
	b.Go(s.url)
	for _, want := range []string{"viewed 20 times on this page, since ", "viewed 50 times on this page, since ", "viewed 50 times on this page, since "} {
		if got := b.Texts("a.fold"); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%s: the runs say %q, want %q", b.URL(), got, want)
		}
		b.Follow("#pager a[rel=next]")
	}
	b.Go(s.url + "/users/bob")
	if got := b.Text("a.fold"); !strings.HasPrefix(got, "viewed 10 times on this page, since ") {
		t.Errorf("on the page of the user: %q", got)
	}
	b.Go(s.url + "/records/invoice/INV-1")
	if got := b.Text(".tl summary"); !strings.HasPrefix(got, "Bob Dvořák viewed 50 times on this page, since ") {
		t.Errorf("on the timeline: %q", got)
	}
}

// On a phone the switch is where it is elsewhere, with scripts and without.
func TestRunsAreSwitchedOnAPhone(t *testing.T) {
	t.Parallel()
	s := serve(t, folded()...)
	for _, scripts := range []bool{true, false} {
		b := Open(t)
		b.Scripts(scripts)
		b.Size(390, 844)
		b.Go(s.url)
		b.Until(visibleRows + " === 4")
		b.Click(".menu-density summary")
		if small := b.Small(); len(small) > 0 {
			t.Errorf("scripts %t: fingers miss %q", scripts, small)
		}
		expectAxe(t, b)
		screenshot(t, b, fmt.Sprintf("fold-switch-390-%t.png", scripts))
		b.Click("input[name=folds]")
		if !scripts {
			b.Follow(".menu-density .btn-main")
		}
		b.Until(visibleRows + " === 21")
		if over := b.Overflow(); over != "" {
			t.Error(over)
		}
	}
}

// Views fold on a record's timeline as they do in the log: by one user, one after the other.
func TestRunsAreTheSameOnTheTimeline(t *testing.T) {
	t.Parallel()
	noon := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1).Add(12 * time.Hour)
	subject := action.Record{Type: "invoice", ID: "INV-1", Name: "Harbour Lights"}
	var events []action.Event
	for i, who := range []string{"bob", "bob", "bob", "alice", "bob", "bob"} {
		events = append(events, action.Event{Time: noon.Add(-time.Duration(i) * time.Minute), Actor: action.Actor{ID: who, Name: strings.ToUpper(who)}, Action: "record.viewed", Subject: subject})
	}
	events[1].RequestID = "r-1" // each a request of its own
	events = append(events, action.Event{Time: noon.Add(-time.Hour), Actor: action.Actor{ID: "bob"}, Action: "document.viewed", Subject: subject, Description: "Another kind"},
		action.Event{Time: noon.Add(-2 * time.Hour), Actor: action.Actor{ID: "bob"}, Action: "document.viewed", Subject: subject, Description: "Once more"})
	s := serve(t, events...)
	b := Open(t)
	b.Go(s.url)
	if got := b.Texts("a.fold"); eval[int](b, visibleRows) != 5 || len(got) != 2 || !strings.HasPrefix(got[0], "viewed 3 times since ") || !strings.HasPrefix(got[1], "viewed 2 times since ") {
		t.Errorf("in the log: %d rows, runs %q", eval[int](b, visibleRows), got)
	}
	b.Go(s.url + "/records/invoice/INV-1")
	if got := b.Texts(".tl summary"); len(b.Texts(".tl > li")) != 5 || !slices.Equal(got, []string{"BOB viewed 3 times since 11:58", "BOB viewed 2 times since 11:55"}) {
		t.Errorf("on the timeline: %d lines, runs %q", len(b.Texts(".tl > li")), got)
	}
	b.inGerman()
	if got := b.Text(".tl summary"); got != "BOB: 3-mal angesehen seit 11:58" {
		t.Errorf("in German: %q", got)
	}
	b.Click(".tl summary")
	b.Follow(".tl-run li:nth-child(3) a")
	if !strings.Contains(b.URL(), "/events/event-0003?") {
		t.Errorf("the third view is at %s", b.URL())
	}
}

func TestEveryLookOfRuns(t *testing.T) {
	t.Parallel()
	s := serve(t, folded()...)
	b := scripted(t)
	for _, dark := range []bool{false, true} {
		for _, width := range []int64{1440, 390} {
			b.Dark(dark)
			b.Size(width, map[bool]int64{true: 844, false: 900}[width < 500])
			b.Go(s.url)
			b.Click("button.fold")
			b.Until(visibleRows + " === 8")
			screenshot(t, b, "js-fold-"+map[bool]string{true: "dark", false: "light"}[dark]+map[bool]string{true: "-390.png", false: "-1440.png"}[width == 390])
			problems := append(b.AxeIn(dark), b.Overflow())
			if problems = slices.DeleteFunc(problems, func(p string) bool { return p == "" }); len(problems) > 0 {
				t.Errorf("dark %t at %d px: %q", dark, width, problems)
			}
		}
	}
}
