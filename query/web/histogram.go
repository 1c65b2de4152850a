package web

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// Counted is how many events match, over time.
type Counted struct {
	// Edges divide the time; bucket i lies between edge i and the next. There are none
	// where nothing was counted.
	Edges []time.Time
	// Counts are those of each bucket, by category.
	Counts []map[string]uint64
	// Daily is set where the edges between the first and the last begin days.
	Daily bool
	// Reached is up to where all was counted; zero where that is everything.
	Reached time.Time
	// Total is how many events there are in the log; nil where that is not known or not
	// asked.
	Total *store.Count
}

// sum is how many events were counted.
func (c *Counted) sum() uint64 {
	total := uint64(0)
	for _, bucket := range c.Counts {
		total += sumOf(bucket)
	}
	return total
}

// sumOf adds up the counts of all categories.
func sumOf(counts map[string]uint64) uint64 {
	total := uint64(0)
	for _, n := range counts {
		total += n
	}
	return total
}

// Histogram is the chart above the table, in place of which stands one without bars until
// it is there.
type Histogram struct {
	// ID is that of the question, by which a chart stays when only the rows change.
	ID   string
	Keep bool
	// Load is where the chart comes from; empty when it is there.
	Load string
	// Failed says why there is none.
	Failed string
	Bars   Bars
	Axis   []AxisLabel
	// Crowded is set where a phone has no room for all labels of the axis.
	Crowded bool
	Scale   []ScaleLabel
	// ScaleWidth is how many characters the longest label of the scale has.
	ScaleWidth int
	Legend     []LegendEntry
	Table      ChartTable
	// Links are the bars as links, for browsers that run no scripts.
	Links []BarLink
	Brush Brush
	// Count is how many events there are, which htmx puts into its place.
	Count *CountView
}

// Brush is what a script needs to select a stretch of the chart. Lists are joined by "|".
type Brush struct {
	// Log is the address of the log without a line, Line its line without dates, and Zone
	// what of it follows the dates. TZ is the zone that the dates are in where that says
	// none.
	Log, Line, Zone, TZ string
	// Compare is the address that compares with the line in force.
	Compare string
	// Edges are as the line takes them; Begins and Ends what people read for them.
	Edges, Begins, Ends string
	Counts              string
	// Unread is how many buckets of the first ones were not counted, or not whole.
	Unread int
	Last   int
}

// AxisLabel stands below the bars, where its text begins.
type AxisLabel struct {
	X, Text string
}

// ScaleLabel is a count, at a line of the chart.
type ScaleLabel struct{ Y, Text string }

// LegendEntry is a category, and how many events it has.
type LegendEntry struct {
	Label, Class, Count string
	// Link asks for the category alone, or no more when it is chosen.
	Link   string
	Chosen bool
}

// ChartTable says what the chart shows.
type ChartTable struct {
	Columns []string
	Rows    []ChartRow
}

// ChartRow is a bucket that is not empty.
type ChartRow struct {
	Label  string
	Counts []string
}

// BarLink is a bar, in the units of the chart.
type BarLink struct {
	X, Height uint64
	Link      string
	Label     string
}

// mostAxisLabels fit below the chart of a phone where none has more than roomyLetters, as
// 21 Sep; of longer ones roomyLabels do.
const (
	mostAxisLabels = 6
	roomyLabels    = 4
	roomyLetters   = 6
)

// histogram is the place of the chart; it is filled where what it shows is known already.
func (v *View) histogram(c *Counted, keep bool) *Histogram {
	h := &Histogram{ID: v.chartID(), Legend: v.legend(nil, false)}
	if c != nil && len(c.Edges) > 0 {
		h = v.Histogram(c)
	}
	if h.Keep = keep; c == nil || len(c.Edges) == 0 || !c.Reached.IsZero() { // a script has the time for more
		h.Load = v.address("/fragments/histogram", v.Text)
	}
	return h
}

