package webtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/actionlog/actionlog/pkg/action"
)

// arrives puts events into the log as ingest does, with the ledger of it.
func (s *service) arrives(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		s.add(action.Event{Time: time.Now(), Actor: action.Actor{ID: "alice", Name: "Alice Okonkwo"}, Action: "invoice.posted", Description: text})
	}
	s.settle()
}

const firstRow = "document.querySelector('#rows .c-desc')?.innerText.trim()"

func TestNewEventsFlowIn(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(60)...)
	s.settle()
	b := scripted(t)
	b.Go(s.url + "/?search=invoice")
	b.Press("l")
	b.Until("document.querySelector('#live input').checked")
	b.Until("document.querySelector('.switch:not(.is-waiting) input:checked')")
	s.arrives("Posted invoice A", "Nothing of interest")
	b.Until(firstRow + " === 'Posted invoice A'")
	b.Until("document.querySelector('.sum .count').innerText.startsWith('61 events')")
	if eval[bool](b, "document.body.innerText.includes('Nothing of interest')") {
		t.Error("an event that the filters leave out flows in")
	}
	if got := eval[string](b, "document.querySelector('#rows tr').className"); got != "is-new" {
		t.Errorf("a new row is %q", got)
	}

	// Who reads further down is told, and is not moved.
	eval[string](b, "(scrollTo(0, 600), '')")
	b.Until("scrollY > 500")
	s.arrives("Posted invoice B", "Posted invoice C")
	b.Until("!document.querySelector('#live-new').hidden && document.querySelector('#live-new').innerText.trim() === '2 new'")
	b.Until("(r => r.top >= 0 && r.bottom <= innerHeight)(document.querySelector('#live-new').getBoundingClientRect())")
	if got := eval[string](b, firstRow); got != "Posted invoice A" {
		t.Errorf("while scrolled the first row becomes %q", got)
	}
	if got := eval[string](b, "document.querySelector('#live-said').textContent"); got != "2 new" {
		t.Errorf("screen readers hear %q", got)
	}
	eval[string](b, "(document.querySelector('#live-new').click(), '')")
	b.Until(firstRow + " === 'Posted invoice C' && document.querySelector('#live-new').hidden && scrollY === 0")

	// So is who reads an event; when the drawer is closed they come in.
	b.Click("#rows tr:nth-child(2) .c-date")
	b.Until("document.querySelector('#drawer') !== null")
	s.arrives("Posted invoice D")
	b.Until("document.querySelector('#live-new').innerText.trim() === '1 new'")
	b.Press("\x1b")
	b.Until(firstRow + " === 'Posted invoice D'")
	b.Until("document.activeElement.closest('#rows tr')?.innerText.includes('Posted invoice B')")

	// Whoever goes on by the keyboard reads again.
	b.Press("j")
	s.arrives("Posted invoice D2")
	b.Until("document.querySelector('#live-new').innerText.trim() === '1 new'")
	eval[string](b, "(document.activeElement.blur(), '')")
	b.Until(firstRow + " === 'Posted invoice D2'")

	// Another question is live too, and the switch ends it.
	b.Type("#q", "-xero ")
	b.Press("\r")
	b.Until("document.querySelector('#results').dataset.line === '-xero invoice' && document.querySelector('.switch:not(.is-waiting) input:checked')")
	eval[string](b, "(document.activeElement.blur(), '')")
	s.arrives("Posted invoice E")
	b.Until(firstRow + " === 'Posted invoice E'")
	b.Click("#live input")
	b.Until("!document.querySelector('#live input').checked")
}

// watched is a log of sixty events, whose page lets new ones flow in.
func watched(t *testing.T) (*service, *Tab) {
	t.Helper()
	s := serve(t, numbered(60)...)
	s.settle()
	b := scripted(t)
	b.Go(s.url)
	b.Press("l")
	b.Until("document.querySelector('.switch:not(.is-waiting) input:checked')")
	return s, b
}

func TestLiveShowsWhatConflicts(t *testing.T) {
	t.Parallel()
	s, b := watched(t)
	twin := action.Event{ID: "twin", Time: time.Now(), Actor: action.Actor{ID: "mallory"}, Action: "invoice.posted", Description: "One"}
	s.add(twin)
	s.settle()
	b.Until(firstRow + " === 'One'")
	twin.Description = "Other"
	s.add(twin)
	s.settle()
	b.Until("[...document.querySelectorAll('#rows .c-desc')].slice(0, 2).map(d => d.innerText.trim()).sort().join() === 'One,Other' && document.querySelectorAll('#rows .badge.warn').length === 2")
}

