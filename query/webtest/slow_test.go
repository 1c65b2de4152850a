package webtest

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query"
)

// gate stands before the database and lets the searches for a word through one by one.
// What is only counted passes: it would take the place of a search.
type gate chan struct{}

const slowly = "slowly"

// serveSlowly is a service whose searches for that word take as long as a test wants.
func serveSlowly(t *testing.T, timeout time.Duration, events ...action.Event) (*service, gate) {
	t.Helper()
	dsn := embeddedtest.Database(t)
	if _, err := store.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	g := make(gate)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", to.Host
	}, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rows := bytes.Contains(body, []byte("user_agent"))
		if rows && (bytes.Contains(body, []byte(slowly)) || strings.Contains(r.URL.RawQuery, slowly)) {
			select {
			case <-g:
			case <-r.Context().Done():
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	through := *to
	through.Host = strings.TrimPrefix(front.URL, "http://")
	direct, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	gated, err := store.Open(through.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = direct.Close(), gated.Close() })
	cfg := query.Config{ClickHouseDSN: through.String(), QueryAddr: "127.0.0.1:0", QueryTimeout: timeout, QueryConcurrency: 8, ExportConcurrency: 8}
	s := &service{t: t, store: direct, url: serveStore(t, gated, cfg)}
	s.add(events...)
	return s, g
}

// years are events over three years, of which two in the newest day, two long before and
// one at the beginning match.
func years() []action.Event {
	var events []action.Event
	for _, days := range []int{0, 0, 200, 201, 1000} {
		events = append(events, action.Event{
			Time: time.Now().AddDate(0, 0, -days).Add(-time.Duration(len(events)+1) * time.Minute), Actor: action.Actor{ID: "alice", Name: "Alice Okonkwo"},
			Action: "invoice.posted", Description: fmt.Sprintf("Posted slowly %d", len(events)),
		})
	}
	for days := range 1000 {
		events = append(events, action.Event{Time: time.Now().AddDate(0, 0, -days).Add(-time.Hour), Actor: action.Actor{ID: "bob"}, Action: "record.viewed"})
	}
	return events
}

// let lets searches through until something is shown.
func (g gate) let(b *Tab, shown string) {
	b.t.Helper()
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case g <- struct{}{}:
			case <-done:
				return
			}
		}
	}()
	b.Until(shown)
	close(done)
	<-ended
}

const soFar = "document.querySelector('.sum-count')?.innerText"

func TestSlowSearchShowsRowsAsTheyAreFound(t *testing.T) {
	t.Parallel()
	s, g := serveSlowly(t, time.Minute, years()...)
	b := scripted(t)
	b.Go(s.url) // tells the time zone, by which the service knows that scripts run
	b.Until("document.querySelector('.sum .count').innerText === '1,005 events'")
	eval[string](b, "(window.stays = 'here', '')")
	b.Type("#q", slowly)
	b.Press("\r")
	b.Until("document.querySelector('#results[data-stream]') !== null")
	if got := eval[string](b, soFar); !strings.HasPrefix(got, "Searching…") {
		t.Errorf("it says %q", got)
	}
	g <- struct{}{}
	b.Until(soFar + ".startsWith('2 events so far · still searching, back to ')")
	b.shows("Posted slowly 0", "Posted slowly 1")
	for _, violation := range b.Axe() {
		t.Error(violation)
	}
	screenshot(t, b, "js-slow-1440.png")
	// A row can be read meanwhile, and stays open.
	b.Click("#rows tr:nth-child(2) .c-date")
	b.Until("document.querySelector('#drawer') !== null")
	g.let(b, soFar+".startsWith('5 events') && document.querySelector('#results[data-stream]') === null")
	b.shows("Posted slowly 0", "Posted slowly 1", "Posted slowly 2", "Posted slowly 3", "Posted slowly 4")
	if !eval[bool](b, "document.querySelector('#drawer') !== null && document.querySelector('#rows tr:nth-child(2)').getAttribute('aria-selected') === 'true' && document.querySelector('#stop, .progress:not(#download *), #results[data-stream]') === null") {
		t.Errorf("after the end: %s", b.Text("main"))
	}
	if got := eval[string](b, "window.stays"); got != "here" {
		t.Error("a slow search loads another page")
	}
}

