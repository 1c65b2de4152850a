package search

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Bound says which end of a span of time a text gives.
type Bound int

// The bounds: what is asked for lies at or after From and before To.
const (
	From Bound = iota
	To
)

// The forms of a time that say what the clock or the calendar shows.
var (
	yearForm    = regexp.MustCompile(`^\d{4}$`)
	monthForm   = regexp.MustCompile(`^\d{4}-\d\d$`)
	dateForm    = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	minuteForm  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d$`)
	secondForm  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$`)
	momentForm  = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)$`)
	leapSecond  = regexp.MustCompile(`:60(?:\.\d+)?`)
	spaceOffset = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d:\d\d)$`)
	// People paste −7d and –7d, with a minus sign or a dash.
	relativeForm = regexp.MustCompile(`^([-−–]?) ?(\d+) ?(\pL+)$`)
)

// timeForms is what errors tell people to write.
const timeForms = "give RFC 3339 such as 2026-11-24T18:00:00+01:00, a time in the time zone such as 2026-11-24T18:00, 2026-11-24, 2026-11 or 2026, " +
	"a time ago such as -24h, -7d, -2w, -3mo or -1y, or now, today, yesterday, tomorrow, this week, last week, month, quarter or year"

// The times that can be told apart. Events lie between 1970 and 2100; what is
// asked beyond these bounds is asked at the bound, so that 0001-01-01 and
// 9999-12-31 mean all there is.
var (
	minTime = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	maxTime = time.Date(2299, 12, 31, 23, 59, 59, 0, time.UTC)
)

// InBounds reports whether a time is one that ParseTime returns: none before 1900 or after
// 2299 is.
func InBounds(t time.Time) bool { return !t.Before(minTime) && !t.After(maxTime) }

// ParseTime reads a time as people write it for from and to, and returns it in UTC.
//
// These are moments, whichever bound they are for:
//   - RFC 3339 with its leap seconds, also without seconds, with t and z, and with a space for the + of its
//     offset, as a + that is not written as %2B arrives;
//   - a time, date, month or year without an offset: the moment at which it begins in
//     loc, so that from=2026-03 and to=2026-04 are March;
//   - now; -24h, -90m and -30s, which are exact; -7d, -2w, -3mo and -1y, which move the
//     calendar in loc and keep what the clock shows. Where a month has no such day it is
//     the month's last. Units may be written out, as in "-3 months".
//   - "start of" and "end of" with the name of a period.
//
// The names of periods are today, yesterday, tomorrow, and week, month, quarter and year
// with this or last before them; weeks begin on Monday, as in ISO 8601. From a period is
// from its begin, and to a period is to its end: from=last month and to=last month are
// that month. Case does not matter, and last-month is as good as "last month".
//
// What the clock skips, when it is set forward, is the moment at which it is; what it
// shows twice is the first. So a day without a midnight begins when its clock does.
//
// What lies before 1900 or after 2299 is the bound. The error is an *Error without a
// column, which names all forms.
func ParseTime(text string, bound Bound, now time.Time, loc *time.Location) (time.Time, error) {
	t, err := readTime(text, bound, now, loc)
	if err != nil {
		return time.Time{}, err
	}
	return t, nil
}

func readTime(text string, bound Bound, now time.Time, loc *time.Location) (time.Time, *Error) {
	t, problem := readMoment(text, loc)
	if problem == unknownForm {
		t, problem = readRelative(text, now, loc)
	}
	if problem == unknownForm {
		var known bool
		if t, known = readNamed(text, bound, now, loc); known {
			problem = ""
		}
	}
	if problem != "" {
		return time.Time{}, notTime(text, problem, now, loc)
	}
	t = t.Round(0).UTC() // without the reading of the monotonic clock
	switch {
	case t.Before(minTime):
		return minTime, nil
	case t.After(maxTime):
		return maxTime, nil
	}
	return t, nil
}

// IsZoned reports whether a time that ParseTime takes is another one in another time zone:
// a date is, and the name of a period; a moment with its offset and a time ago are not.
func IsZoned(text string) bool {
	now := time.Unix(0, 0)
	east, err := readTime(text, From, now, time.FixedZone("", 14*60*60))
	if err != nil {
		return false
	}
	west, _ := readTime(text, From, now, time.FixedZone("", -12*60*60))
	return !east.Equal(west)
}

// unknownForm is the problem of a text that another reader may know.
const unknownForm = "unknown form"

func notTime(text, problem string, now time.Time, loc *time.Location) *Error {
	e := &Error{Problem: strconv.Quote(Short(text)) + " is not a time (" + problem + ")", Suggestion: timeForms, Fault: faultTime, About: Short(text)}
	guess := guessTime(text, now, loc)
	if relativeForm.MatchString(text) && problem == noSign {
		guess = "-" + text
	}
	if guess != "" {
		e.Guess = guess
		e.Suggestion = "did you mean " + guess + "? Or " + timeForms
	}
	return e
}

// agoForm is how people say a time ago: "3 days ago", "last 7 days".
var agoForm = regexp.MustCompile(`^(?:(?:the )?(?:last|past) )?(\d+) ?(\pL+)(?: ago)?$`)

// guessTime is a time that a text which is none may have meant; empty if nothing is near.
func guessTime(text string, now time.Time, loc *time.Location) string {
	name := nameOf(text)
	if parts := agoForm.FindStringSubmatch(name); parts != nil {
		ago := "-" + parts[1] + parts[2]
		if _, problem := readRelative(ago, now, loc); problem == "" {
			return ago
		}
	}
	today := shownAt(now, loc)
	for ago := range 7 {
		day := today.AddDate(0, 0, -ago)
		for _, known := range []string{day.Weekday().String(), day.Weekday().String()[:3]} {
			if strings.TrimPrefix(name, "last ") == strings.ToLower(known) {
				return day.Format(time.DateOnly)
			}
		}
	}
	return Nearest(name, timeNames())
}

