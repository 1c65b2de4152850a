package web

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bucket is how many events lie in a stretch of time, by category.
type Bucket struct {
	// From and To bound it, half-open, in the time zone of the chart.
	From, To time.Time
	Counts   map[string]uint64
	// Unread is set where the time did not suffice to count: it is not known to be empty.
	Unread bool
}

// Bars is a histogram as SVG attributes, in a view box that is as many units wide as
// there are buckets and Top high. Bars have exactly the height of their count. They fill
// their buckets but for a gap; few buckets have bars no wider than widestBar of the
// chart, where they begin.
type Bars struct {
	// ViewBox is the attribute.
	ViewBox string
	// Stacks are the categories that occur, the lowest first.
	Stacks []BarStack
	// Unread is the path of what was not counted; empty where all was.
	Unread string
	// Top is what the chart reaches up to: an even number that is easily read.
	Top uint64
	// Lines are the counts at which there is a line, the highest first.
	Lines []BarLine
	// Labels are those below the bars.
	Labels []BarLabel
}

// BarStack is what of a category is in all buckets.
type BarStack struct {
	Category string
	// Path is the attribute d.
	Path  string
	Count uint64
}

// BarLine is a count and where it is, in percent from the top.
type BarLine struct {
	Count uint64
	Y     string
}

// BarLabel says when a bucket begins.
type BarLabel struct {
	Bucket int
	// X is where it begins, in percent from the left.
	X    string
	Text string
}

// BarUnit is what the beginnings of labels differ by.
type BarUnit int

// All units, from the finest on.
const (
	UnitTime BarUnit = iota // of the clock, of one day or of several
	UnitDay
	UnitMonth
	UnitYear
)

// NewBars draws buckets that follow each other in time. The categories are stacked in
// the order in which they are given, and one that is not given lies on top by name. At
// most so many labels are made, where hours, days, months or years begin, by a function
// that is told what they are apart by.
func NewBars(buckets []Bucket, categories []string, mostLabels int, label func(begin time.Time, unit BarUnit) string) Bars {
	highest := uint64(0)
	for _, bucket := range buckets {
		highest = max(highest, sumOf(bucket.Counts))
	}
	b := Bars{Top: evenTop(highest)}
	b.ViewBox = fmt.Sprintf("0 0 %d %d", len(buckets), b.Top)
	b.Lines = []BarLine{{b.Top, "0%"}, {b.Top / 2, "50%"}}
	b.stack(buckets, stackOrder(buckets, categories))
	var unread strings.Builder
	for i, bucket := range buckets {
		if bucket.Unread {
			fmt.Fprintf(&unread, "M%d 0h1v%dh-1z", i, b.Top)
		}
	}
	b.Unread = unread.String()
	b.label(buckets, mostLabels, label)
	return b
}

// stackOrder is the order that is given, and after it what else occurs, by name.
func stackOrder(buckets []Bucket, categories []string) []string {
	counts := map[string]uint64{}
	for _, bucket := range buckets {
		for category, n := range bucket.Counts {
			counts[category] += n
		}
	}
	for _, category := range categories {
		delete(counts, category)
	}
	return slices.Concat(categories, slices.Sorted(maps.Keys(counts)))
}

// A bar fills barWidth of its bucket, of a chart widestBar at most.
const (
	barWidth  = .8
	widestBar = 1. / 24
)

// stack puts the bars of each category onto those of the ones before.
func (b *Bars) stack(buckets []Bucket, categories []string) {
	height := make([]uint64, len(buckets))
	width := min(barWidth, widestBar*float64(len(buckets)))
	// As much of a gap before the bar as behind one that fills its bucket.
	gap, across := fraction(width*(1-barWidth)/2/barWidth), fraction(width)
	for _, category := range categories {
		s := BarStack{Category: category}
		var path strings.Builder
		for i, bucket := range buckets {
			n := bucket.Counts[category]
			if n == 0 {
				continue
			}
			height[i] += n
			s.Count += n
			fmt.Fprintf(&path, "M%d%s %dh%sv%dh-%sz", i, gap, b.Top-height[i], across, n, across)
		}
		if s.Path = path.String(); s.Count > 0 {
			b.Stacks = append(b.Stacks, s)
		}
	}
}

// fraction writes a part of one without the 0 ahead of the point.
func fraction(part float64) string {
	return strings.TrimPrefix(strconv.FormatFloat(part, 'g', 3, 64), "0")
}

// evenTop returns the least of 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200 and so on that is
// not less than n: half of it is as easily read.
func evenTop(n uint64) uint64 {
	step := uint64(2)
	for n > 5*step && step < 1<<60 {
		step *= 10
	}
	return max(step, (n+step-1)/step*step)
}

// labelStep is a distance of labels: count tells the steps that were begun by a moment,
// by calendar and clock.
type labelStep struct {
	unit  BarUnit
	count func(time.Time) int
}

// labelSteps are all of them, from the finest on.
var labelSteps = func() []labelStep {
	var all []labelStep
	for _, minutes := range []int{1, 5, 15, 30, 60, 120, 180, 360, 720} {
		all = append(all, labelStep{UnitTime, func(t time.Time) int { return dayNumber(t)*24*60/minutes + (t.Hour()*60+t.Minute())/minutes }})
	}
	for _, days := range []int{1, 2, 7, 14} { // weeks begin on Monday, and day 0 was a Thursday
		all = append(all, labelStep{UnitDay, func(t time.Time) int { return (dayNumber(t) + 3) / days }})
	}
	for _, months := range []int{1, 3, 6} {
		all = append(all, labelStep{UnitMonth, func(t time.Time) int { return (t.Year()*12 + int(t.Month()) - 1) / months }})
	}
	for _, years := range []int{1, 2, 5, 10, 20, 50, 100} {
		all = append(all, labelStep{UnitYear, func(t time.Time) int { return t.Year() / years }})
	}
	return all
}()

// dayNumber counts the days of the calendar from 1970 on.
func dayNumber(t time.Time) int {
	const day = 24 * 60 * 60
	return int(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / day)
}

// begins returns the buckets that are the first to begin in a step. It returns nil where
// there is none, or where most buckets hold more than one step.
func (s *labelStep) begins(buckets []Bucket) []int {
	var begins []int
	longer := 0
	before := s.count(buckets[0].From.Add(-time.Millisecond))
	for i, bucket := range buckets {
		n := s.count(bucket.From)
		if n != before {
			begins = append(begins, i)
		}
		if before = n; s.count(bucket.To.Add(-time.Millisecond)) > n {
			longer++
		}
	}
	if 2*longer > len(buckets) {
		return nil
	}
	return begins
}

// label makes labels at the finest step that makes no more than so many.
func (b *Bars) label(buckets []Bucket, most int, label func(time.Time, BarUnit) string) {
	if len(buckets) == 0 || most < 1 {
		return
	}
	at, unit := []int{0}, UnitTime // where no step begins in view
	for _, step := range labelSteps {
		begins := step.begins(buckets)
		if begins == nil {
			continue
		}
		if at, unit = begins, step.unit; len(begins) <= most {
			break
		}
	}
	for _, i := range at[:min(len(at), most)] {
		x := strconv.FormatFloat(100*float64(i)/float64(len(buckets)), 'f', 2, 64) + "%"
		b.Labels = append(b.Labels, BarLabel{i, x, label(buckets[i].From, unit)})
	}
}
