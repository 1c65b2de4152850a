package webtest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// scripted opens a browser that runs the scripts of pages.
func scripted(t *testing.T) *Tab {
	t.Helper()
	b := Open(t)
	b.Scripts(true)
	return b
}

// shows waits until the table has the descriptions.
func (b *Tab) shows(want ...string) {
	b.t.Helper()
	b.Until(`[...document.querySelectorAll('#rows tr:not(.is-bone) .c-desc')].map(e => e.innerText.trim()).join('|') === ` + quoted(strings.Join(want, "|")))
}

// line is the search line of the address.
func (b *Tab) line() string {
	b.t.Helper()
	address, err := url.Parse(b.URL())
	if err != nil {
		b.t.Fatal(err)
	}
	return address.Query().Get("search")
}

func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// People are called by their names, also where no event that was found has them.
func TestChipsNamePeople(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := Open(t)
	for _, line := range []string{"on_behalf_of:alice", "on_behalf_of:alice nowhere"} {
		b.Go(s.url + "/?search=" + url.QueryEscape(line))
		if got := b.Texts(".chip .cut"); !slices.ContainsFunc(got, func(chip string) bool { return strings.HasSuffix(chip, " Alice Okonkwo") }) {
			t.Errorf("%s: chips %q", line, got)
		}
	}
}

// A name is a link, and the space beside it a part of the row, which opens the event.
func TestBesideANameTheRowOpens(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	b.charted()
	for _, cell := range []string{".c-user", ".c-subj", ".c-ip"} {
		box := eval[[]float64](b, "(c => [c.getBoundingClientRect().right, c.querySelector('a').getBoundingClientRect().right, c.querySelector('a').getBoundingClientRect().y])(document.querySelector('#rows "+cell+"'))")
		if box[0]-box[1] < 30 {
			t.Fatalf("the link of %s reaches to %g of %g", cell, box[1], box[0])
		}
		b.ClickAt(box[1]+15, box[2]+8)
		b.Until("document.querySelector('#drawer') !== null && location.pathname.startsWith('/events/')")
		b.Press("\x1b")
		b.Until("document.querySelector('#drawer') === null && location.pathname === '/'")
	}
	expectAxe(t, b)
	b.Follow("#rows .c-user a")
	if got := b.Text("h1"); got != "Alice Okonkwo" {
		t.Errorf("the name leads to %q", got)
	}
}

func TestSearchesStayOnThePage(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	b.Until("document.documentElement.classList.contains('js')")
	eval[string](b, "window.stays = 'here'")
	b.Type("#q", "crane -refused")
	b.Press("\r")
	b.shows(added)
	if got := b.line(); got != "crane -refused" {
		t.Errorf("the address has the line %q", got)
	}
	if got := b.Texts(".chip .cut"); !slices.Equal(got, []string{"contains crane", "without refused"}) {
		t.Errorf("chips %q", got)
	}
	b.Click("a[aria-label='Remove: without refused']")
	b.shows(added, refused)
	if got := eval[string](b, "document.querySelector('#q').value"); got != "crane" {
		t.Errorf("the line says %q", got)
	}
	b.Until("document.querySelector('.sum .count').innerText === '2 events of 4'")

	b.Click(userMenu)
	b.Until("document.querySelectorAll('.pop-user .opt').length > 0")
	b.Click("input[name=actor][value=bob]")
	b.Click(".pop-user .btn-main")
	b.Until("document.querySelector('.pill-user summary').innerText.includes('Bob Dvořák')")
	if got := b.line(); got != "crane actor:bob" {
		t.Errorf("the menu writes %q", got)
	}
	if got := eval[string](b, "window.stays"); got != "here" {
		t.Error("a search loads another page")
	}
	eval[string](b, "(history.back(), '')")
	b.Until("new URL(location).searchParams.get('search') === 'crane' && document.querySelector('#q').value === 'crane'")
}

func TestWrongLinesAreMended(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	for _, sign := range []string{":", "="} {
		b.Go(s.url)
		b.Type("#q", "crane actr"+sign+"bob")
		b.Press("\r")
		b.Until("document.querySelector('.line-err') !== null")
		if got := eval[string](b, "document.querySelector('.line-ink s').textContent"); got != "actr"+sign+"bob" {
			t.Errorf("marked as wrong: %q", got)
		}
		b.Click(".line-err a")
		b.Until("document.querySelector('.line-err') === null && document.querySelectorAll('#rows [data-event]').length === 2")
		if got := b.line(); got != "crane actor:bob" {
			t.Errorf("the suggestion leads to %q", got)
		}
	}
}

