package webtest

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// inGerman chooses the language in the settings.
func (b *Tab) inGerman() {
	b.t.Helper()
	b.Click(".top .menu summary")
	b.Click(".seg label:has(input[name=lang][value=de])")
	b.Follow(".pop-account .btn-main")
}

// What scripts ask for and do not get is said where it would stand, in the language of the
// page.
func TestFailuresOfScriptsAreSaid(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	b.inGerman()
	b.Until("document.querySelector('.sum .count').innerText === '4 Ereignisse'")
	eval[string](b, "(document.querySelector('#rows [data-event]').href = '/events/unknown', '')")
	b.Press("j")
	b.Enter()
	b.Until("document.querySelector('#drawer .state') !== null")
	if got := b.Text("#drawer .state"); strings.Contains(got, "There is") || b.Text("#results h2") != "" {
		t.Errorf("an event that is gone: %q", got)
	}
	expectAxe(t, b)
	b.Press("\x1b")
	b.Until("document.querySelector('#drawer') === null && location.pathname === '/'")

	eval[string](b, "(document.querySelector('[data-download]').href = '/v1/export.csv?search=actr:x', '')")
	b.Click("[data-download]")
	b.Until("document.querySelector('#dl-count').innerText === '4'")
	b.Click("#download .dialog-foot .btn-main")
	b.Until("document.querySelector('#download').dataset.state === 'failed'")
	if got := b.Text("#dl-failed") + ": " + b.Text("#dl-why"); !strings.HasPrefix(got, "Der Download begann nicht: Der Dienst nimmt diese Frage nicht an.") {
		t.Errorf("a download that is refused: %q", got)
	}
}

// A time zone that nobody knows is told to who has written it, on a page that leads back.
func TestSettingsThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := Open(t)
	b.Go(s.url + "/?search=crane")
	b.inGerman()
	b.Click(".top .menu summary")
	b.Type("input[name=zone]", "Europe/Berlina")
	b.Follow(".pop-account .btn-main")
	if got := b.Text(".state"); !strings.HasPrefix(got, "Ihre Einstellungen wurden nicht gespeichert") || !strings.Contains(got, "Meinten Sie Europe/Berlin?") {
		t.Errorf("it says %q", got)
	}
	expectAxe(t, b)
	b.Follow(".state .btn-main")
	// Spaces around it are none of its own, and a city alone is known.
	b.Click(".top .menu summary")
	b.Type("input[name=zone]", " Berlin ")
	b.Follow(".pop-account .btn-main")
	if got := b.Text(".state"); !strings.Contains(got, "Meinten Sie Europe/Berlin?") {
		t.Errorf("of a city it says %q", got)
	}
	b.Follow(".state .btn-main")
	b.Click(".top .menu summary")
	b.Type("input[name=zone]", " Europe/Berlin ")
	b.Follow(".pop-account .btn-main")
	if got := b.Text(".h-date .zone"); got != "Berlin" {
		t.Errorf("the zone is %q", got)
	}
	if got := b.line(); got != "crane" {
		t.Errorf("the way back leads to %q", got)
	}
}

// A line that is far too long, or holds one wrong word among very many, is told about in a few
// lines: the events are still in sight.
func TestAnOverlongLineIsToldAboutBriefly(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := Open(t)
	b.Size(390, 844)
	many := strings.Repeat("word ", 90)
	for line, want := range map[string]string{
		strings.Repeat("word ", 1500):                "1,500",
		"actor:(" + strings.Repeat("x ", 101):        "",
		many + "actr:bob":                            "did you mean actor",
		"actr:" + strings.Repeat("bob", 1000):        "did you mean actor",
		many + "outcome:" + strings.Repeat("x", 999): "outcome",
	} {
		b.Go(s.url + "/?search=" + url.QueryEscape(line))
		if got := b.Text(".line-err"); got == "" || !strings.Contains(strings.ReplaceAll(got, "1500", "1,500"), want) {
			t.Errorf("%.20s…: it says %.200q", line, got)
		}
		if height := eval[float64](b, "document.querySelector('.line-err').offsetHeight"); height > 200 {
			t.Errorf("%.20s…: what is wrong takes %g px", line, height)
		}
		if over := b.Overflow(); over != "" {
			t.Errorf("%.20s…: %s", line, over)
		}
	}
	b.Go(s.url + "/?search=" + url.QueryEscape(strings.Repeat("word ", 1500)))
	if got := b.Texts(".line-err a"); len(got) > 0 {
		t.Errorf("it offers %.100q", got)
	}
	b.Go(s.url + "/?search=" + url.QueryEscape(many+"actr:bob"))
	b.Follow(".line-err a")
	if got := b.line(); got != many+"actor:bob" {
		t.Errorf("mended it is %q", got)
	}
}

// A time zone of the address that nobody knows is marked among the filters, and mended or
// removed at a click; the page stays.
func TestAWrongZoneOfTheAddressIsMarked(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := Open(t)
	for _, width := range []int64{1440, 390} {
		b.Size(width, 844)
		b.Go(s.url + "/?search=crane&tz=Europe/Berlina")
		if got := b.Text(".chip.is-wrong"); got != "Time zone is Europe/Berlina" {
			t.Errorf("marked as wrong: %q", got)
		}
		if got := b.Text(".line-err"); !strings.HasPrefix(got, "“Europe/Berlina” is not a time zone: did you mean Europe/Berlin?") {
			t.Errorf("it says %q", got)
		}
		if eval[bool](b, "document.querySelector('#q').matches('[aria-invalid]')") || b.Text("h1") != "Action Log" {
			t.Errorf("the line is marked, or this is another page: %q", b.Text("h1"))
		}
		expectAxe(t, b)
		screenshot(t, b, fmt.Sprintf("wrong-zone-%d.png", width))
	}
	b.Follow(".line-err a")
	if got := b.Text(".h-date .zone"); got != "Berlin" || b.line() != "crane" {
		t.Errorf("mended it leads to %s", b.URL())
	}
	b.Go(s.url + "/?search=crane&tz=Mars/X")
	b.Follow(".chip.is-wrong a")
	if got := b.Text(".h-date .zone"); got != "UTC" || b.zone() != "" || b.line() != "crane" {
		t.Errorf("without it: %s", b.URL())
	}
	b.Go(s.url + "/users/bob?tz=Mars/X")
	b.Follow(".state .btn-main")
	if got := b.Text("h1"); got != "Bob Dvořák" {
		t.Errorf("the way back from a user leads to %q", got)
	}
}

func expectAxe(t *testing.T, b *Tab) {
	t.Helper()
	for _, violation := range b.Axe() {
		t.Error(violation)
	}
}
