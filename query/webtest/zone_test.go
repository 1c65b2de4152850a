package webtest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

// hours are events of three days, one each hour, with the hour of UTC in their texts.
func hours() (events []action.Event, first time.Time) {
	first = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -4)
	for i := range 72 {
		at := first.Add(time.Duration(i) * time.Hour)
		events = append(events, action.Event{Time: at, Actor: action.Actor{ID: "alice"}, Action: "invoice.posted", Description: at.Format("02T15")})
	}
	return events, first
}

func (b *Tab) zone() string {
	b.t.Helper()
	address, err := url.Parse(b.URL())
	if err != nil {
		b.t.Fatal(err)
	}
	return address.Query().Get("tz")
}

// A link to a stretch of time, however it was made, shows a colleague in another zone the
// same events, and the same days.
func TestLinksShowTheSameInAnotherZone(t *testing.T) {
	t.Parallel()
	events, first := hours()
	s := serve(t, events...)
	berlin, york := scripted(t), scripted(t)
	berlin.Zone("Europe/Berlin")
	york.Zone("America/New_York")
	for _, b := range []*Tab{berlin, york} {
		b.Go(s.url)
		b.Until("document.querySelector('.sum .count').innerText === '72 events' && document.querySelector('.h-date .zone').innerText !== 'UTC'")
	}
	day := first.AddDate(0, 0, 1)
	same := func(way string) {
		t.Helper()
		b := berlin
		b.Until("document.querySelector('.sum .count')?.innerText.endsWith(' of 72') && document.querySelector('#results[data-stream]') === null")
		if got := b.zone(); got != "Europe/Berlin" {
			t.Errorf("%s: %s names the zone %q", way, b.URL(), got)
		}
		york.Go(b.URL())
		york.Until("document.querySelector('.sum .count')?.innerText.endsWith(' of 72') && document.querySelector('#results[data-stream]') === null")
		if here, there := descriptions(b.Rows()), descriptions(york.Rows()); !slices.Equal(here, there) {
			t.Errorf("%s: in Berlin %q, in New York %q", way, here, there)
		}
		if here, there := b.Text(".pill-date summary b"), york.Text(".pill-date summary b"); here != there || york.Text(".h-date .zone") != "Berlin" {
			t.Errorf("%s: in Berlin %q, in New York %q in %s", way, here, there, york.Text(".h-date .zone"))
		}
	}
	search := func(line string) {
		berlin.t.Helper()
		berlin.Go(s.url)
		berlin.Type("#q", line+" ")
		berlin.Press("\r")
		berlin.Until("document.querySelector('#results').dataset.line.startsWith(" + quoted(strings.Fields(line)[0]) + ")")
	}
	search("from:" + day.Format(time.DateOnly) + " to:" + day.AddDate(0, 0, 1).Format(time.DateOnly))
	same("a line")
	if got := descriptions(berlin.Rows()); len(got) != 24 || got[23] != day.Add(-berlinOffset(day)).Format("02T15") {
		t.Errorf("a day of Berlin is %q", got)
	}

	berlin.Go(s.url)
	berlin.Press("t")
	berlin.Until("document.querySelectorAll('.cal button').length > 27")
	berlin.Type("input[name=from]", fieldKeys(day))
	berlin.Type("input[name=to]", fieldKeys(day.Add(13*time.Hour)))
	berlin.Click(".pop-date .btn-main")
	berlin.Until("document.querySelector('.pill-date').classList.contains('is-set')")
	same("the menu of dates")

	berlin.Go(s.url)
	berlin.Until("document.querySelector('.bars-grip') !== null")
	eval[string](berlin, "(document.querySelector('.bars-grip').focus(), '')")
	for range 3 {
		berlin.Press(arrowLeft)
	}
	berlin.Press("\r")
	berlin.Until("new URL(location).searchParams.has('search')")
	same("the chart")

	// What is not about days names no zone, and one's own zone is a click away.
	york.Click("a[aria-label='Remove: Time zone is Europe/Berlin']")
	york.Until("new URL(location).searchParams.get('tz') === 'America/New_York'")
	york.Click(".chips .btn-bare")
	york.Until("location.search === '' && document.querySelector('.h-date .zone')?.innerText === 'New York'")
	search("after:-2d")
	if got := berlin.zone(); got != "" {
		t.Errorf("two days ago is named with the zone %q", got)
	}

	// Another zone that is chosen is shown, and what was asked is asked in it.
	search("from:" + day.Format(time.DateOnly))
	berlin.Click(".top .menu summary")
	berlin.Type("input[name=zone]", "Asia/Tokyo")
	berlin.Follow(".pop-account .btn-main")
	berlin.Until("document.querySelector('.h-date .zone').innerText === 'Tokyo'")
	if got := berlin.zone(); got != "Asia/Tokyo" {
		t.Errorf("in the zone that was chosen the address names %q", got)
	}
}

func berlinOffset(day time.Time) time.Duration {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return 0
	}
	_, seconds := day.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// A browser that calls its zone by a former name is shown the present one, and tells it once.
func TestZonesHaveTheirPresentNames(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Zone("Asia/Calcutta")
	b.Go(s.url)
	if told := eval[string](b, "Intl.DateTimeFormat().resolvedOptions().timeZone"); told != "Asia/Calcutta" {
		t.Logf("this browser calls it %s", told)
	}
	b.Until("document.querySelector('.h-date .zone').innerText === 'Kolkata' && document.querySelector('.sum .count').innerText === '4 events'")
	b.Go(s.url)
	b.charted()
	if eval[bool](b, "performance.getEntriesByType('resource').some(e => e.name.endsWith('/preferences'))") {
		t.Error("the zone is told again")
	}
	b.Click(".top .menu summary")
	if got := b.Text(".pop-account"); !strings.Contains(got, "Asia/Kolkata") || strings.Contains(got, "Calcutta") {
		t.Errorf("the settings name %q", got)
	}
	b.Go(s.url + "/?search=from:2026-01-01")
	if got := b.zone(); got != "Asia/Kolkata" {
		t.Errorf("the address names %q", got)
	}
}

// Without scripts the page has a zone too, which its forms and its chart name.
func TestLinksNameTheZoneWithoutScripts(t *testing.T) {
	t.Parallel()
	events, first := hours()
	s := serve(t, events...)
	b := Open(t)
	b.Go(s.url)
	b.Click(dateMenu)
	b.Type("input[name=from]", fieldKeys(first))
	b.Follow(".pop-date .btn-main")
	if got := b.zone(); got != "UTC" {
		t.Errorf("the form leads to %s", b.URL())
	}
	b.Go(s.url)
	if links := eval[[]string](b, "[...document.querySelectorAll('.bars-links a')].map(a => a.href.baseVal)"); len(links) == 0 || slices.ContainsFunc(links, func(link string) bool { return !strings.Contains(link, "tz=UTC") }) {
		t.Errorf("the bars lead to %q", links)
	}
	own := get(t, s.url+fmt.Sprintf("/?search=%s&tz=UTC", url.QueryEscape("from:"+first.Format(time.DateOnly))))
	if own.status != 200 {
		t.Errorf("an address with its zone: %d to %s", own.status, own.header.Get("Location"))
	}
}