// chartID tells charts of different questions apart.
func (v *View) chartID() string {
	sum := fnv.New32a()
	_, _ = fmt.Fprintln(sum, v.Kept.Get("tenant"), v.Text, v.Zone, v.Lang.Tag) // it takes everything
	return strconv.FormatUint(uint64(sum.Sum32()), 36)
}

// Histogram draws what was counted. Where nothing was it says so.
func (v *View) Histogram(c *Counted) *Histogram {
	h := &Histogram{ID: v.chartID()}
	counts := map[string]uint64{}
	buckets := make([]Bucket, len(c.Counts))
	for i, bucket := range c.Counts {
		buckets[i] = Bucket{From: c.Edges[i].In(v.Zone), To: c.Edges[i+1].In(v.Zone), Counts: bucket, Unread: c.Edges[i].Before(c.Reached)}
		if buckets[i].Unread {
			h.Brush.Unread = i + 1
		}
		for category, n := range bucket {
			counts[category] += n
		}
	}
	// Nothing of what was not counted at all is none of it.
	h.Legend = v.legend(counts, len(buckets) > 0 && (c.Reached.IsZero() || c.sum() > 0))
	if len(buckets) == 0 {
		return v.noChart(h)
	}
	count := store.Count{Count: c.sum(), Reached: c.Reached}
	said := v.Count(count, c.Total)
	said.OutOfBand = true
	h.Count = &said
	var categories []string
	for _, category := range action.Categories() {
		categories = append(categories, string(category))
	}
	h.Bars = NewBars(buckets, categories, mostAxisLabels, v.axisLabel)
	for _, l := range h.Bars.Labels {
		if long := utf8.RuneCountInString(l.Text) > roomyLetters; long && 100*l.Bucket > 97*len(buckets) && len(h.Axis) > 0 {
			continue // a phone has no room for it
		}
		h.Axis = append(h.Axis, AxisLabel{l.X, l.Text})
		h.Crowded = h.Crowded || len(h.Bars.Labels) > roomyLabels && utf8.RuneCountInString(l.Text) > roomyLetters
	}
	for _, l := range h.Bars.Lines {
		label := ScaleLabel{l.Y, v.Lang.short(l.Count)}
		h.Scale, h.ScaleWidth = append(h.Scale, label), max(h.ScaleWidth, utf8.RuneCountInString(label.Text))
	}
	begins, ends := v.brush(h, c, buckets)
	v.chartTable(h, buckets, begins, ends)
	return h
}

// FailedHistogram says that there is no chart.
func (v *View) FailedHistogram() *Histogram {
	return v.noChart(&Histogram{ID: v.chartID(), Legend: v.legend(nil, false)})
}

func (v *View) noChart(h *Histogram) *Histogram {
	h.Failed = v.Lang.say("chart.failed")
	return h
}

// axisLabel says when a bucket begins. At midnight that is a day.
func (v *View) axisLabel(begin time.Time, unit BarUnit) string {
	layout := [...]string{UnitTime: "axis_time", UnitDay: "axis_day", UnitMonth: "axis_month", UnitYear: "axis_year"}[unit]
	if unit == UnitTime && midnight(begin) {
		layout = "axis_day"
	}
	return v.Lang.time(layout, begin)
}

// short writes a count for the scale, which is an even number of few digits.
func (l *Language) short(n uint64) string {
	unit, least := "", uint64(10_000)
	for _, larger := range []string{"k", "M", "G", "T"} {
		if n < least || n%1000 != 0 {
			break
		}
		n, unit, least = n/1000, larger, 1000
	}
	return l.number(n) + unit
}

