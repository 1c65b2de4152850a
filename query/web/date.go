package web

import (
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/search"
)

// DateMenu is the menu of dates.
type DateMenu struct {
	Presets []Preset
	// From and To are for fields of the kind datetime-local.
	From, To string
	Zone     string
}

// Preset is a date range that has a name.
type Preset struct {
	Label, Link string
	Active      bool
}

// presets are the date ranges that have names: their message and how the line says them.
var presets = []struct{ id, from, to string }{
	{"date.last_15m", "-15m", ""},
	{"date.last_hour", "-1h", ""},
	{"date.today", "today", ""},
	{"date.yesterday", "yesterday", "yesterday"},
	{"date.last_7d", "-7d", ""},
	{"date.last_30d", "-30d", ""},
	{"date.this_month", "this-month", ""},
	{"date.last_month", "last-month", "last-month"},
	{"date.this_year", "this-year", ""},
	{"date.all", "", ""},
}

func withoutDates(l search.Line) search.Line {
	l.From, l.To = "", ""
	return l
}

// preset is the place of the range that is chosen among presets, -1 where it has no name.
func (v *View) preset() int {
	same := func(said, preset string) bool {
		return strings.ReplaceAll(strings.ToLower(said), " ", "-") == preset
	}
	for i, p := range presets {
		if same(v.Line.From, p.from) && same(v.Line.To, p.to) {
			return i
		}
	}
	return -1
}

func (v *View) dateMenu() DateMenu {
	from, to := v.dates()
	m := DateMenu{From: fieldTime(from), To: fieldTime(to), Zone: zoneWords(v.Now)}
	chosen := v.preset()
	for i, p := range presets {
		line := v.Line
		line.From, line.To = p.from, p.to
		m.Presets = append(m.Presets, Preset{v.Lang.say(p.id), v.logLink(line), i == chosen})
	}
	return m
}

// dates are those that are chosen, in the zone of the page. Of a time ago the seconds are
// only those of the question: they are left out.
func (v *View) dates() (from, to time.Time) {
	shown := func(t time.Time, said string) time.Time {
		if strings.HasPrefix(said, "-") {
			t = t.Truncate(time.Minute)
		}
		return v.in(t)
	}
	return shown(v.Filter.From, v.Line.From), shown(v.Filter.To, v.Line.To)
}

// in is a time in the zone of the page, zero where it is zero.
func (v *View) in(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(v.Zone)
}

// dateWords says which dates are chosen, by their range's name if it has one.
func (v *View) dateWords() string {
	if v.Line.From == "" && v.Line.To == "" {
		return ""
	}
	if i := v.preset(); i >= 0 {
		return v.Lang.say(presets[i].id)
	}
	from, to := v.dates()
	switch {
	case from.IsZero() && to.IsZero(): // they could not be read
		return strings.TrimSpace(v.Line.From + " – " + v.Line.To)
	case to.IsZero():
		return v.Lang.say("date.since", "Time", v.moment(from))
	case from.IsZero():
		return v.Lang.say("date.before", "Time", v.moment(to))
	case midnight(from) && midnight(to):
		last := to.AddDate(0, 0, -1)
		if last.Equal(from) {
			return v.Lang.time("day", from)
		}
		return v.Lang.time("day", from) + " – " + v.Lang.time("day", last)
	default:
		return v.moment(from) + " – " + v.moment(to)
	}
}

// moment says when a time is, no more exactly than it needs: a day for midnight.
func (v *View) moment(t time.Time) string {
	switch {
	case midnight(t):
		return v.Lang.time("day", t)
	case t.Second() == 0 && t.Nanosecond() == 0:
		return v.Lang.time("minute", t)
	default:
		return v.Lang.time("second", t)
	}
}

func midnight(t time.Time) bool {
	return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 && t.Nanosecond() == 0
}
