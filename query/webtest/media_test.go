package webtest

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// On paper there is what was found and asked, whole, and nothing to click on.
func TestPrint(t *testing.T) {
	t.Parallel()
	s := serve(t, oddEvents(time.Now())...)
	b := scripted(t)
	b.Size(1040, 720) // the width of a landscape page
	b.Go(s.url + "/?search=" + url.QueryEscape("-outcome:denied from:2020-01-01"))
	b.Until("document.querySelector('.line-ink i') !== null")
	b.Media("print", "prefers-color-scheme", "light")
	screenshot(t, b, "print.png")
	for _, selector := range []string{".ask .btn", ".ask kbd", ".pager", ".top", ".head .btn", ".pill:not(.is-set)", ".pill-x", ".sum .menu", ".chips .btn", ".took", ".c-date b"} {
		if n := eval[int](b, "[...document.querySelectorAll("+quoted(selector)+")].filter(e => e.checkVisibility()).length"); n > 0 {
			t.Errorf("%d × %s are printed", n, selector)
		}
	}
	for _, selector := range []string{"#q", ".pill-date.is-set", ".chip", ".sum-count .count", "#rows tr", "#rows .c-date time"} {
		if !eval[bool](b, "document.querySelector("+quoted(selector)+")?.checkVisibility() ?? false") {
			t.Errorf("%s is not printed", selector)
		}
	}
	if over := b.Overflow(); over != "" {
		t.Error(over)
	}
	if cut := eval[[]string](b, "[...document.querySelectorAll('#rows .clamp, #rows .cut')].filter(e => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1).map(e => e.innerText.slice(0, 40))"); len(cut) > 0 {
		t.Errorf("cut on paper: %q", cut)
	}
}

// How long ago something was is true of the screen only: on paper there is when it was.
func TestPrintOfAnEvent(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(1)...)
	b := Open(t)
	b.Go(s.url + "/events/event-0001")
	if got := b.Text(".drawer"); !strings.Contains(got, "1 min ago") {
		t.Fatalf("on the screen there is %q", got)
	}
	b.Media("print", "prefers-color-scheme", "light")
	if got := b.Text(".drawer"); strings.Contains(got, " ago") || !strings.Contains(got, numbered(1)[0].Time.UTC().Format("2 Jan 2006")) {
		t.Errorf("on paper there is %q", got)
	}
}

// What the system's colours take away, an outline says.
func TestForcedColours(t *testing.T) {
	t.Parallel()
	s := serve(t, oddEvents(time.Now())...)
	b := scripted(t)
	b.Media("", "forced-colors", "active")
	b.Go(s.url + "/?search=invoice")
	b.Click("#rows tr[id]:nth-child(2)")
	b.Until("document.querySelector('#drawer') !== null")
	screenshot(t, b, "forced-colours.png")
	const outlined = "getComputedStyle(document.querySelector('tr[aria-selected=true]')).outlineStyle === 'solid'"
	if !eval[bool](b, outlined) {
		t.Error("the selected row looks like the others")
	}
	if !eval[bool](b, "getComputedStyle(document.querySelector('.line-in')).color !== 'rgba(0, 0, 0, 0)' && !document.querySelector('.line-ink').checkVisibility()") {
		t.Error("the search line cannot be read")
	}
	b.Press("\x1b")
	b.Click(".top .menu summary")
	if !eval[bool](b, "getComputedStyle(document.querySelector('.seg label:has(:checked)')).outlineStyle === 'solid'") {
		t.Error("the theme that is chosen looks like the others")
	}
}

func TestReducedMotion(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(3)...)
	b := scripted(t)
	b.Media("", "prefers-reduced-motion", "reduce")
	b.Go(s.url)
	b.Click(".top .menu summary")
	if got := eval[string](b, "getComputedStyle(document.querySelector('.switch input'), '::after').transitionDuration"); got != "0s" {
		t.Errorf("a switch moves for %s", got)
	}
	eval[string](b, "(document.body.append(Object.assign(document.createElement('span'), { className: 'bone' })), '')")
	if got := eval[string](b, "getComputedStyle(document.querySelector('.bone')).animationName"); got != "none" {
		t.Errorf("what stands for rows moves: %s", got)
	}
}

// At a zoom of 200 % half of the window is left, and a keyboard.
func TestZoomKeepsTheSettings(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Size(720, 450)
	b.Go(s.url)
	b.charted()
	if over, small := b.Overflow(), b.Small(); over != "" || len(small) > 0 {
		t.Errorf("%s; fingers miss %q", over, small)
	}
	b.Click(".top [data-key='?']")
	b.Until("document.querySelector('#keys').open")
	b.Press("\x1b")
	b.Until("!document.querySelector('#keys').open")
	b.Click(".sum > .menu summary")
	b.Until("document.querySelector('input[name=folds]').checkVisibility()")
	screenshot(t, b, "js-zoomed-720.png")
}
