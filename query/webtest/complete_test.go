package webtest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/actionlog/actionlog/pkg/action"
)

// completions are the codes of the list that is open, once it is about the line as it is
// and has one of them.
func (b *Tab) completions(one string) []string {
	b.t.Helper()
	b.Until("document.querySelector('#complete').dataset.line === document.querySelector('#q').value && [...document.querySelectorAll('#complete [role=option] code')].some(e => e.innerText === " + quoted(one) + ")")
	return b.Texts("#complete [role=option] code")
}

// lineIs waits until the search line and the text before the caret are so; | is the caret.
func (b *Tab) lineIs(marked string) {
	b.t.Helper()
	before, after, _ := strings.Cut(marked, "|")
	b.Until("(i => i.value === " + quoted(before+after) + " && i.selectionStart === " + quoted(before) + ".length)(document.querySelector('#q'))")
}

// Keys as the browser gets them.
const arrowUp, arrowDown, arrowLeft = kb.ArrowUp, kb.ArrowDown, kb.ArrowLeft

const noCompletions = "document.querySelector('#complete').hidden && document.querySelector('#q').getAttribute('aria-expanded') === 'false'"

// A question is written by completion alone: a field, its value, another term.
func TestLineIsCompleted(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	for _, size := range [][2]int64{{1440, 900}, {390, 844}} {
		b := scripted(t)
		b.Size(size[0], size[1])
		b.Go(s.url)
		b.Type("#q", "us")
		if got := b.completions("actor:"); got[0] != "actor:" {
			t.Errorf("us is completed to %q", got)
		}
		b.Press("\t")
		b.lineIs("actor:|")
		if got := b.completions("bob"); !slices.Equal(got, []string{"bob", "alice", "robot", "actor:(… …)", "-actor:"}) {
			t.Errorf("users: %q", got)
		}
		if got := b.Texts("#complete .num"); got[0] != "2" {
			t.Errorf("Bob has %q events", got)
		}
		b.Press("al")
		b.Until("document.querySelectorAll('#complete [role=option] code').length === 1")
		b.Press("\t")
		b.lineIs("actor:alice |")
		b.Until(noCompletions)

		b.Press("action:invoice.p")
		b.completions("invoice.posted")
		b.Press("\r") // nothing was chosen: it searches
		b.Until("document.querySelector('.line-err') === null && new URL(location).searchParams.get('search') === 'actor:alice action:invoice.p'")
		b.Until(noCompletions)
	}
}

func TestCompletionByArrowsAndMouse(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	b.Type("#q", "outcome:")
	b.completions("denied")
	b.Until("document.querySelector('#q').getAttribute('aria-activedescendant') === null && document.querySelector('[role=option][aria-selected=true] code').innerText === 'success'")
	const active = "document.getElementById(document.querySelector('#q').getAttribute('aria-activedescendant'))?.querySelector('code').innerText"
	b.Press(arrowDown)
	b.Press(arrowDown)
	b.Until(active + " === 'failure'")
	b.Press(arrowUp + arrowUp + arrowUp) // past what leads to all of the language
	b.Until(active + " === '-outcome:'") // around the end
	b.Enter()
	b.lineIs("-outcome:|")
	b.completions("denied")
	b.Click("#complete [role=option]:nth-of-type(4)")
	b.lineIs("-outcome:denied |")
	b.Press("\r")
	b.shows(posted, added, inspected)

	// Esc closes the list and nothing else; arrows open it where nothing is written.
	b.Type("#q", " ac")
	b.completions("actor:")
	b.Press("\x1b")
	b.Until(noCompletions)
	b.lineIs("-outcome:denied ac|")
	b.Press("\b\b")
	b.Until(noCompletions)
	b.Press(arrowDown)
	if got := b.completions("tz:"); len(got) != 18 {
		t.Errorf("fields and operators: %q", got)
	}
	b.Press("\x1b")
	b.Until(noCompletions)
	b.Until("getComputedStyle(document.querySelector('.line-clear')).visibility === 'visible'")
	b.Press("\t")
	if got := b.Focused(); got != "Clear the search line" {
		t.Errorf("Tab leads to %q", got)
	}
}

// The last of the completions, and a button where a line is wrong, lead to all that may be
// written; from there the focus goes back to the line, which is as it was.
func TestAllOfTheLanguageIsShown(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	for _, width := range []int64{1440, 390} {
		b.Size(width, 844)
		b.Type("#q", "outcome:")
		b.completions("denied")
		if got := b.Text("#complete-list > :last-child"); got != "All of the language" {
			t.Errorf("the last completion is %q", got)
		}
		b.Press(arrowUp)
		b.Until("document.querySelector('#q').getAttribute('aria-activedescendant') === 'complete-syntax'")
		expectAxe(t, b)
		screenshot(t, b, fmt.Sprintf("js-complete-syntax-%d.png", width))
		b.Enter()
		b.Until("document.querySelector('#syntax').open && document.querySelector('#complete').hidden")
		text := b.Text("#syntax")
		for _, want := range []string{"The search language", `-actor:(alice bob)`, "None of several values", "tz:Europe/Berlin"} {
			if !strings.Contains(text, want) {
				t.Errorf("the language lacks %q: %s", want, text)
			}
		}
		if over := b.Overflow(); over != "" {
			t.Error(over)
		}
		for _, dark := range []bool{false, true} {
			b.Dark(dark)
			screenshot(t, b, fmt.Sprintf("js-syntax-%d-%t.png", width, dark))
			for _, violation := range b.AxeIn(dark) {
				t.Errorf("at %d px, dark %t: %s", width, dark, violation)
			}
		}
		b.Dark(false)
		b.Press("\x1b")
		b.Until("!document.querySelector('#syntax').open && document.activeElement.id === 'q'")
		b.lineIs("outcome:|")
		b.Press(strings.Repeat("\b", len("outcome:")))
		b.lineIs("|")
	}
	b.inGerman()
	b.Go(s.url + "/?search=actr:x")
	b.Click(".state [data-syntax]")
	b.Until("document.querySelector('#syntax').open && document.querySelector('#syntax').innerText.includes('Keiner von mehreren Werten')")
}