// legend has all categories, so that its height is always the same.
func (v *View) legend(counts map[string]uint64, known bool) []LegendEntry {
	var all []LegendEntry
	for _, category := range action.Categories() {
		name := string(category)
		e := LegendEntry{Label: v.Lang.say("category." + name), Class: "t-" + name, Count: "–"}
		if known {
			e.Count = v.Lang.number(counts[name])
		}
		asked := values(v.Line, "category", false)
		switch e.Chosen = len(asked) == 1 && asked[0] == name; {
		case e.Chosen:
			e.Link = v.logLink(withoutFields(v.Line, "category"))
		case counts[name] > 0:
			e.Link = v.logLink(only(v.Line, "category", name))
		}
		all = append(all, e)
	}
	return all
}

// brush says what the buckets are to a script and, to browsers that run none, as links.
// It returns when the buckets begin and end, for people.
func (v *View) brush(h *Histogram, c *Counted, buckets []Bucket) (begins, ends []string) {
	rest := withoutDates(v.Line)
	rest.Zone = ""
	b := &h.Brush
	b.Log, b.Line, b.Compare, b.Last = v.clear(), rest.String(), v.address("/compare", "", "against", v.Text), len(buckets)-1
	if v.Line.Zone != "" {
		b.Zone = search.Line{Zone: v.Line.Zone}.String()
	} else {
		b.TZ = v.Zone.String()
	}
	edges := make([]string, len(c.Edges))
	for i, edge := range c.Edges {
		edges[i] = v.lineTime(edge)
	}
	var counts []string
	for i, bucket := range buckets {
		begin, end := v.bucketEnds(bucket, c.Daily)
		begins, ends = append(begins, begin), append(ends, end)
		n := sumOf(bucket.Counts)
		counts = append(counts, strconv.FormatUint(n, 10))
		if n > 0 && !v.Prefs.Scripts {
			h.Links = append(h.Links, BarLink{
				X: uint64(i), Height: h.Bars.Top, Link: v.address("/", b.zoomed(edges[i], edges[i+1]), "tz", b.TZ),
				Label: v.bucketWords(begin, end) + ": " + v.Lang.sayN("events", n),
			})
		}
	}
	b.Edges, b.Begins, b.Ends, b.Counts = strings.Join(edges, "|"), strings.Join(begins, "|"), strings.Join(ends, "|"), strings.Join(counts, "|")
	return begins, ends
}

// zoomed is the line of a stretch of the chart.
func (b *Brush) zoomed(from, to string) string {
	return joined(" ", b.Line, "after:"+from, "before:"+to, b.Zone)
}

// bucketEnds say from when to when a bucket is: days take in the last.
func (v *View) bucketEnds(b Bucket, daily bool) (begin, end string) {
	if daily {
		return v.Lang.time("day", b.From), v.Lang.time("day", b.To.Add(-time.Millisecond))
	}
	return v.brief(b.From), v.brief(b.To)
}

func (v *View) bucketWords(begin, end string) string {
	if begin == end {
		return begin
	}
	return begin + " – " + end
}

// lineTime writes a time for the search line, as shortly as it means that very time in
// the zone of the page.
func (v *View) lineTime(t time.Time) string {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		text := t.In(v.Zone).Format(layout)
		if read, err := search.ParseTime(text, search.From, v.Now, v.Zone); err == nil && read.Equal(t) {
			return text
		}
	}
	return t.UTC().Format(store.TimeLayout)
}

// chartTable says the chart in numbers.
func (v *View) chartTable(h *Histogram, buckets []Bucket, begins, ends []string) {
	h.Table.Columns = []string{v.Lang.say("chart.time"), v.Lang.say("chart.events")}
	for _, stack := range h.Bars.Stacks {
		h.Table.Columns = append(h.Table.Columns, v.Lang.say("category."+stack.Category))
	}
	for i, bucket := range buckets {
		n := sumOf(bucket.Counts)
		if n == 0 {
			continue
		}
		row := ChartRow{Label: v.bucketWords(begins[i], ends[i]), Counts: []string{v.Lang.number(n)}}
		for _, stack := range h.Bars.Stacks {
			row.Counts = append(row.Counts, v.Lang.number(bucket.Counts[stack.Category]))
		}
		h.Table.Rows = append(h.Table.Rows, row)
	}
}