func TestUsersAreFoundByTheirNames(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	b.Click(userMenu)
	b.Until("document.querySelectorAll('.pop-user .opt').length === 3")
	b.Type(".pop-user input[name=find]", "bob")
	b.Until("document.querySelectorAll('.pop-user .opt').length === 1")
	if got := b.Text(".pop-user .opt .num"); got != "2" {
		t.Errorf("Bob has %s events, want 2", got)
	}
	b.Click(".pop-user .seg label:nth-child(2)")
	b.Click(".pop-user .opt input")
	b.Click(".pop-user .btn-main")
	b.shows(posted, inspected)
	if got := b.line(); got != "-actor:bob" {
		t.Errorf("the menu writes %q", got)
	}
}

func TestCalendarChoosesDays(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	b.Press("t")
	b.Until("document.querySelectorAll('.cal button').length > 27")
	b.Click(".cal-head button:first-child")
	b.Click(".cal tbody tr:nth-child(2) td:nth-child(1) button")
	b.Click(".cal tbody tr:nth-child(2) td:nth-child(7) button")
	b.Click(".pop-date .btn-main")
	b.Until("document.querySelector('.pill-date').classList.contains('is-set')")
	line := b.line()
	from, to, ok := strings.Cut(strings.TrimPrefix(line, "from:"), " to:")
	first, err := time.Parse(time.DateOnly, from)
	last, err2 := time.Parse(time.DateOnly, to)
	if !ok || err != nil || err2 != nil || !last.Equal(first.AddDate(0, 0, 7)) || first.Weekday() != time.Monday {
		t.Errorf("a week of the calendar is %q", line)
	}
	// One day is that day.
	b.Press("t")
	b.Until("document.querySelectorAll('.cal button').length > 27")
	b.Click(".cal tbody tr:nth-child(3) td:nth-child(2) button")
	b.Click(".pop-date .btn-main")
	day := first.AddDate(0, 0, 8)
	b.Until(fmt.Sprintf("document.querySelector('.line-in').value.trim() === %q", "from:"+day.Format(time.DateOnly)+" to:"+day.AddDate(0, 0, 1).Format(time.DateOnly)))
}

func TestDrawerTellsAll(t *testing.T) {
	t.Parallel()
	events := company()
	events[0].Details = []byte(`{"total":{"amount":5}}`)
	events[0].UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
	s := serve(t, events...)
	b := scripted(t)
	b.Go(s.url + "/?search=-crane")
	b.Until("document.querySelectorAll('#rows [data-event]').length === 2")
	b.Press("j")
	b.Press("\r")
	b.Until("document.querySelector('#drawer-place #drawer') !== null && location.pathname.startsWith('/events/')")
	text := b.Text("#drawer")
	for _, want := range []string{"Alice Okonkwo posted invoice INV-1", "Harbour Lights", "192.0.2.1", "session-a", "Chrome 141 on Linux", "amount\t5", "event-0001"} {
		if !strings.Contains(text, want) {
			t.Errorf("the drawer lacks %q: %s", want, text)
		}
	}
	b.Press("j")
	b.Until("document.querySelector('#drawer').dataset.id === 'event-0003'")
	eval[string](b, "(history.back(), '')")
	b.Until("document.querySelector('#drawer') === null && location.pathname === '/'")
	if got := b.line(); got != "-crane" {
		t.Errorf("behind the drawer is %q", got)
	}

	b.Press("k")
	b.Press("\r")
	b.Until("document.querySelector('#drawer') !== null")
	b.Press("\x1b")
	b.Until("document.querySelector('#drawer') === null")

	b.Go(s.url + "/events/event-0001?search=-crane")
	b.Follow("a[aria-label^='Exclude: User']")
	b.shows(inspected)
	if got := b.line(); got != "-crane -actor:alice" {
		t.Errorf("exclude leads to %q", got)
	}
}

func TestSurroundingsKeepTheQuestion(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(120)...)
	b := Open(t)
	b.Go(s.url + "/events/event-0060?search=0059")
	b.Follow(".drawer-around a")
	if got := b.Text(".log .is-around .c-desc"); got != "Posted invoice 0059" {
		t.Errorf("the event among its neighbours: %q", got)
	}
	if got := len(b.Rows()); got != 50 {
		t.Errorf("%d rows around it", got)
	}
	b.Follow("#pager a[rel=prev]")
	b.Follow("#pager a[rel=next]")
	if got := b.Text(".log .is-around .c-desc"); got != "Posted invoice 0059" {
		t.Errorf("after paging: %q", got)
	}
	b.Follow(".chip-on")
	expect(t, b, "Posted invoice 0059")
}

func TestListGrowsWhileScrolling(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(120)...)
	b := scripted(t)
	b.Go(s.url)
	for _, n := range []string{"50", "100"} {
		b.Until("document.querySelectorAll('#rows [data-event]').length === " + n)
		eval[string](b, "(scrollTo(0, document.body.scrollHeight), '')")
	}
	b.Until("document.querySelectorAll('#rows [data-event]').length === 120")
	all := descriptions(b.Rows())
	slices.Sort(all)
	if all = slices.Compact(all); len(all) != 120 {
		t.Errorf("%d different rows", len(all))
	}
	if got := b.Texts("#pager a[href]"); !slices.Equal(got, []string{"Newer"}) {
		t.Errorf("ways on: %q", got)
	}
}

