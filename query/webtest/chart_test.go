package webtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/demo"
)

// weeks is a log of 28 days, the last of them yesterday: each has an event more than the
// one before, and one of them is a deletion.
func weeks() []action.Event {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	var events []action.Event
	for day := range 28 {
		for i := range day + 1 {
			e := action.Event{
				Time: today.AddDate(0, 0, day-28).Add(8*time.Hour + time.Duration(i)*time.Minute), Actor: action.Actor{ID: "alice", Name: "Alice Okonkwo"},
				Action: "record.viewed", Description: fmt.Sprintf("Day %d, event %d", day, i),
			}
			if i == day {
				e.Actor, e.Action = action.Actor{ID: "bob", Name: "Bob Dvořák"}, "invoice.deleted"
			}
			events = append(events, e)
		}
	}
	return events
}

const grip = ".bars-grip"

// charted waits until the chart is there.
func (b *Tab) charted() {
	b.t.Helper()
	b.Until("document.querySelector('.bars-grip') !== null && document.querySelector('.took').innerText !== ''")
}

// buckets are the counts of the chart.
func (b *Tab) buckets() []int {
	b.t.Helper()
	return eval[[]int](b, "document.querySelector('.bars-grip').dataset.counts.split('|').map(Number)")
}

// place is where a part of an element is, from 0 at the left to 1 at the right.
func (b *Tab) place(selector string, part float64) (x, y float64) {
	b.t.Helper()
	box := eval[[]float64](b, fmt.Sprintf("(r => [r.left, r.top, r.width, r.height])(document.querySelector(%q).getBoundingClientRect())", selector))
	return box[0] + box[2]*part, box[1] + box[3]*0.7
}

func (b *Tab) mouse(kind input.DispatchMouseEventType, x, y float64, options ...chromedp.MouseOption) {
	b.t.Helper()
	b.do("move the mouse", chromedp.MouseEvent(kind, x, y, options...))
}

// touch taps a part of an element as a pen or a finger does.
func (b *Tab) touch(selector string, part float64) {
	b.t.Helper()
	pen := func(p *input.DispatchMouseEventParams) { p.PointerType = input.DispatchMouseEventPointerTypePen }
	x, y := b.place(selector, part)
	b.mouse(chromedp.MousePressed, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1), pen)
	b.mouse(chromedp.MouseReleased, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1), pen)
}

// drag draws from one part of an element to another.
func (b *Tab) drag(selector string, from, to float64) {
	b.t.Helper()
	held := func(p *input.DispatchMouseEventParams) { p.Buttons = 1 }
	x, y := b.place(selector, from)
	b.mouse(chromedp.MousePressed, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1))
	for _, part := range []float64{(from + to) / 2, to} {
		x, y = b.place(selector, part)
		b.mouse(chromedp.MouseMoved, x, y, chromedp.ButtonLeft, held)
	}
	b.mouse(chromedp.MouseReleased, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1))
}

func sum(all []int) (total int) {
	for _, n := range all {
		total += n
	}
	return total
}

// stretch is how the search line says the days of weeks from one to another.
func stretch(from, to int) string {
	day := func(n int) string {
		return time.Now().UTC().AddDate(0, 0, n-28).Format(time.DateOnly)
	}
	return "after:" + day(from) + " before:" + day(to+1)
}

func TestChartAddsUpToTheCount(t *testing.T) {
	t.Parallel()
	s := serve(t, weeks()...)
	b := scripted(t)
	for search, want := range map[string]string{"": "406 events", "action:invoice.deleted": "28 events of 406", "after:-7d day": " of 406"} {
		b.Go(s.url + "/?search=" + strings.ReplaceAll(search, " ", "+"))
		b.charted()
		if got := b.Text(".count"); !strings.HasSuffix(got, want) || !strings.HasPrefix(got, fmt.Sprintf("%d events", sum(b.buckets()))) {
			t.Errorf("%q: %q above a chart of %d", search, got, sum(b.buckets()))
		}
		if drawn := eval[int](b, "[...document.querySelectorAll('.legend .num')].map(e => +e.innerText).reduce((a, b) => a + b)"); drawn != sum(b.buckets()) {
			t.Errorf("%q: the legend adds up to %d", search, drawn)
		}
		cells := eval[[]int](b, "[...document.querySelectorAll('.chart table tbody tr')].map(r => +r.cells[1].innerText)")
		if full := slices.DeleteFunc(b.buckets(), func(n int) bool { return n == 0 }); !slices.Equal(cells, full) {
			t.Errorf("%q: the table for screen readers says %v", search, cells)
		}
	}
	b.Go(s.url)
	b.charted()
	b.Click(".legend li:nth-child(8) a")
	b.Until("document.querySelector('.count').innerText === '28 events of 406'")
	if got := b.line(); got != "category:delete" {
		t.Errorf("the legend asks %q", got)
	}
	b.Until("document.querySelector('.legend a[aria-current]') !== null")
	b.Click(".legend a[aria-current]")
	b.Until("document.querySelector('.count').innerText === '406 events'")
}

