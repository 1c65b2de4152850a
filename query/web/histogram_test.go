package web

import (
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// viewOf is a view in Berlin of what a line asks.
func viewOf(t *testing.T, line string) *View {
	t.Helper()
	site, err := New(catalogue(t))
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	read, err := search.Parse(line, lineFields)
	if err != nil {
		t.Fatal(err)
	}
	return site.View(Request{Lang: site.Language("en", ""), Now: time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC), Zone: berlin, Text: line, Line: read})
}

// A label begins where its bar does, near the right end too: one for which a phone has no
// room there is left out.
func TestLabelsOfTheAxisStandWhereTheirBarsBegin(t *testing.T) {
	t.Parallel()
	v := viewOf(t, "")
	f := func(month time.Month, day, days int, want string) {
		t.Helper()
		c := &Counted{Daily: true}
		for i := range days + 1 {
			c.Edges = append(c.Edges, time.Date(2026, month, day+i, 0, 0, 0, 0, v.Zone))
		}
		for range days {
			c.Counts = append(c.Counts, map[string]uint64{"view": 1})
		}
		var got []string
		for _, l := range v.Histogram(c).Axis {
			got = append(got, l.X+" "+l.Text)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("the axis has %q, want %s", got, want)
		}
	}
	f(9, 19, 39, "5.13% 21 Sep, 23.08% 28 Sep, 41.03% 5 Oct, 58.97% 12 Oct, 76.92% 19 Oct, 94.87% 26 Oct")
	f(7, 6, 120, "21.67% Aug 2026, 47.50% Sep 2026, 72.50% Oct 2026")
}

func TestHistogramSaysWhatItDidNotRead(t *testing.T) {
	t.Parallel()
	v := viewOf(t, "invoice after:2026-10-24 tz:Europe/Berlin")
	at := func(day int) time.Time { return time.Date(2026, 10, day, 0, 0, 0, 0, v.Zone) }
	c := &Counted{
		Edges: []time.Time{at(24), at(25), at(26), at(27)}, Daily: true, Reached: at(25).Add(time.Hour), Total: &store.Count{Count: 1000},
		Counts: []map[string]uint64{{}, {"view": 2}, {"view": 3, "delete": 1}},
	}
	h := v.Histogram(c)
	if h.Count.Count != "At least 6 events" || h.Count.Total != "1,000" || h.Brush.Unread != 2 || h.Bars.Unread != "M0 0h1v4h-1zM1 0h1v4h-1z" {
		t.Errorf("count %+v, %d unread, %q", h.Count, h.Brush.Unread, h.Bars.Unread)
	}
	if got := h.Brush.Edges; got != "2026-10-24|2026-10-25|2026-10-26|2026-10-27" {
		t.Errorf("edges %q", got)
	}
	if got, want := h.Links[1].Link, v.link("invoice after:2026-10-26 before:2026-10-27 tz:Europe/Berlin"); got != want {
		t.Errorf("a bar leads to %s, want %s", got, want)
	}
	if got := h.Links[1].Label; got != "26 Oct 2026: 4 events" {
		t.Errorf("a bar is called %q", got)
	}
	legend := func(h *Histogram) string {
		var counts []string
		for _, e := range h.Legend {
			counts = append(counts, e.Count)
		}
		return strings.Join(counts, " ")
	}
	if got := legend(h); got != "5 0 0 0 0 0 0 1" {
		t.Errorf("legend %s", got)
	}
	c.Counts, c.Reached = []map[string]uint64{{}, {}, {}}, at(27)
	if got := legend(v.Histogram(c)); got != "– – – – – – – –" {
		t.Errorf("where nothing was counted: legend %s", got)
	}
	if none := v.Histogram(&Counted{}); none.Failed == "" || none.Count != nil || len(none.Legend) != 8 {
		t.Errorf("without anything counted: %+v", none)
	}
}

// A phone shows every second label where they would touch.
func TestLongLabelsAreCrowded(t *testing.T) {
	t.Parallel()
	v := viewOf(t, "")
	f := func(months, want int, crowded bool) {
		t.Helper()
		c := &Counted{Edges: []time.Time{time.Date(2026, 1, 1, 0, 0, 0, 0, v.Zone)}, Daily: true}
		for i := range months {
			c.Edges = append(c.Edges, c.Edges[i].AddDate(0, 1, 0))
			c.Counts = append(c.Counts, map[string]uint64{"view": 1})
		}
		if h := v.Histogram(c); len(h.Axis) != want || h.Crowded != crowded {
			t.Errorf("%d months: %+v, crowded %t", months, h.Axis, h.Crowded)
		}
	}
	f(3, 3, false)
	f(6, 6, true)
}

func TestStretchesAreShort(t *testing.T) {
	t.Parallel()
	v := viewOf(t, "")
	f := func(first, last time.Time, want string) {
		t.Helper()
		if got := v.stretch(first, last); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	now := time.Date(2026, 11, 24, 13, 30, 30, 0, time.UTC)
	f(now, now.Add(-time.Second), "24 Nov 14:30")
	f(now, now.Add(-time.Hour), "24 Nov 14:30 – 13:30")
	f(now, now.AddDate(0, 0, -1), "24 Nov 14:30 – 23 Nov 14:30")
	f(now, now.AddDate(-1, 0, 0), "24 Nov 2026, 14:30 – 24 Nov 2025, 14:30")
	f(now.AddDate(-1, 0, 0), now.AddDate(-1, 0, -1), "24 Nov 2025, 14:30 – 23 Nov 2025, 14:30")
}

// A time in the line means that very moment, in the hour that a clock shows twice too.
func TestLineTimesMeanTheMoment(t *testing.T) {
	t.Parallel()
	v := viewOf(t, "")
	f := func(at time.Time, want string) {
		t.Helper()
		got := v.lineTime(at)
		if read, err := search.ParseTime(got, search.From, v.Now, v.Zone); got != want || err != nil || !read.Equal(at) {
			t.Errorf("%s: %q means %s (%v), want %q", at, got, read, err, want)
		}
	}
	f(time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC), "2026-11-24")
	f(time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC), "2026-11-24T06:00")
	f(time.Date(2026, 11, 24, 5, 0, 7, 0, time.UTC), "2026-11-24T06:00:07")
	f(time.Date(2026, 11, 24, 5, 0, 7, 8e6, time.UTC), "2026-11-24T05:00:07.008Z")
	f(time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), "2026-10-25T02:30")
	f(time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC), "2026-10-25T01:30:00.000Z")
}

func TestScalesAreShort(t *testing.T) {
	t.Parallel()
	site, err := New(catalogue(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := site.Language("de", "").short(6000); got != "6.000" {
		t.Errorf("6000 is %q in German", got)
	}
	for n, want := range map[uint64]string{2: "2", 80: "80", 6000: "6,000", 10_000: "10k", 500_000: "500k", 1_000_000: "1M", 2_000_000_000: "2G"} {
		if got := site.Language("en", "").short(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestSharesAreReadable(t *testing.T) {
	t.Parallel()
	site, err := New(catalogue(t))
	if err != nil {
		t.Fatal(err)
	}
	f := func(lang string, share float64, want string) {
		t.Helper()
		if got := site.Language(lang, "").percent(share); got != want {
			t.Errorf("%v: %q, want %q", share, got, want)
		}
	}
	f("en", 0, "0%")
	f("en", 0.00004, "< 0.1%")
	f("en", 0.0123, "1.2%")
	f("en", 0.345, "34%")
	f("en", 1, "100%")
	f("de", 0.0123, "1,2\u00a0%")
}