// To load the page again with an event open comes back to the event beside its list, and going
// back closes it.
func TestTheDrawerIsThereAfterLoadingAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(30)...)
	b := scripted(t)
	b.Go(s.url + "/?search=posted")
	b.Click("#event-event-0003 .c-date")
	b.Until("document.querySelector('#drawer')?.dataset.id === 'event-0003' && location.pathname === '/events/event-0003'")
	for range 2 {
		b.Reload()
		b.Until("document.querySelector('#drawer-place #drawer')?.dataset.id === 'event-0003' && location.pathname === '/events/event-0003'")
		if got := b.Text("tr[aria-selected] .c-desc"); got != "Posted invoice 0002" || len(b.Rows()) != 30 {
			t.Errorf("beside the drawer %d rows, selected %q", len(b.Rows()), got)
		}
	}
	b.Press("j")
	b.Until("document.querySelector('#drawer')?.dataset.id === 'event-0004'")
	b.Press("\x1b")
	b.Until("document.querySelector('#drawer') === null && location.pathname === '/' && document.querySelectorAll('#rows [data-event]').length === 30")
	if got := b.line(); got != "posted" {
		t.Errorf("closed, the question is %q", got)
	}
	// A link to the event itself shows its page.
	b.Go(s.url + "/events/event-0003")
	b.Reload()
	if got := b.Text("body.is-alone h1"); got == "" {
		t.Error("the page of the event is not its own")
	}
}

// Who comes back to a list that had grown while scrolling is where they were.
func TestGoingBackFindsThePlaceInALongList(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(260)...)
	b := scripted(t)
	b.Go(s.url)
	b.Until(`(() => { const row = document.querySelector('#event-event-0230'); (row ?? document.querySelector('#more')).scrollIntoView({ block: 'center' }); return row })()`)
	b.Until("history.state?.at && document.querySelector('#event-event-0230').getBoundingClientRect().top < innerHeight")
	const top = "document.querySelector('#event-event-0230')?.getBoundingClientRect().top"
	before := eval[float64](b, top)
	near := fmt.Sprintf("Math.abs(%s - %f) < 60", top, before)
	b.Follow("#event-event-0230 .c-subj a")
	if got := b.Text("h1"); got != "Invoice 0229" {
		t.Fatalf("the record is %q", got)
	}
	b.Back()
	b.Until(near)
	b.Reload()
	b.Until(near)
	// With an event open, too.
	b.Click("#event-event-0230 .c-date")
	b.Until("document.querySelector('#drawer')?.dataset.id === 'event-0230'")
	b.Reload()
	b.Until("document.querySelector('#drawer-place #drawer')?.dataset.id === 'event-0230' && " + near)
	if !eval[bool](b, "document.querySelector('#event-event-0230').ariaSelected === 'true'") {
		t.Error("the row of the event is not selected")
	}
	ids := eval[[]string](b, "[...document.querySelectorAll('#rows tr[id^=event-]')].map(r => r.id)")
	slices.Sort(ids)
	if n := len(ids); n != len(slices.Compact(ids)) {
		t.Errorf("%d rows, some of them twice", n)
	}
}

func TestPreferencesStay(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	for _, scripts := range []bool{true, false} {
		b := Open(t)
		b.Scripts(scripts)
		b.Go(s.url)
		b.Click(".top .menu summary")
		b.Click(".seg label:has(input[name=theme][value=dark])")
		b.Click(".seg label:has(input[name=lang][value=de])")
		b.Type("input[name=zone]", "Asia/Tokyo")
		b.Follow(".pop-account .btn-main")
		b.Until("document.querySelector('#rows [data-event]') !== null && document.querySelector('#results[data-stream]') === null")
		if got := eval[string](b, "document.documentElement.lang + ' ' + document.documentElement.dataset.theme"); got != "de dark" {
			t.Errorf("scripts %t: %q", scripts, got)
		}
		want := company()[0].Time.In(time.FixedZone("", 9*3600)).Format("02.01.2006, 15:04:05")
		if got := b.Text(".c-date time"); got != want {
			t.Errorf("scripts %t: the date is %q, want %q", scripts, got, want)
		}
		if got := b.Text(".h-date .zone"); got != "Tokyo" {
			t.Errorf("scripts %t: the zone is %q", scripts, got)
		}
		b.Click(".sum .menu:last-of-type summary")
		b.Click("input[name=columns][value=session]")
		if !scripts {
			b.Follow(".sum .menu:last-of-type .btn-main")
		}
		b.Until("document.querySelector('.h-session') !== null")
		if !scripts { // with them the menu stays open
			b.Click(".sum .menu:last-of-type summary")
		}
		b.Click("input[name=columns][value=ip]")
		if !scripts {
			b.Follow(".sum .menu:last-of-type .btn-main")
		}
		b.Until("document.querySelector('.h-ip') === null && document.querySelector('.h-session') !== null")
	}
}