func TestChartSelectsByPointer(t *testing.T) {
	t.Parallel()
	s := serve(t, weeks()...)
	b := scripted(t)
	b.Go(s.url + "/?search=-nothing")
	b.charted()
	n := float64(len(b.buckets()))
	x, y := b.place(grip, 0.5)
	b.mouse(chromedp.MouseMoved, x, y)
	b.Until("document.querySelector('.brush-tip.is-hover:not([hidden])') !== null")
	x, y = b.place(grip, (float64(slices.Index(b.buckets(), 1))+0.5)/n)
	b.mouse(chromedp.MouseMoved, x, y)
	b.Until("document.querySelector('.brush-count').innerText === '1 event'")

	b.drag(grip, 10.5/n, 14.5/n)
	b.Until("document.querySelector('.brush-tip.is-on:not([hidden])') !== null")
	if !eval[bool](b, "document.querySelector('.brush-tip').getBoundingClientRect().top >= document.querySelector('.bars').getBoundingClientRect().bottom") {
		t.Error("what is selected is said above the count")
	}
	want := sum(b.buckets()[10:15])
	if got := b.Text(".brush-count"); got != fmt.Sprintf("%d events", want) {
		t.Errorf("the brush says %q, want %d", got, want)
	}
	if got := eval[bool](b, "(l => l[0].getAttribute('x1') === '10' && l[1].getAttribute('x1') === '15')(document.querySelectorAll('.brush line'))"); !got {
		t.Error("the ends of the brush are not where it was drawn")
	}
	b.Click(".brush-tip [data-zoom]")
	b.Until(fmt.Sprintf("document.querySelector('.count').innerText.startsWith('%d events of ')", want))
	if got := b.line(); !strings.HasPrefix(got, "-nothing after:20") || !strings.Contains(got, " before:20") {
		t.Errorf("the zoom writes %q", got)
	}
	if got := len(b.Rows()); got != min(want, 50) {
		t.Errorf("%d rows of %d", got, want)
	}

	b.charted()
	buckets := b.buckets()
	full := slices.IndexFunc(buckets, func(n int) bool { return n > 0 })
	x, y = b.place(grip, (float64(full)+0.5)/float64(len(buckets)))
	b.ClickAt(x, y)
	b.Until(fmt.Sprintf("document.querySelector('.count').innerText.startsWith('%d event')", buckets[full]))
	eval[string](b, "(history.back(), '')")
	b.Until(fmt.Sprintf("document.querySelector('.count').innerText.startsWith('%d events of ')", want))
}

// A finger shows what it hit, and zooms by the button; a drag works as with the mouse.
func TestChartOnAPhone(t *testing.T) {
	t.Parallel()
	s := serve(t, weeks()...)
	b := scripted(t)
	b.Size(390, 844)
	b.Go(s.url + "/?search=-nothing")
	b.charted()
	buckets := b.buckets()
	b.touch(grip, (float64(len(buckets))-0.5)/float64(len(buckets)))
	b.Until("document.querySelector('.brush-tip.is-on:not([hidden])') !== null")
	if got := b.Text(".brush-count"); got != fmt.Sprintf("%d events", buckets[len(buckets)-1]) {
		t.Errorf("a finger on the last bar shows %q", got)
	}
	screenshot(t, b, "js-chart-tapped-390.png")
	if !eval[bool](b, "document.querySelector('.brush-tip').getBoundingClientRect().top >= document.querySelector('.bars').getBoundingClientRect().bottom") {
		t.Error("what a finger hit covers what is above the bars")
	}
	const gone, shown = "document.querySelector('.brush-tip').hidden", "document.querySelector('.brush-tip.is-on:not([hidden])') !== null"
	last := (float64(len(buckets)) - 0.5) / float64(len(buckets))
	for name, release := range map[string]func(){
		"the bar":    func() { b.touch(grip, last) },
		"the count":  func() { b.touch(".sum-count", 0.5) },
		"the dates":  func() { b.touch(dateMenu, 0.5); b.touch("body", 0.5) },
		"Escape key": func() { b.Press(kb.Escape) },
	} {
		t.Log(name)
		release()
		b.Until(gone)
		b.touch(grip, last)
		b.Until(shown)
	}
	b.Click(".brush-tip [data-zoom]")
	b.Until(fmt.Sprintf("document.querySelector('.count').innerText.startsWith('%d events')", buckets[len(buckets)-1]))
}