// Who stops before anything was found is shown no empty table, and no search at work.
func TestSlowSearchIsStoppedBeforeAnythingIsFound(t *testing.T) {
	t.Parallel()
	s, _ := serveSlowly(t, time.Minute, years()...)
	b := scripted(t)
	b.Go(s.url)
	b.Until("document.querySelector('.sum .count').innerText === '1,005 events'")
	b.Go(s.url + "/?search=" + slowly)
	b.Click("#stop")
	b.Until("document.querySelector('.gap a')?.innerText.trim() === 'Try again'")
	b.Until("document.querySelector('.sum-count b').innerText === 'Nothing was found so far' && !document.querySelector('.log-place').checkVisibility() && !document.querySelector('#stop')")
	expectAxe(t, b)
}

// A search that is cut before anything was found says so in the place of the rows, and what
// to do. Nothing moves.
func TestSlowSearchIsCutBeforeAnythingIsFound(t *testing.T) {
	t.Parallel()
	s, _ := serveSlowly(t, time.Minute, years()...)
	to, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	cut := make(chan struct{})
	proxy := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fragments/rows" { // as where its time is up
			<-cut
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	b := scripted(t)
	b.Go(front.URL)
	b.Until("document.querySelector('.sum .count').innerText === '1,005 events'")
	b.Go(front.URL + "/?search=" + slowly)
	b.Until("document.querySelector('#results[data-stream]') !== null")
	const places = "['.sum', '.sum-count', '.menu-density', '.chart', '.bars'].map(s => document.querySelector(s).getBoundingClientRect().y)"
	before := eval[[]float64](b, places)
	close(cut)
	b.Until("document.querySelector('.gap') !== null")
	if got := b.Text(".gap"); !strings.Contains(got, "The search was interrupted") || !strings.Contains(got, "Nothing was found by then.") || !strings.Contains(got, "Try again") {
		t.Errorf("it says %q", got)
	}
	if got := b.Text(".sum-count"); got != "Nothing was found so far" {
		t.Errorf("the count is %q", got)
	}
	if after := eval[[]float64](b, places); !slices.Equal(before, after) {
		t.Errorf("from %v it moved to %v", before, after)
	}
	expectAxe(t, b)
	screenshot(t, b, "js-cut-1440.png")
}

func TestSlowSearchIsStoppedAndGoesOn(t *testing.T) {
	t.Parallel()
	s, g := serveSlowly(t, time.Minute, years()...)
	b := scripted(t)
	b.Size(390, 844)
	b.Dark(true)
	b.Go(s.url)
	b.Until("document.querySelector('.sum .count').innerText === '1,005 events'")
	b.Go(s.url + "/?search=" + slowly)
	g <- struct{}{}
	b.Until("document.querySelectorAll('#rows [data-event]').length === 2")
	if small := b.Small(); len(small) > 0 {
		t.Errorf("fingers miss %q", small)
	}
	b.Click("#stop")
	b.Until("document.querySelector('.gap')?.innerText.startsWith('You stopped the search')")
	if got := b.Text(".gap p"); !strings.HasPrefix(got, "Searched back to ") {
		t.Errorf("the gap is %q", got)
	}
	if got := eval[string](b, soFar); !strings.HasPrefix(got, "2 events so far") || strings.Contains(got, "still") {
		t.Errorf("it says %q", got)
	}
	for _, violation := range b.Axe() {
		t.Error(violation)
	}
	screenshot(t, b, "js-stopped-390.png")
	b.Click(".gap a")
	g.let(b, "document.querySelector('#rows .c-desc')?.innerText.trim() === 'Posted slowly 2' && document.querySelector('#results[data-stream]') === null")
	b.shows("Posted slowly 2", "Posted slowly 3", "Posted slowly 4")
}

