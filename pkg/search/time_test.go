package search

import (
	"archive/zip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // as the program has them
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.UTC()
}

func TestMomentsAreRead(t *testing.T) {
	t.Parallel()
	f := func(text, tz, want string) {
		t.Helper()
		for _, bound := range []Bound{From, To} {
			got, err := ParseTime(text, bound, time.Unix(0, 0), zone(t, tz))
			if err != nil || got != at(t, want) {
				t.Errorf("%s %s: got %v %v, want %s", text, tz, got, err, want)
			}
		}
	}
	f("2026-11-24", "UTC", "2026-11-24T00:00:00Z")
	f("2026-11-24T18:00", "UTC", "2026-11-24T18:00:00Z")
	f("2026-11-24t18:00:05", "UTC", "2026-11-24T18:00:05Z")
	f("2026-11-24T18:00:00.123", "UTC", "2026-11-24T18:00:00.123Z")
	f("2026-11", "UTC", "2026-11-01T00:00:00Z")
	f("2026", "UTC", "2026-01-01T00:00:00Z")
	// An offset of its own counts more than the zone.
	f("2026-11-24T18:00:00+01:00", "Asia/Kolkata", "2026-11-24T17:00:00Z")
	f("2026-11-24T18:00:00-05:30", "Asia/Kolkata", "2026-11-24T23:30:00Z")
	f("2026-11-24t18:00:00.5z", "Asia/Kolkata", "2026-11-24T18:00:00.5Z")
	f("2026-11-24T18:00:00 01:00", "Asia/Kolkata", "2026-11-24T17:00:00Z")
	// The leap second at the end of 2016.
	f("2016-12-31T23:59:60Z", "UTC", "2016-12-31T23:59:59.999Z")
	f("2017-01-01T00:59:60.5+01:00", "UTC", "2016-12-31T23:59:59.999Z")
	f("2026-11-24T18:00Z", "Europe/Berlin", "2026-11-24T18:00:00Z")
	f("2026-11-24t18:00z", "Europe/Berlin", "2026-11-24T18:00:00Z")
	f("2026-11-24T18:00+01:00", "UTC", "2026-11-24T17:00:00Z")
	f("2026-11-24T18:00 01:00", "UTC", "2026-11-24T17:00:00Z")
	// In the zone.
	f("2026-11-24", "Asia/Kolkata", "2026-11-23T18:30:00Z")
	f("2026-11-24T18:00", "Europe/Berlin", "2026-11-24T17:00:00Z")
	f("2026-07", "Europe/Berlin", "2026-06-30T22:00:00Z")
	f("2026", "America/Sao_Paulo", "2026-01-01T03:00:00Z")
	// All there is.
	f("0001-01-01T00:00:00Z", "UTC", "1900-01-01T00:00:00Z")
	f("0000", "Asia/Kolkata", "1900-01-01T00:00:00Z")
	f("9999-12-31", "Asia/Kolkata", "2299-12-31T23:59:59Z")
	// An hour that the clock skips is when it is skipped, one that it repeats is the first.
	f("2026-03-29T01:59:59", "Europe/Berlin", "2026-03-29T00:59:59Z")
	f("2026-03-29T02:00", "Europe/Berlin", "2026-03-29T01:00:00Z")
	f("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00:00Z")
	f("2026-03-29T03:00", "Europe/Berlin", "2026-03-29T01:00:00Z")
	f("2026-10-25T02:00", "Europe/Berlin", "2026-10-25T00:00:00Z")
	f("2026-10-25T02:59:59", "Europe/Berlin", "2026-10-25T00:59:59Z")
	f("2026-10-25T03:00", "Europe/Berlin", "2026-10-25T02:00:00Z")
	f("2026-10-25T01:30", "America/New_York", "2026-10-25T05:30:00Z")
	f("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30:00Z")
	// Days that begin at 01:00.
	f("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z")
	f("2018-11-04T00:59", "America/Sao_Paulo", "2018-11-04T03:00:00Z")
	f("2018-11-04T01:00", "America/Sao_Paulo", "2018-11-04T03:00:00Z")
	f("2018-02-17T23:30", "America/Sao_Paulo", "2018-02-18T01:30:00Z")
	f("2018-02-18", "America/Sao_Paulo", "2018-02-18T03:00:00Z")
	f("2026-04-24", "Africa/Cairo", "2026-04-23T22:00:00Z")
	f("2026-10-30", "Africa/Cairo", "2026-10-29T22:00:00Z")
	f("2026-10-29T23:30", "Africa/Cairo", "2026-10-29T20:30:00Z")
	// A midnight that comes twice, and a day that never was.
	f("2026-11-01", "America/Havana", "2026-11-01T04:00:00Z")
	f("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z")
	f("2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00Z")
}

