package search

import (
	"strings"
	"time"
)

// startOf and endOf come before the name of a period and make a moment of it.
const (
	startOf = "start of "
	endOf   = "end of "
)

// nameOf writes the name of a time or period in its usual form.
func nameOf(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '-' || r == '_' {
			return ' '
		}
		return r
	}, strings.ToLower(text))
	return strings.Join(strings.Fields(text), " ")
}

// period is a stretch of the calendar with a name.
type period struct {
	name string
	// begin returns the day on which it begins, given today's.
	begin func(today time.Time) time.Time
	// months and days are how long it is.
	months, days int
}

// periods are all of them.
var periods = []period{
	{"today", dayBegin(0), 0, 1},
	{"yesterday", dayBegin(-1), 0, 1},
	{"tomorrow", dayBegin(1), 0, 1},
	{"this week", weekBegin(0), 0, 7},
	{"last week", weekBegin(-7), 0, 7},
	{"this month", monthBegin(1, 0), 1, 0},
	{"last month", monthBegin(1, -1), 1, 0},
	{"this quarter", monthBegin(3, 0), 3, 0},
	{"last quarter", monthBegin(3, -3), 3, 0},
	{"this year", monthBegin(12, 0), 12, 0},
	{"last year", monthBegin(12, -12), 12, 0},
}

func dayBegin(days int) func(time.Time) time.Time {
	return func(today time.Time) time.Time { return today.AddDate(0, 0, days) }
}

// weekBegin returns the Monday of the week, and so many days after it.
func weekBegin(days int) func(time.Time) time.Time {
	return func(today time.Time) time.Time {
		sinceMonday := (int(today.Weekday()) + 6) % 7
		return today.AddDate(0, 0, days-sinceMonday)
	}
}

// monthBegin returns the first day of the month, quarter (3 months) or year (12), and
// so many months after it.
func monthBegin(length, months int) func(time.Time) time.Time {
	return func(today time.Time) time.Time {
		into := (int(today.Month()) - 1) % length
		return today.AddDate(0, months-into, 1-today.Day())
	}
}

// timeNames are the names that ParseTime knows.
func timeNames() []string {
	names := []string{"now"}
	for _, p := range periods {
		names = append(names, p.name)
	}
	return names
}

// findPeriod returns the period that a text names.
func findPeriod(text string) (period, bool) {
	name := nameOf(text)
	for _, p := range periods {
		if p.name == name {
			return p, true
		}
	}
	return period{}, false
}

// isPeriod reports whether a text is the name of a period.
func isPeriod(text string) bool {
	_, found := findPeriod(text)
	return found
}

// readNamed reads now and what the names of periods stand for.
func readNamed(text string, bound Bound, now time.Time, loc *time.Location) (t time.Time, known bool) {
	name := nameOf(text)
	if name == "now" {
		return now, true
	}
	if of, found := strings.CutPrefix(name, startOf); found {
		name, bound = of, From
	} else if of, found := strings.CutPrefix(name, endOf); found {
		name, bound = of, To
	}
	p, found := findPeriod(name)
	if !found {
		return time.Time{}, false
	}
	today := shownAt(now, loc).Truncate(24 * time.Hour) // a day of UTC, of the calendar only
	day := p.begin(today)
	if bound == To {
		day = day.AddDate(0, p.months, p.days)
	}
	return Moment(day, loc), true
}