func TestChartSelectsByKeys(t *testing.T) {
	t.Parallel()
	s := serve(t, weeks()...)
	b := scripted(t)
	b.Go(s.url + "/?search=" + strings.ReplaceAll(stretch(0, 27), " ", "+"))
	b.charted()
	buckets := b.buckets()
	b.do("focus the chart", chromedp.Focus(chromedp.CSS(grip)))
	b.Press(kb.End)
	b.Press(kb.ArrowLeft)
	shift := func(key string) {
		b.do("press keys", chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierShift)))
	}
	for range 11 {
		shift(kb.ArrowLeft)
	}
	last := len(buckets) - 2
	want := sum(buckets[last-11 : last+1])
	b.Until(fmt.Sprintf("document.activeElement.ariaValueText.endsWith(', %d events')", want))
	b.Press(kb.Escape)
	b.Until("document.querySelector('.brush-tip').hidden")
	b.Press(kb.End)
	for range 11 {
		shift(kb.ArrowLeft)
	}
	want = sum(buckets[len(buckets)-12:])
	b.Press(kb.Enter)
	b.Until(fmt.Sprintf("document.querySelector('.count').innerText.startsWith('%d events of ') && document.activeElement.matches('.bars-grip')", want))
}

// Without scripts the bars are links, and the count stands beside them at once.
// However many events a bar has, the counts beside the bars lie on none of them.
func TestChartLeavesRoomForItsScale(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(-time.Minute)
	s := serve(t, action.Event{Time: at.AddDate(0, 0, -2), Actor: action.Actor{ID: "alice"}, Action: "invoice.posted"})
	b := scripted(t)
	grow := func(n int, scale string) {
		t.Helper()
		events := numbered(n)
		for i := range events {
			events[i].Time = at
		}
		s.add(events...)
		for _, width := range []int64{1440, 390} {
			b.Size(width, 844)
			b.Dark(width == 390)
			b.Go(s.url)
			b.charted()
			if got := eval[string](b, "document.querySelector('.bars-y text').textContent"); got != scale {
				t.Errorf("the scale is %q, want %s", got, scale)
			}
			if over := eval[float64](b, "document.querySelector('.bars-svg').getBoundingClientRect().right - Math.min(...[...document.querySelectorAll('.bars-y text')].map(e => e.getBoundingClientRect().left))"); over > -4 {
				t.Errorf("at %d px the scale to %s reaches %g px into the bars", width, scale, over)
			}
			if ends := eval[[]float64](b, "['.bars-svg', '.bars-grip', '.axis'].map(s => document.querySelector(s).getBoundingClientRect().right)"); ends[0] != ends[1] || ends[0] != ends[2] {
				t.Errorf("the parts of the chart end at %v", ends)
			}
			screenshot(t, b, fmt.Sprintf("js-scale-%s-%d.png", scale, width))
		}
	}
	grow(300, "400")
	grow(900, "2,000")
	grow(8000, "10k")
}

func TestChartWithoutScripts(t *testing.T) {
	t.Parallel()
	s := serve(t, weeks()...)
	b := Open(t)
	chart := func(open func()) {
		open()
		for range 20 { // a busy machine needs another try: the page waits half a second only
			if eval[bool](b, "document.querySelector('.bars-links') !== null && document.querySelector('.chart[hx-get]') === null") {
				return
			}
			b.Go(b.URL())
		}
		t.Fatal("the page has no chart")
	}
	chart(func() { b.Go(s.url + "/?search=-nothing") })
	if got := b.Text(".count"); got != "406 events of 406" {
		t.Errorf("the count is %q", got)
	}
	chart(func() { b.Follow(".bars-links a:last-of-type") })
	if got := b.line(); !strings.HasPrefix(got, "-nothing after:") {
		t.Errorf("a bar leads to %q", got)
	}
	if got := b.Text(".count"); got != "28 events of 406" {
		t.Errorf("the count of the last day is %q", got)
	}
	chart(func() { b.Follow(".legend li:last-child a") })
	if got := b.Text(".count"); got != "1 event of 406" {
		t.Errorf("the count of deletions is %q", got)
	}
}