// A table that scrolls sideways has its head at the top of the window all the same, above
// the columns that are seen.
func TestTheHeadStaysAboveManyColumns(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(60)...)
	// What is painted at the top of the window, at the place of each column that is seen.
	const heads = `[...document.querySelectorAll('#log thead th')].filter(h => h.checkVisibility()).map(h => [h, h.getBoundingClientRect()]).filter(([h, r]) => r.left > 0 && r.left + 24 < innerWidth)
		.every(([h, r]) => document.elementFromPoint(r.left + 12, 16)?.closest('th')?.className === h.className)`
	for _, size := range [][2]int64{{1440, 900}, {1040, 720}} {
		b := scripted(t) // in which no column is chosen
		b.Size(size[0], size[1])
		for _, columns := range []string{"outcome", "session", "agent"} {
			b.Go(s.url)
			b.Click(".menu-columns summary")
			b.Click("input[name=columns][value=" + columns + "]")
			b.Until("document.querySelector('.h-" + columns + "') !== null")
			b.charted()
			b.Until("(scrollTo(0, 1200), scrollY > 1100)")
			if !eval[bool](b, heads) {
				t.Errorf("%v with the column %s: no head at the top", size, columns)
			}
			if place := "document.querySelector('.log-place')"; eval[bool](b, "getComputedStyle("+place+").overflowX === 'auto'") {
				b.Until("(" + place + ".scrollLeft = 200, " + heads + ")")
			}
			screenshot(t, b, fmt.Sprintf("js-wide-%s-%d.png", columns, size[0]))
			if over := b.Overflow(); over != "" {
				t.Error(over)
			}
		}
	}
}

// However many columns there are, it is the table that scrolls, the menu stays where it
// is, and every row leads to its event.
func TestColumnsAreChosen(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	b.charted()
	b.Click(".menu-columns summary")
	b.Until("document.querySelector('.menu-columns').open")
	for _, name := range []string{"outcome", "session", "agent", "request"} {
		b.charted()
		b.Click("input[name=columns][value=" + name + "]")
		b.Until(fmt.Sprintf("document.querySelector('.h-%s') !== null && document.querySelector('.menu-columns').open && document.activeElement.value === %q", name, name))
		if over := b.Overflow(); over != "" {
			t.Errorf("with the column %s %s", name, over)
		}
		if width := eval[float64](b, "document.querySelector('td.c-desc').getBoundingClientRect().width"); width < 160 {
			t.Errorf("with the column %s the description has %.0f px", name, width)
		}
	}
	for _, name := range []string{"user", "ip", "action", "subject", "description", "outcome", "session", "agent", "request"} {
		b.charted()
		b.Click("input[name=columns][value=" + name + "]")
		b.Until(fmt.Sprintf("document.querySelector('.h-%s') === null", name))
	}
	if got := b.Texts(".log thead th"); len(got) != 1 {
		t.Errorf("without all that can be left out the columns are %q", got)
	}
	b.Press("\x1b")
	b.Press("j")
	b.Enter()
	b.Until("document.querySelector('#drawer') !== null")
}

func TestKeysCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url)
	b.Press("?")
	b.Until("document.querySelector('#keys').open")
	b.Press("\x1b")
	b.Until("!document.querySelector('#keys').open")
	b.Press("/")
	b.Until("document.activeElement.id === 'q'")
	b.Go(s.url)
	b.Click(".top .menu summary")
	b.Click("input[name=keys]")
	b.Until("document.querySelector('#keys').dataset.keys === 'off'")
	b.Go(s.url)
	b.Press("?")
	b.Press("j")
	if eval[bool](b, "document.querySelector('#keys').open || document.activeElement !== document.body") {
		t.Error("keys that are switched off do something")
	}
}

// The page may shift nothing when its count and its rows come, but for a word of the
// count that moves aside.
func TestNothingMoves(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(60)...)
	b := scripted(t)
	b.Go(s.url)
	eval[string](b, `(window.shift = '', new PerformanceObserver(l => l.getEntries().forEach(e => { if (e.value > 0.005) window.shift += e.value + e.sources.map(s => (s.node?.outerHTML ?? s.node?.parentElement?.outerHTML)) })).observe({ type: 'layout-shift', buffered: true }), '')`)
	b.Until("document.querySelector('.sum .count').innerText === '60 events'")
	if got := eval[string](b, "window.shift"); got != "" {
		t.Errorf("these move: %s", got)
	}
}