// What arrives late and lies on a page below is counted, and not announced as new.
func TestLiveDoesNotAnnounceWhatIsBelow(t *testing.T) {
	t.Parallel()
	s, b := watched(t)
	eval[string](b, "(document.querySelector('#rows [data-event]').focus(), '')") // who reads is not moved
	late := action.Event{Time: time.Now().Add(-72 * time.Hour), Actor: action.Actor{ID: "alice"}, Action: "invoice.posted", Description: "Late"}
	s.add(late, late)
	s.settle()
	b.Until("document.querySelector('.sum .count').innerText.startsWith('62 events')")
	s.arrives("New")
	b.Until("!document.querySelector('#live-new').hidden")
	if got := b.Text("#live-new"); got != "1 new" {
		t.Errorf("announced is %q", got)
	}
}

// The chart and the count, which is its sum, are renewed together: not too often, without a
// moment in which they are not there, and without moving the table.
func TestLiveRenewsTheChart(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(60)...)
	s.settle()
	b := scripted(t)
	b.Go(s.url + "/?search=invoice")
	b.Until("document.querySelector('.sum .count').innerText.startsWith('60 events') && document.querySelector('.bars-svg') !== null")
	eval[string](b, `(() => {
		const number = e => +e.innerText.replace(/\D/g, ''), top = () => document.querySelector('#log').getBoundingClientRect().top + scrollY, at = top();
		const sum = () => [...document.querySelectorAll('.legend .num')].reduce((n, e) => n + number(e), 0);
		window.wrong = [];
		new MutationObserver(() => {
			if (!document.querySelector('#histogram .bars-svg path')) wrong.push('no bars');
			if (sum() !== number(document.querySelector('.sum .count b'))) wrong.push('the sum is ' + sum() + ', the count ' + document.querySelector('.sum .count').innerText);
			if (top() !== at) wrong.push('the table moves to ' + top());
		}).observe(document.querySelector('#results'), { childList: true, subtree: true });
		return '';
	})()`)
	b.Click("#live input")
	b.Until("document.querySelector('.switch:not(.is-waiting) input:checked')")
	for i, text := range []string{"Posted invoice A", "Posted invoice B", "Posted invoice C", "Posted invoice D"} {
		s.arrives(text)
		b.Until(firstRow + " === " + quoted(text))
		if i == 0 {
			b.Until("document.querySelector('.sum .count').innerText.startsWith('61 events')")
		}
	}
	b.Until("document.querySelector('.sum .count').innerText.startsWith('64 events')")

	// Who has selected a stretch keeps it, until it is let go.
	b.Until("document.querySelector('.bars-grip') !== null")
	eval[string](b, "(document.querySelector('.bars-grip').focus(), '')")
	b.Press(kb.End)
	b.Until("!document.querySelector('.brush-tip').hidden")
	s.arrives("Posted invoice E")
	b.Until(firstRow + " === 'Posted invoice E'")
	if got := b.Text(".sum .count b"); got != "64 events" {
		t.Errorf("while a stretch is selected the count becomes %q", got)
	}
	b.Press("\x1b")
	eval[string](b, "(document.activeElement.blur(), '')")
	b.Until("document.querySelector('.sum .count').innerText.startsWith('65 events')")
	if got := eval[[]string](b, "window.wrong"); len(got) > 0 {
		t.Errorf("%q", got)
	}
	apart := eval[[]float64](b, "performance.getEntriesByType('resource').filter(e => e.name.includes('/fragments/histogram')).map(e => e.startTime)")
	for i := 2; i < len(apart); i++ { // the first is of the page itself
		if apart[i]-apart[i-1] < 2900 {
			t.Errorf("the chart is asked for at %v", apart)
		}
	}
}

// What comes in folds as it would on a page that is opened then, and a run that is open
// stays so.
func TestWhatComesInFolds(t *testing.T) {
	t.Parallel()
	s := serve(t, folded()...)
	s.settle()
	b := scripted(t)
	b.Go(s.url)
	b.Click("#live input")
	b.Until("document.querySelector('.switch:not(.is-waiting) input:checked')")
	view := action.Event{Actor: action.Actor{ID: "bob", Name: "Bob Dvořák"}, Action: "record.viewed", Subject: folded()[0].Subject}
	come := func(description string) {
		t.Helper()
		view.Time, view.Description = time.Now(), description
		s.add(view)
		s.settle()
		b.Until(firstRow + "?.startsWith(" + quoted(description) + ")")
	}
	come("Look 1")
	if got := eval[int](b, visibleRows); got != 5 {
		t.Errorf("%d rows, want one more", got)
	}
	come("Look 2")
	if got := b.Text("#rows .fold"); eval[int](b, visibleRows) != 5 || !strings.HasPrefix(got, "viewed 2 times since ") {
		t.Errorf("%d rows, of which the first says %q", eval[int](b, visibleRows), got)
	}
	b.Click("button.fold")
	b.Until(visibleRows + " === 6")
	eval[string](b, "(document.activeElement.blur(), '')")
	come("Look 3")
	if got := b.Text("#rows .fold"); eval[int](b, visibleRows) != 7 || !strings.HasPrefix(got, "viewed 3 times since ") {
		t.Errorf("%d rows, of which the first says %q", eval[int](b, visibleRows), got)
	}
	live := b.Texts("#rows tr:not(#more) .c-desc")
	b.Go(s.url)
	if again := b.Texts("#rows tr:not(#more) .c-desc"); len(again) != len(live) {
		t.Errorf("the page has %d rows when it is loaded, and had %d", len(again), len(live))
	}
}