// A search that gets no answer leaves what was there, and is asked again at a click.
func TestLostConnectionIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	to, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	down, hold := atomic.Bool{}, make(chan struct{})
	proxy := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			if r.URL.Path == "/" {
				<-hold // long enough that the page shows that it waits
			}
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	front.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	b := scripted(t)
	b.Forgive("htmx:")
	b.Go(front.URL)
	b.Until("document.querySelector('.sum .count').innerText === '4 events'")
	down.Store(true)
	b.Type("#q", "crane ")
	b.Press("\r")
	b.Until("document.querySelector('#rows .is-bone') !== null")
	close(hold)
	b.Until("document.querySelector('.is-offline') !== null")
	expect(t, b, posted, added, inspected, refused)
	if got := b.Text(".sum-count"); !strings.HasPrefix(got, "4 events") {
		t.Errorf("above them stands %q", got)
	}
	b.Click("[data-try]")
	b.Until("document.querySelector('.is-offline .tried').innerText.endsWith(': still no connection.') && document.activeElement.matches('[data-try]')")
	b.Click("#rows tr:nth-child(2) .c-date") // neither can an event be opened
	b.Until("document.querySelector('#rows tr[aria-selected]') === null")
	down.Store(false)
	b.Click("[data-try]")
	b.shows(added, refused)
	b.Until("document.querySelector('.is-offline') === null && new URL(location).searchParams.get('search') === 'crane'")
}

// The first page that a browser ever opens shows rows as they are found too, before it is
// known to run scripts. What is found names whom the question is about.
func TestSlowSearchOnTheFirstVisit(t *testing.T) {
	t.Parallel()
	s, g := serveSlowly(t, time.Minute, years()...)
	b := scripted(t)
	b.Go(s.url + "/?search=actor:alice+" + slowly)
	b.Until("document.querySelector('#results[data-stream]') !== null")
	g <- struct{}{}
	b.Until(soFar + "?.startsWith('2 events so far · still searching, back to ')")
	b.shows("Posted slowly 0", "Posted slowly 1")
	g.let(b, soFar+"?.startsWith('5 events') && document.querySelector('#results[data-stream]') === null")
	b.Until("document.querySelector('.pill-user summary').innerText.includes('Alice Okonkwo')")
}

// The oldest first, rows come as they are found as well, and the search can be stopped and
// taken up again.
func TestSlowSearchOldestFirst(t *testing.T) {
	t.Parallel()
	s, g := serveSlowly(t, time.Minute, years()...)
	b := scripted(t)
	b.Go(s.url + "/?order=oldest&search=" + slowly)
	g <- struct{}{}
	b.Until(soFar + "?.startsWith('1 event so far · still searching, up to ')")
	b.shows("Posted slowly 4")
	if share := eval[float64](b, "document.querySelector('.sum .progress').value"); share <= 0 || share > 0.5 {
		t.Errorf("the search has come to %g", share)
	}
	screenshot(t, b, "js-slow-oldest-1440.png")
	b.Click("#stop")
	b.Until("document.querySelector('.gap')?.innerText.startsWith('You stopped the search')")
	if got := b.Text(".gap p"); !strings.HasPrefix(got, "Searched up to ") {
		t.Errorf("the gap is %q", got)
	}
	expectAxe(t, b)
	b.Click(".gap a")
	g.let(b, "document.querySelector('#rows .c-desc')?.innerText.trim() === 'Posted slowly 3' && document.querySelector('#results[data-stream]') === null")
	b.shows("Posted slowly 3", "Posted slowly 2", "Posted slowly 1", "Posted slowly 0")
	if got := eval[string](b, "document.querySelector('.h-date').ariaSort"); got != "ascending" {
		t.Errorf("the table is sorted %q", got)
	}
}

// A browser that runs no scripts is led from the page that shows rows as they are found to
// one that waits for them.
func TestSlowSearchLeadsOnWithoutScripts(t *testing.T) {
	t.Parallel()
	s, g := serveSlowly(t, time.Minute, years()...)
	b := Open(t)
	b.do("open", chromedp.Navigate(s.url+"/?search="+slowly))
	g.let(b, "document.querySelectorAll('#rows [data-event]').length === 5")
	if got := b.URL(); !strings.Contains(got, "whole=1") {
		t.Errorf("the rows are at %s", got)
	}
	// From then on its pages wait.
	b.Type("#q", "posted ")
	b.Press("\r")
	g.let(b, "new URL(location).searchParams.get('search') === 'posted slowly' && document.querySelectorAll('#rows [data-event]').length === 5")
	if got := b.URL(); strings.Contains(got, "whole") {
		t.Errorf("the rows are at %s", got)
	}
}