func TestRelativeTimesAreRead(t *testing.T) {
	t.Parallel()
	f := func(text, now, tz, want string) {
		t.Helper()
		for _, bound := range []Bound{From, To} {
			got, err := ParseTime(text, bound, at(t, now), zone(t, tz))
			if err != nil || got != at(t, want) {
				t.Errorf("%s at %s %s: got %v %v, want %s", text, now, tz, got, err, want)
			}
		}
	}
	const now = "2026-11-24T18:00:01.5Z"
	f("now", now, "Asia/Kolkata", now)
	f("NOW", now, "Asia/Kolkata", now)
	f("-24h", now, "UTC", "2026-11-23T18:00:01.5Z")
	f("-90m", now, "UTC", "2026-11-24T16:30:01.5Z")
	f("-30s", now, "UTC", "2026-11-24T17:59:31.5Z")
	f("-0s", now, "UTC", now)
	f("-7d", now, "UTC", "2026-11-17T18:00:01.5Z")
	f("−7d", now, "UTC", "2026-11-17T18:00:01.5Z")
	f("–7 Days", now, "UTC", "2026-11-17T18:00:01.5Z")
	f("- 1 hour", now, "UTC", "2026-11-24T17:00:01.5Z")
	f("-2w", now, "UTC", "2026-11-10T18:00:01.5Z")
	f("-3mo", now, "UTC", "2026-08-24T18:00:01.5Z")
	f("-3 months", now, "UTC", "2026-08-24T18:00:01.5Z")
	f("-13MO", now, "UTC", "2025-10-24T18:00:01.5Z")
	f("-1y", now, "UTC", "2025-11-24T18:00:01.5Z")
	// The last day of a month that has no such day.
	f("-1mo", "2026-03-31T12:00:00Z", "UTC", "2026-02-28T12:00:00Z")
	f("-1y", "2028-02-29T12:00:00Z", "UTC", "2027-02-28T12:00:00Z")
	f("-2mo", "2026-02-28T12:00:00Z", "UTC", "2025-12-28T12:00:00Z")
	// The calendar of the zone, across a change of the clock.
	f("-1d", "2026-03-29T10:00:00Z", "Europe/Berlin", "2026-03-28T11:00:00Z")
	f("-24h", "2026-03-29T10:00:00Z", "Europe/Berlin", "2026-03-28T10:00:00Z")
	f("-1d", "2026-03-30T00:30:00Z", "Europe/Berlin", "2026-03-29T01:00:00Z")
	f("-1mo", "2026-03-31T22:30:00Z", "Europe/Berlin", "2026-02-28T23:30:00Z")
	f("-1mo", "2026-03-30T20:00:00Z", "Asia/Kolkata", "2026-02-27T20:00:00Z")
	f("-1d", "2018-11-05T02:30:00Z", "America/Sao_Paulo", "2018-11-04T03:00:00Z")
	// Before the bound.
	for _, text := range []string{"-999y", "-999999999999d", "-99999999999999999999s", "-9000000000000000000h", "-999999999999mo", "-99999999999w"} {
		f(text, now, "Asia/Kolkata", "1900-01-01T00:00:00Z")
	}
}

