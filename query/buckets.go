package query

import (
	"fmt"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/search"
)

// bucket is a length of time that histograms are divided into: a step, days or months.
type bucket struct {
	name         string
	step         time.Duration
	days, months int
}

// buckets are all of them, the finest first.
var buckets = []bucket{
	{name: "1m", step: time.Minute},
	{name: "5m", step: 5 * time.Minute},
	{name: "15m", step: 15 * time.Minute},
	{name: "1h", step: time.Hour},
	{name: "3h", step: 3 * time.Hour},
	{name: "6h", step: 6 * time.Hour},
	{name: "12h", step: 12 * time.Hour},
	{name: "1d", days: 1},
	{name: "1w", days: 7},
	{name: "1mo", months: 1},
	{name: "1q", months: 3},
	{name: "1y", months: 12},
	{name: "10y", months: 120},
}

// length is how long one is, about.
func (b bucket) length() time.Duration {
	const day, month = 24 * time.Hour, 30*24*time.Hour + 10*time.Hour + 29*time.Minute
	return b.step + time.Duration(b.days)*day + time.Duration(b.months)*month
}

// begin returns the edge at or before a moment.
func (b bucket) begin(t time.Time, zone *time.Location) time.Time {
	shown := t.In(zone)
	day := time.Date(shown.Year(), shown.Month(), shown.Day(), 0, 0, 0, 0, time.UTC)
	switch {
	case b.months > 0:
		day = firstOf(monthOf(day) / b.months * b.months)
	case b.days == 7:
		day = day.AddDate(0, 0, -(int(day.Weekday())+6)%7) // Monday
	}
	edge := dayBegin(day, zone)
	for next := b.next(edge, zone); !next.After(t); next = b.next(edge, zone) {
		edge = next
	}
	return edge
}

// next returns the edge after an edge.
func (b bucket) next(edge time.Time, zone *time.Location) time.Time {
	shown := edge.In(zone)
	day := time.Date(shown.Year(), shown.Month(), shown.Day(), 0, 0, 0, 0, time.UTC)
	if b.months > 0 {
		return dayBegin(firstOf(monthOf(day)/b.months*b.months+b.months), zone)
	}
	following := dayBegin(day.AddDate(0, 0, max(b.days, 1)), zone)
	if b.days > 0 {
		return following
	}
	next := edge.Add(b.step - clock(shown)%b.step)
	// A clock that was set between the two shows no full step: the full one before, if
	// that was after the edge, or the one that comes.
	if over := clock(next.In(zone)) % b.step; over != 0 {
		before := next.Add(-over)
		if next = next.Add(b.step - over); before.After(edge) && clock(before.In(zone))%b.step == 0 {
			next = before
		}
	}
	if following.After(edge) && following.Before(next) {
		return following
	}
	return next
}

// monthOf counts months from the year 0.
func monthOf(day time.Time) int { return day.Year()*12 + int(day.Month()) - 1 }

func firstOf(month int) time.Time {
	return time.Date(month/12, time.Month(month%12+1), 1, 0, 0, 0, 0, time.UTC)
}

// clock is what a clock shows, since midnight.
func clock(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
}

// dayBegin returns when a day of the calendar begins in a zone, which is not at midnight
// where clocks are set forward then.
func dayBegin(day time.Time, zone *time.Location) time.Time { return search.Moment(day, zone).UTC() }

// edges divides the time from one moment to another into buckets, at most so many: the
// edges are those of the calendar. It returns nil where there are more.
func (b bucket) edges(from, to time.Time, zone *time.Location, most int) []time.Time {
	if to.Sub(from)/b.length() > time.Duration(most)*5/4+2 {
		return nil
	}
	edges := []time.Time{b.begin(from, zone)}
	for last := edges[0]; last.Before(to); {
		if len(edges) > most {
			return nil
		}
		last = b.next(last, zone)
		edges = append(edges, last)
	}
	return edges
}

// The bounds of how many buckets a histogram has.
const (
	mostAutomatic = 120
	mostBuckets   = 1000
)

// automatic is the value of the parameter bucket that leaves the choice to the server.
const automatic = "auto"

// bucket returns the length of the buckets that was asked for; the zero one leaves it to
// the server.
func (p params) bucket() (bucket, error) {
	value := p.one("bucket")
	if value == "" || value == automatic {
		return bucket{}, nil
	}
	names := []string{automatic}
	for _, b := range buckets {
		if b.name == value {
			return b, nil
		}
		names = append(names, b.name)
	}
	return bucket{}, invalid("bucket", fmt.Sprintf("bucket is %q. Give one of %s.", search.Short(value), strings.Join(names, ", ")))
}

// divide returns the edges of the buckets between two moments, and the bucket: the one
// that was asked for, or the finest of which there are not too many.
func divide(asked bucket, from, to time.Time, zone *time.Location) (bucket, []time.Time, error) {
	if asked.name != "" {
		if edges := asked.edges(from, to, zone, mostBuckets); edges != nil {
			return asked, edges, nil
		}
		larger, _ := finest(from, to, zone, mostBuckets)
		return asked, nil, invalid("bucket", fmt.Sprintf("bucket is %q, of which there are more than %d from %s to %s. Give %s or a larger one, or a shorter time with from and to.",
			asked.name, mostBuckets, from.In(zone).Format(time.RFC3339), to.In(zone).Format(time.RFC3339), larger.name))
	}
	b, edges := finest(from, to, zone, mostAutomatic)
	return b, edges, nil
}

func finest(from, to time.Time, zone *time.Location, most int) (bucket, []time.Time) {
	for _, b := range buckets {
		if edges := b.edges(from, to, zone, most); edges != nil {
			return b, edges
		}
	}
	last := buckets[len(buckets)-1]
	return last, last.edges(from, to, zone, mostBuckets)
}