// A browser that once ran scripts and does so no more is led to what one gets that never did,
// in the time zone that is known of it; and once it runs them again, to what scripts ask for.
func TestScriptsSwitchedOffLater(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Zone("Europe/Berlin")
	b.Go(s.url)
	b.Until("document.querySelector('.sum .count').innerText === '4 events' && document.querySelector('.h-date .zone').innerText === 'Berlin'")
	b.Scripts(false)
	b.Go(s.url + "/?search=-ip:10.0.0.1")
	b.Until("new URL(location).searchParams.get('whole') === '1' && document.readyState === 'complete'")
	whole := func() {
		t.Helper()
		if got := b.Text(".sum .count"); !strings.HasPrefix(got, "4 events") || b.Text(".legend .num") == "–" || !eval[bool](b, "document.querySelector('.bars-links a') !== null") {
			t.Errorf("the count is %q, the chart has %q", got, b.Text(".legend"))
		}
		if got := eval[int](b, "document.querySelectorAll('.pop-user input[type=checkbox][name=actor]').length"); got != 3 {
			t.Errorf("the menu has %d users, want 3", got)
		}
		if got := b.Text(".h-date .zone"); got != "Berlin" {
			t.Errorf("the zone is %q", got)
		}
	}
	whole()
	b.Go(s.url) // which is not led there once more
	if got := b.URL(); got != s.url+"/" {
		t.Errorf("it is led to %s", got)
	}
	whole()
	b.Go(s.url + "/compare?search=outcome:denied")
	if got := b.Text("#compared"); !strings.Contains(got, "1 event\n") {
		t.Errorf("it compares %q", got)
	}
	b.Scripts(true)
	b.Go(s.url)
	b.Until("document.documentElement.dataset.zone === ''")
	b.Until("performance.getEntriesByType('resource').some(e => e.name.endsWith('/preferences') && e.responseEnd > 0)")
	b.Go(s.url)
	b.Until("document.querySelector('.bars-grip') !== null && document.querySelector('.pop-user .list-bones') !== null")
}

// The comparison leads there as well.
func TestScriptsSwitchedOffLaterWhileComparing(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	b.Until("document.querySelector('.sum .count').innerText === '4 events'")
	b.Go(s.url)
	b.Scripts(false)
	b.Go(s.url + "/compare?search=outcome:denied")
	b.Until("new URL(location).searchParams.get('whole') === '1' && document.readyState === 'complete' && document.querySelector('#compared').innerText.includes('Nothing stands out')")
}

// Without scripts the page answers in its time, says what is missing, and goes on.
func TestSlowSearchWithoutScripts(t *testing.T) {
	t.Parallel()
	s, g := serveSlowly(t, 3*time.Second, years()...)
	b := Open(t)
	b.Go(s.url) // what is asked once for all is known from then on
	b.Go(s.url + "/?whole=1&search=" + slowly)
	if got := b.Text(".state"); !strings.Contains(got, "Nothing was found so far") || !strings.Contains(got, "Go on with the search") {
		t.Fatalf("when nothing was found in time: %q", b.Text("main"))
	}
	released := make(chan struct{})
	go func() { g <- struct{}{}; close(released) }()
	b.Go(s.url + "/?whole=1&search=" + slowly)
	<-released
	if got := b.Text(".gap"); !strings.Contains(got, "The search ran out of time") || !strings.Contains(got, "Searched back to ") {
		t.Fatalf("what was found in time: %q", b.Text("main"))
	}
	if got := descriptions(b.Rows()); !slices.Equal(got, []string{"Posted slowly 0", "Posted slowly 1"}) {
		t.Errorf("rows %q", got)
	}
	screenshot(t, b, "partial-1440.png")
	for _, violation := range b.Axe() {
		t.Error(violation)
	}
	go func() {
		for range 20 {
			select {
			case g <- struct{}{}:
			case <-t.Context().Done():
				return
			}
		}
	}()
	b.Follow(".gap a")
	b.shows("Posted slowly 2", "Posted slowly 3", "Posted slowly 4")
}

// A question that was asked without a connection is asked when that is back.
func TestQuestionWithoutAConnectionIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Forgive("htmx:")
	b.Go(s.url + "/?search=invoice")
	b.shows(posted)
	b.Offline(true)
	eval[string](b, "(document.querySelector('#q').value = 'crane', document.querySelector('#q').focus(), '')")
	b.Press("\r")
	b.Until("document.querySelector('.is-offline') !== null")
	b.Offline(false)
	b.shows(added, refused)
	b.Until("document.querySelector('.is-offline') === null && new URL(location).searchParams.get('search') === 'crane'")
}