// Another page of the same list leaves the chart, and the count, where they are.
func TestChartStaysWhilePaging(t *testing.T) {
	t.Parallel()
	s := serve(t, weeks()...)
	b := scripted(t)
	b.Go(s.url + "/?search=-nothing")
	b.charted()
	eval[string](b, "(document.querySelector('.chart').stays = 'here')")
	b.Press("n") // a click would first scroll to the pager, and with it load more
	b.Until("new URL(location).searchParams.has('cursor') && document.querySelector('#pager a[rel=prev]') !== null")
	if got := eval[string](b, "document.querySelector('.chart').stays ?? 'it was made again'"); got != "here" {
		t.Errorf("the chart: %s", got)
	}
	if got := b.Text(".count"); got != "406 events of 406" {
		t.Errorf("the count of the second page is %q", got)
	}
	b.Go(b.URL())
	b.charted()
	if got := b.Text(".count"); got != "406 events of 406" {
		t.Errorf("the count of the second page, opened by itself, is %q", got)
	}
}

// The chart comes after the rows and moves nothing, whatever the width.
func TestChartMovesNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, slices.Collect(demo.Events(time.Now().AddDate(0, 0, -30), time.Now()))...)
	b := scripted(t)
	for _, size := range [][2]int64{{1440, 900}, {1100, 800}, {390, 844}} {
		b.Size(size[0], size[1])
		b.Go(s.url)
		b.charted()
		eval[string](b, `(window.shift = 0, window.moved = [], new PerformanceObserver(l => l.getEntries().forEach(e => { if (!e.hadRecentInput) { window.shift += e.value; window.moved.push(...e.sources.map(s => (s.node?.outerHTML ?? s.node?.textContent ?? '?').slice(0, 120) + JSON.stringify([s.previousRect, s.currentRect]))) } })).observe({ type: 'layout-shift', buffered: true }), '')`)
		b.Go(s.url + "/?search=-nothing")
		eval[string](b, `(window.shift = 0, window.moved = [], new PerformanceObserver(l => l.getEntries().forEach(e => { if (!e.hadRecentInput) { window.shift += e.value; window.moved.push(...e.sources.map(s => (s.node?.outerHTML ?? s.node?.textContent ?? '?').slice(0, 120) + JSON.stringify([s.previousRect, s.currentRect]))) } })).observe({ type: 'layout-shift', buffered: true }), '')`)
		b.charted()
		if got := eval[float64](b, "window.shift"); got > 0.005 { // a word of the count may move aside
			t.Errorf("at %d px the layout shifts by %v: %s", size[0], got, eval[[]string](b, "window.moved"))
		}
		height := eval[float64](b, "document.querySelector('.bars').getBoundingClientRect().height")
		if want := map[bool]float64{true: 56, false: 88}[size[0] < 960]; height != want {
			t.Errorf("at %d px the bars are %v px high, want %v", size[0], height, want)
		}
		if got := eval[[]string](b, `[...document.querySelectorAll('.axis text')].filter(e => {
			const r = e.getBoundingClientRect(), axis = document.querySelector('.axis').getBoundingClientRect();
			return Math.abs(r.left - axis.left - axis.width * e.x.baseVal[0].valueInSpecifiedUnits / 100) > 2 || r.right > innerWidth;
		}).map(e => e.textContent)`); len(got) > 0 {
			t.Errorf("at %d px these do not stand where their bars begin: %q", size[0], got)
		}
		for _, dark := range []bool{false, true} {
			b.Dark(dark)
			screenshot(t, b, fmt.Sprintf("chart-%d-%t.png", size[0], dark))
			b.drag(grip, 0.5, 0.7)
			b.Until("document.querySelector('.brush-tip.is-on:not([hidden])') !== null")
			screenshot(t, b, fmt.Sprintf("chart-brush-%d-%t.png", size[0], dark))
			if over := b.Overflow(); over != "" {
				t.Errorf("the brush at %d px: %s", size[0], over)
			}
			if small := b.Small(); size[0] < 960 && len(small) > 0 {
				t.Errorf("the brush: fingers miss %q", small)
			}
			for _, violation := range b.AxeIn(dark) {
				t.Errorf("at %d px, dark %t: %s", size[0], dark, violation)
			}
			b.Press(kb.Escape)
			b.Until("document.querySelector('.brush-tip').hidden")
		}
		b.Dark(false)
	}
}