func TestPeriodsHaveTwoEnds(t *testing.T) {
	t.Parallel()
	f := func(name, now, tz, from, to string) {
		t.Helper()
		loc := zone(t, tz)
		for _, ask := range []struct {
			text  string
			bound Bound
			want  string
		}{{name, From, from}, {name, To, to}, {"start of " + name, To, from}, {"end of " + name, From, to}} {
			got, err := ParseTime(ask.text, ask.bound, at(t, now), loc)
			if err != nil || got != at(t, ask.want) {
				t.Errorf("%s at %s %s: got %v %v, want %s", ask.text, now, tz, got, err, ask.want)
			}
		}
	}
	const tuesday = "2026-11-24T18:00:00Z"
	f("today", tuesday, "UTC", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z")
	f("Yesterday", tuesday, "UTC", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z")
	f("tomorrow", tuesday, "UTC", "2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z")
	f("this week", tuesday, "UTC", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z")
	f("last week", tuesday, "UTC", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z")
	f("this month", tuesday, "UTC", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
	f(" last  MONTH ", tuesday, "UTC", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
	f("last-month", tuesday, "UTC", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
	f("this_quarter", tuesday, "UTC", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z")
	f("last quarter", tuesday, "UTC", "2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z")
	f("this year", tuesday, "UTC", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
	f("last year", tuesday, "UTC", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
	// Weeks begin on Monday, and a year begins in the middle of one.
	f("this week", "2026-11-22T23:59:59Z", "UTC", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z")
	f("this week", "2026-11-23T00:00:00Z", "UTC", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z")
	f("last week", "2027-01-03T12:00:00Z", "UTC", "2026-12-21T00:00:00Z", "2026-12-28T00:00:00Z")
	f("last month", "2026-03-31T12:00:00Z", "UTC", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z")
	f("last quarter", "2026-02-28T12:00:00Z", "UTC", "2025-10-01T00:00:00Z", "2026-01-01T00:00:00Z")
	// Today is the zone's.
	f("today", "2026-11-24T20:00:00Z", "Asia/Kolkata", "2026-11-24T18:30:00Z", "2026-11-25T18:30:00Z")
	f("last month", "2026-11-30T20:00:00Z", "Asia/Kolkata", "2026-10-31T18:30:00Z", "2026-11-30T18:30:00Z")
	// Days of 23 and 25 hours.
	f("today", "2026-03-29T10:00:00Z", "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
	f("yesterday", "2026-10-26T10:00:00Z", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")
	f("this month", "2026-03-29T10:00:00Z", "Europe/Berlin", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z")
	f("today", "2018-11-04T12:00:00Z", "America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z")
	f("yesterday", "2018-02-18T12:00:00Z", "America/Sao_Paulo", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z")
	f("today", "2026-04-24T12:00:00Z", "Africa/Cairo", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z")
	f("yesterday", "2026-10-30T12:00:00Z", "Africa/Cairo", "2026-10-28T21:00:00Z", "2026-10-29T22:00:00Z")
}

// TestDaysFollowEachOther: in every zone, no moment is in no day or in two.
func TestDaysFollowEachOther(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"America/Sao_Paulo", "Europe/Berlin", "Asia/Kolkata", "Africa/Cairo", "America/Havana", "Pacific/Apia", "Australia/Lord_Howe", "Europe/Dublin", "Africa/Casablanca"} {
		loc := zone(t, name)
		last := time.Time{}
		for day := time.Date(1995, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2040; day = day.AddDate(0, 0, 1) {
			got := Moment(day, loc)
			if !last.IsZero() && got.Before(last) || got.Sub(last) > 25*time.Hour && !last.IsZero() {
				t.Fatalf("%s: %s begins at %v, the day before at %v", name, day.Format(time.DateOnly), got, last)
			}
			before := got.Add(-1).In(loc)
			if before.Format(time.DateOnly) >= day.Format(time.DateOnly) {
				t.Fatalf("%s: %s begins at %v, which is not its first moment", name, day.Format(time.DateOnly), got)
			}
			last = got
		}
	}
}

func TestTimesAreRefusedWithAllForms(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		_, err := ParseTime(text, To, time.Unix(0, 0), time.UTC)
		e := problemOf(t, err)
		if !strings.Contains(e.Error(), want) || !strings.HasSuffix(e.Error(), timeForms) || e.Column != 0 || !strings.HasPrefix(e.Problem, `"`) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	f("2026-13-01", "month out of range")
	f("2026-13", "month out of range")
	f("2026-02-30", "day out of range")
	f("2026-11-24T25:00", "hour out of range")
	f("yesterdy", "did you mean yesterday?")
	f("lastmonth", "did you mean last month?")
	f("24h", "did you mean -24h?")
	f("3 days ago", "did you mean -3days?")
	f("last 7 days", "did you mean -7days?")
	f("the past 2 hours", "did you mean -2hours?")
	f("monday", "did you mean 1969-12-29?") // now is a Thursday
	f("last Thu", "did you mean 1970-01-01?")
	f("7 days", "a time ago begins with a minus), did you mean -7 days?")
	f("-3M", "M may be months, mo, or minutes, m")
	f("-3x", "its unit is none of s, m, h, d, w, mo and y")
	for _, text := range []string{
		"", " ", "24.11.2026", "2026-11-24T18", "2026-11-24 18:00", "2026-11-24T1:00:00Z", "2026-11-24T18Z", "2026-11-24T18:00 Z", "2026-11-24T18:00:00+0100",
		"2026-11-24T18:00:00Z ", "1795521600", "2026-11-24T18:00:00,5Z", "-2026-11-24", "02026-11-24", "2026-11-24T18:00:00  01:00", "-", "-7", "-d", "--7d", "-1.5h",
		"start of", "start of now", "end of 2026", "start of start of today", "\xff", strings.Repeat("x", 1000),
	} {
		f(text, "is not a time")
	}
	f("2026-11-24T18:00:00+25:00", "is not a time")
}

func TestZonesAreFound(t *testing.T) {
	t.Parallel()
	f := func(tz, want string) {
		t.Helper()
		if loc, err := LoadLocation(tz); err != nil || loc.String() != want {
			t.Errorf("%s: got %v %v, want %s", tz, loc, err, want)
		}
	}
	f("", "UTC")
	f("UTC", "UTC")
	f("utc", "UTC")
	f("europe/berlin", "Europe/Berlin")
	f("America/New York", "America/New_York")
	f("Etc/GMT 5", "Etc/GMT+5")
	f("Etc/GMT+5", "Etc/GMT+5")

	refused := func(tz, want string) {
		t.Helper()
		_, err := LoadLocation(tz)
		if e := problemOf(t, err); !strings.Contains(e.Error(), want) || !strings.Contains(e.Error(), "Europe/Berlin or UTC") {
			t.Errorf("%q: got %v, want %s", tz, err, want)
		}
	}
	refused("Europe/Berln", `"Europe/Berln" is not a time zone, did you mean Europe/Berlin? Or give`)
	refused("Berlin", "did you mean Europe/Berlin?")
	refused("new york", "did you mean America/New_York?")
	refused("Calcuta", "did you mean Asia/Calcutta?")
	refused("Asia/Kolkatta", "did you mean Asia/Kolkata?")
	for _, tz := range []string{"Local", " ", "../etc/passwd", "/etc/localtime", "+01:00", "posix/UTC", "\xff", "Europe/Berlin\x00", strings.Repeat("x", 1000)} {
		refused(tz, "is not a time zone, ")
	}
}

// TestZonesAreThoseOfGo: the names that are known are those that Go can read.
func TestZonesAreThoseOfGo(t *testing.T) {
	t.Parallel()
	names := strings.Fields(zoneNames)
	for _, name := range names {
		if _, err := LoadLocation(name); err != nil {
			t.Error(err)
		}
	}
	archive, err := zip.OpenReader(filepath.Join(goRoot(t), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	for _, file := range archive.File {
		if !strings.HasSuffix(file.Name, "/") && file.Name != "Factory" && !slices.Contains(names, file.Name) {
			t.Errorf("zones.txt has no line %s", file.Name)
		}
	}
}

func goRoot(t testing.TB) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