// A connection that ends is taken up where it was: nothing is missed, nothing comes twice.
func TestLiveGoesOnAfterABreak(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(3)...)
	s.settle()
	to, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	var lock sync.Mutex
	var tails []*http.Request
	down := false
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.FlushInterval = -1
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tail") {
			lock.Lock()
			tails = append(tails, r)
			refuse := down
			lock.Unlock()
			if refuse {
				panic(http.ErrAbortHandler)
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	b := scripted(t)
	b.Go(front.URL)
	b.Click("#live input")
	b.Until("document.querySelector('.switch:not(.is-waiting) input:checked')")
	s.arrives("Posted invoice A")
	b.Until(firstRow + " === 'Posted invoice A'")
	lock.Lock()
	down = true
	lock.Unlock()
	front.CloseClientConnections()
	b.Until("document.querySelector('.switch.is-waiting') !== null")
	s.arrives("Posted invoice B")
	lock.Lock()
	down = false
	lock.Unlock()
	b.Until(firstRow + " === 'Posted invoice B'")
	lock.Lock()
	defer lock.Unlock()
	if got := tails[len(tails)-1].Header.Get("Last-Event-ID"); got == "" {
		t.Error("the browser does not say what it has got")
	}
	if got := eval[int](b, "document.querySelectorAll('#rows [data-event]').length"); got != 5 {
		t.Errorf("%d rows, want 5", got)
	}
}

func TestLiveIsOffWithoutAConnection(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(3)...)
	s.settle()
	b := scripted(t)
	b.Go(s.url)
	b.Click("#live input")
	b.Until("document.querySelector('.switch:not(.is-waiting) input:checked')")
	b.Offline(true)
	b.Until("document.querySelector('#live input').disabled && document.querySelector('.is-offline') !== null")
	for _, violation := range b.Axe() {
		t.Error(violation)
	}
	if !eval[bool](b, "/^since [0-2][0-9]:[0-5][0-9]:[0-5][0-9]$/.test(document.querySelector('.is-offline .since').innerText)") {
		t.Errorf("the clock of the page says %q", b.Text(".is-offline .since"))
	}
	screenshot(t, b, "js-offline.png")
	for _, width := range []int64{390, 320} {
		b.Size(width, 844)
		if over, small := b.Overflow(), b.Small(); over != "" || len(small) > 0 {
			t.Errorf("at %d px: %s; fingers miss %q", width, over, small)
		}
	}
	screenshot(t, b, "js-offline-390.png")
	b.Size(1440, 900)
	b.Offline(false)
	b.Until("!document.querySelector('#live input').disabled && document.querySelector('.is-offline') === null")
	s.arrives("Posted invoice A")
	b.Until(firstRow + " === 'Posted invoice A'")
}

func TestOtherPagesAreNotLive(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(60)...)
	b := scripted(t)
	for _, address := range []string{"/?order=oldest", "/?search=to:yesterday"} {
		b.Go(s.url + address)
		if got := b.Texts("#live input"); len(got) != 0 {
			t.Errorf("%s has the switch", address)
		}
	}
}

func TestEveryLookOfLive(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(60)...)
	s.settle()
	b := scripted(t)
	for n, width := range []int64{1440, 390} {
		b.Size(width, map[bool]int64{true: 844, false: 900}[width < 500])
		b.Go(s.url + "/?search=Posted")
		b.Click("#live input")
		b.Until("document.querySelector('.switch:not(.is-waiting) input:checked')")
		b.Press("j") // someone reads a row
		s.arrives(fmt.Sprint("Posted A", n), fmt.Sprint("Posted B", n))
		b.Until("document.querySelector('#live-new').innerText.trim() === '2 new'")
		for _, dark := range []bool{false, true} {
			b.Dark(dark)
			screenshot(t, b, fmt.Sprintf("js-live-%d-%t.png", width, dark))
			for _, violation := range b.AxeIn(dark) {
				t.Errorf("at %d px, dark %t: %s", width, dark, violation)
			}
			if small := b.Small(); width == 390 && len(small) > 0 {
				t.Errorf("fingers miss %q", small)
			}
		}
		b.Dark(false)
		if width == 390 {
			b.Size(320, 844)
			if over := b.Overflow(); over != "" {
				t.Error(over)
			}
			screenshot(t, b, "js-live-320.png")
		}
	}
}