func TestCompletionInTheMiddle(t *testing.T) {
	t.Parallel()
	events := company()
	events[3].Subject.Type = "sales list"
	s := serve(t, events...)
	b := scripted(t)
	b.Go(s.url + "/?search=" + url.QueryEscape("crane -👩🏽‍🚀 subject_type:sales -xero"))
	eval[string](b, "(i => { i.focus(); i.setSelectionRange(i.value.indexOf(' -xero'), i.value.indexOf(' -xero')); return '' })(document.querySelector('#q'))")
	b.Press(arrowDown)
	b.completions("sales list")
	b.Press("\t")
	b.lineIs(`crane -👩🏽‍🚀 subject_type:"sales list"| -xero`)

	b.Go(s.url + "/?search=" + url.QueryEscape("actor:(alice ro"))
	b.Until("document.querySelector('#complete') !== null")
	eval[string](b, "(i => { i.focus(); i.setSelectionRange(99, 99); return '' })(document.querySelector('#q'))")
	b.Press(arrowDown)
	b.completions("robot")
	b.Press("\t")
	b.lineIs("actor:(alice robot|")
}

func TestCompletionOfTimesInGerman(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	b.inGerman()
	b.Until("document.querySelector('#rows').innerText.includes('Rechnung gebucht')")
	b.Type("#q", "after:last ")
	if got := b.completions("last month"); !slices.Equal(got, []string{"last week", "last month", "last quarter", "last year"}) {
		t.Errorf("periods: %q", got)
	}
	b.Press(arrowDown + arrowDown)
	b.Press("\t")
	b.lineIs("after:last month |")
	b.Press("action:rechnung")
	b.completions("invoice.posted")
	for line, want := range map[string]string{
		"actr:bob": "actr:bob Es gibt kein Feld actr: Meinten Sie actor?", "outcome:failur": "outcome:failur Den Wert „failur“ gibt es nicht: Meinten Sie failure?",
		"a OR b": "OR" + " OR verbindet hier nichts", "ip:x": "ip:x „x“ ist keine IP-Adresse",
	} {
		b.Go(s.url + "/?search=" + url.QueryEscape(line))
		if got := b.Text(".line-err"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// The question comes back by the button, by its key and by the browser's, and what leads
// there makes no difference.
func TestUndo(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	b.Until("document.documentElement.classList.contains('js')")
	const shown, gone = "!document.querySelector('[data-undo]').hidden", "document.querySelector('[data-undo]').hidden"
	b.Until(gone)
	b.Type("#q", "crane actor:bob ")
	b.Press("\r")
	b.shows(added, refused)
	b.Until("document.title === 'crane actor:bob · Action Log · Actionlog'")
	b.Click(".chips .btn-bare") // clear all
	b.shows(posted, added, inspected, refused)
	b.Until(shown)
	if got := eval[string](b, "document.querySelector('[data-undo]').title"); got != "Back to: crane actor:bob" {
		t.Errorf("the button says %q", got)
	}
	b.Click("[data-undo]")
	b.shows(added, refused)
	if got := b.line(); got != "crane actor:bob" {
		t.Errorf("the address has the line %q", got)
	}
	b.Until("document.querySelector('#q').value === 'crane actor:bob'")

	b.Click("a[aria-label='Remove: contains crane']")
	b.Until("new URL(location).searchParams.get('search') === 'actor:bob'")
	eval[string](b, "(document.activeElement.blur(), '')")
	b.Press("z")
	b.Until("new URL(location).searchParams.get('search') === 'crane actor:bob' && document.querySelector('#q').value === 'crane actor:bob'")
	eval[string](b, "(history.back(), '')")
	b.Until("new URL(location).searchParams.get('search') === 'actor:bob' && document.querySelector('#q').value === 'actor:bob'")
	b.arrived()
	eval[string](b, "(history.forward(), '')")
	b.Until("new URL(location).searchParams.get('search') === 'crane actor:bob' && document.querySelector('#q').value === 'crane actor:bob'")
	b.Until(shown + " && document.querySelector('[data-undo]').title === 'Back to all events'")
	b.Click("[data-undo]")
	b.shows(posted, added, inspected, refused)
	b.Until(gone)
}

// Whoever is named by a word is found as a user.
func TestNamesLeadToUsers(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	s.add(action.Event{Time: company()[0].Time, Actor: action.Actor{ID: "a b", Name: "Crane Ltd"}, Action: "record.viewed", Description: "Looked"})
	b := scripted(t)
	b.Go(s.url)
	b.Type("#q", "cran")
	b.completions("actor:a b")
	b.Press("\t")
	b.lineIs(`actor:"a b" |`)
	b.Press("\r")
	b.shows("Looked")
}