// readMoment reads what the clock and the calendar show; problem is empty if it can.
func readMoment(value string, loc *time.Location) (t time.Time, problem string) {
	text := strings.ToUpper(value) // RFC 3339 allows t and z
	local := true
	switch {
	case yearForm.MatchString(text):
		text += "-01-01T00:00:00Z"
	case monthForm.MatchString(text):
		text += "-01T00:00:00Z"
	case dateForm.MatchString(text):
		text += "T00:00:00Z"
	case minuteForm.MatchString(text):
		text += ":00Z"
	case secondForm.MatchString(text):
		text += "Z"
	default:
		local = false
		// A + that was not written as %2B arrives as a space. Nothing else looks so.
		text = spaceOffset.ReplaceAllString(text, "$1+$2")
		// time.Parse takes more than RFC 3339, such as a comma or an hour of one digit.
		parts := momentForm.FindStringSubmatch(text)
		if parts == nil {
			return time.Time{}, unknownForm
		}
		text = parts[1] + cmp.Or(parts[2], ":00") + parts[3]
	}
	// A leap second, which ends a day of UTC, is the last millisecond before it, as in events.
	leap := leapSecond.FindStringIndex(text)
	if leap != nil {
		text = text[:leap[0]] + ":59" + text[leap[1]:]
	}
	t, err := time.Parse(time.RFC3339, text)
	if leap != nil && err == nil {
		if next := t.Add(time.Second); !next.Equal(next.Truncate(24 * time.Hour)) {
			return time.Time{}, "second out of range"
		}
		t = t.Add(999 * time.Millisecond)
	}
	switch {
	case err != nil:
		return time.Time{}, describeTimeError(err)
	case local:
		return Moment(t, loc), ""
	default:
		return t, ""
	}
}

// describeTimeError leaves out the layout, which only Go programmers can read.
func describeTimeError(err error) string {
	if i := strings.LastIndex(err.Error(), ": "); i >= 0 && strings.HasSuffix(err.Error(), "out of range") {
		return err.Error()[i+2:]
	}
	return "it is not on the clock or in the calendar"
}

// Moment returns when a clock and calendar in loc show what t shows in UTC. What they
// skip is the moment at which they skip it; what they show twice is the first.
func Moment(shown time.Time, loc *time.Location) time.Time {
	t := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), shown.Second(), shown.Nanosecond(), loc)
	_, offset := t.Zone()
	begin, end := t.ZoneBounds()
	// Which side of a skip or repetition time.Date takes is not said.
	switch at := t.Unix() + int64(offset); {
	case at < shown.Unix():
		return end
	case at > shown.Unix():
		return begin
	}
	if !begin.IsZero() {
		_, before := begin.Add(-1).Zone()
		if first := t.Add(time.Duration(offset-before) * time.Second); first.Before(begin) {
			return first
		}
	}
	return t
}

// shownAt returns in UTC what clock and calendar show in loc.
func shownAt(t time.Time, loc *time.Location) time.Time {
	t = t.In(loc)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// noSign is the problem of a time ago without its minus.
const noSign = "a time ago begins with a minus"

// units are the lengths of exact times in seconds, calendarUnits those of the others
// in months and days.
var (
	units = map[string]int64{
		"s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
		"m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
		"h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600, "hours": 3600,
	}
	calendarUnits = map[string]struct{ months, days int }{
		"d": {0, 1}, "day": {0, 1}, "days": {0, 1},
		"w": {0, 7}, "week": {0, 7}, "weeks": {0, 7},
		"mo": {1, 0}, "mon": {1, 0}, "month": {1, 0}, "months": {1, 0},
		"y": {12, 0}, "yr": {12, 0}, "year": {12, 0}, "years": {12, 0},
	}
)

// readRelative reads how long before now a time is.
func readRelative(text string, now time.Time, loc *time.Location) (t time.Time, problem string) {
	parts := relativeForm.FindStringSubmatch(text)
	if parts == nil {
		return time.Time{}, unknownForm
	}
	n, err := strconv.ParseInt(parts[2], 10, 64)
	const beyond = 20_000_000_000 // before any bound, even in seconds
	if err != nil || n > beyond {
		n = beyond
	}
	unit := strings.ToLower(parts[3])
	calendar, isCalendar := calendarUnits[unit]
	seconds, isExact := units[unit]
	switch {
	case parts[3] == "M":
		return time.Time{}, "M may be months, mo, or minutes, m"
	case !isCalendar && !isExact:
		return time.Time{}, "its unit is none of s, m, h, d, w, mo and y"
	case parts[1] == "":
		return time.Time{}, noSign
	case isExact:
		return time.Unix(now.Unix()-n*seconds, int64(now.Nanosecond())), ""
	}
	const many = 200_000 // before any bound, even in days
	count := int(min(n, many))
	shown := shownAt(now, loc)
	if calendar.months > 0 {
		shown = monthsBefore(shown, count*calendar.months)
	} else {
		shown = shown.AddDate(0, 0, -count*calendar.days)
	}
	return Moment(shown, loc), ""
}

// monthsBefore keeps the day of the month, or takes the last where there is none.
func monthsBefore(t time.Time, months int) time.Time {
	first := t.AddDate(0, -months, 1-t.Day())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}
