package query

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func zoneOf(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// lookup returns the bucket of a name.
func lookup(name string) bucket {
	return buckets[slices.IndexFunc(buckets, func(b bucket) bool { return b.name == name })]
}

func TestBucketsHaveTheEdgesOfTheCalendar(t *testing.T) {
	t.Parallel()
	f := func(bucket, zone, from, to string, want ...string) {
		t.Helper()
		loc := zoneOf(t, zone)
		const layout = "2006-01-02 15:04"
		read := func(text string) time.Time {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		var got []string
		for _, edge := range lookup(bucket).edges(read(from), read(to), loc, 100) {
			got = append(got, edge.In(loc).Format(layout))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s in %s: %v, want %v", bucket, zone, got, want)
		}
	}
	// The clock is set forward: a day of 23 hours. Then back: a day of 25, and an hour twice.
	f("1d", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:00:00Z", "2026-03-28 00:00", "2026-03-29 00:00", "2026-03-30 00:00", "2026-03-31 00:00")
	f("1h", "Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29T02:00:00Z", "2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 03:00", "2026-03-29 04:00")
	f("3h", "Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29T04:00:00Z", "2026-03-29 00:00", "2026-03-29 03:00", "2026-03-29 06:00")
	f("1h", "Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25T02:00:00Z", "2026-10-25 01:00", "2026-10-25 02:00", "2026-10-25 02:00", "2026-10-25 03:00")
	f("3h", "Europe/Berlin", "2026-10-24T22:30:00Z", "2026-10-25T05:00:00Z", "2026-10-25 00:00", "2026-10-25 03:00", "2026-10-25 06:00")
	f("12h", "Europe/Berlin", "2026-10-24T22:30:00Z", "2026-10-25T12:00:00Z", "2026-10-25 00:00", "2026-10-25 12:00", "2026-10-26 00:00")
	// Hours of zones that are beside the hours of UTC.
	f("1h", "Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "2026-01-01 05:00", "2026-01-01 06:00", "2026-01-01 07:00")
	f("6h", "Asia/Kathmandu", "2026-01-01T00:00:00Z", "2026-01-01T06:15:00Z", "2026-01-01 00:00", "2026-01-01 06:00", "2026-01-01 12:00")
	// By half an hour.
	f("1h", "Australia/Lord_Howe", "2026-10-03T14:00:00Z", "2026-10-03T17:00:00Z", "2026-10-04 00:00", "2026-10-04 01:00", "2026-10-04 03:00", "2026-10-04 04:00")
	f("15m", "Australia/Lord_Howe", "2026-10-03T15:20:00Z", "2026-10-03T15:50:00Z", "2026-10-04 01:45", "2026-10-04 02:30", "2026-10-04 02:45", "2026-10-04 03:00")
	// Days without a midnight, and one that there is not.
	f("1d", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T12:00:00Z", "2018-11-03 00:00", "2018-11-04 01:00", "2018-11-05 00:00")
	f("6h", "America/Sao_Paulo", "2018-11-03T22:00:00Z", "2018-11-04T07:00:00Z", "2018-11-03 18:00", "2018-11-04 01:00", "2018-11-04 06:00")
	f("1d", "Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-31T00:00:00Z", "2011-12-29 00:00", "2011-12-31 00:00", "2012-01-01 00:00")
	// Weeks begin on Monday.
	f("1w", "Asia/Tokyo", "2026-11-22T14:59:59Z", "2026-11-22T15:00:01Z", "2026-11-16 00:00", "2026-11-23 00:00", "2026-11-30 00:00")
	f("1mo", "UTC", "2025-12-31T23:00:00Z", "2026-02-01T00:00:00Z", "2025-12-01 00:00", "2026-01-01 00:00", "2026-02-01 00:00")
	f("1q", "UTC", "2026-05-31T23:00:00Z", "2026-07-02T00:00:00Z", "2026-04-01 00:00", "2026-07-01 00:00", "2026-10-01 00:00")
	f("1y", "UTC", "2026-05-31T23:00:00Z", "2026-07-02T00:00:00Z", "2026-01-01 00:00", "2027-01-01 00:00")
	f("10y", "UTC", "2026-05-31T23:00:00Z", "2026-07-02T00:00:00Z", "2020-01-01 00:00", "2030-01-01 00:00")
}

// The times of events lie between these.
var (
	firstTime = time.Unix(0, 0).UTC()
	endTime   = time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC)
)

func TestBucketsOfAnyZoneCoverTheTimeOnce(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	zones := []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Beirut",
		"Australia/Lord_Howe", "Pacific/Apia", "Africa/Monrovia", "Africa/Casablanca", "Antarctica/Troll", "America/St_Johns", "Asia/Tehran",
	}
	for range 5_000 {
		zone := zoneOf(t, zones[r.IntN(len(zones))])
		b := buckets[r.IntN(len(buckets))]
		at := firstTime.Add(time.Duration(r.Int64N(int64(endTime.Sub(firstTime))))).Truncate(time.Millisecond)
		if r.IntN(2) == 0 { // near where a clock is set
			if _, end := at.In(zone).ZoneBounds(); !end.IsZero() {
				at = end.Add(time.Duration(r.IntN(48*60)-24*60) * time.Minute)
			}
		}
		edge := b.begin(at, zone)
		next := b.next(edge, zone)
		if edge.After(at) || !next.After(at) {
			t.Fatalf("%s in %s: %s is not from %s to %s", b.name, zone, at, edge, next)
		}
		if again := b.begin(edge, zone); !again.Equal(edge) {
			t.Fatalf("%s in %s: %s begins at %s, and that at %s", b.name, zone, at, edge, again)
		}
		if next.Sub(edge) > b.length()*5/4+4*time.Hour {
			t.Fatalf("%s in %s: from %s to %s", b.name, zone, edge, next)
		}
	}
}

func TestAutomaticBucketsAreAFewDozen(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		from := firstTime.Add(time.Duration(r.Int64N(int64(100 * 365 * 24 * time.Hour))))
		span := time.Duration(1) << r.IntN(62)
		to := from.Add(span)
		if to.After(endTime) {
			to = endTime
		}
		b, edges, err := divide(bucket{}, from, to, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(edges) - 1; n < 1 || n > mostAutomatic || span > time.Hour && n < 12 {
			t.Errorf("%s: %d of %s", span, n, b.name)
		}
	}
}
