package webtest

import (
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
	// The drawer goes through all of them.
	b.Click("#event-event-0002 .c-date")
	b.Until("document.querySelector('#drawer')?.dataset.id === 'event-0002'")
	b.Press("j")
	b.Until("document.querySelector('#drawer')?.dataset.id === 'event-0003'")
	b.Press("\x1b")

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
	b.Follow("a.fold")
	if got := eval[int](b, visibleRows); got != 17 {
		t.Errorf("%d rows with the views open, want 17", got)
	}
	b.Click(".sum .menu summary")
	b.Click("input[name=folds]")
	b.Follow(".sum .menu .btn-main")
	if got := eval[int](b, visibleRows); got != 21 {
		t.Errorf("%d rows when nothing folds, want 21", got)
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
			problems := append(b.Axe(), b.Overflow())
			if problems = slices.DeleteFunc(problems, func(p string) bool { return p == "" }); len(problems) > 0 {
				t.Errorf("dark %t at %d px: %q", dark, width, problems)
			}
		}
	}
}
