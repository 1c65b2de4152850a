package demo

import "testing"

func TestStoriesEndInTime(t *testing.T) {
	t.Parallel()
	for n := range 2_000 {
		for _, ev := range tell(n) {
			if day := dayOf(ev.Time) - n/perDay; day < -1 || day > storyDays {
				t.Fatalf("opportunity %d: %s on day %d of its story", n, ev.Action, day)
			}
		}
	}
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	for day := -20_000; day < 30_000; day += 7 {
		if dayOf(dayStart(day)) != day || dayOf(dayStart(day+1).Add(-1)) != day {
			t.Fatalf("day %d", day)
		}
	}
	// 1970-01-03 was a Saturday, 1969-12-29 a Monday.
	if !weekend(2) || !weekend(3) || weekend(4) || weekend(-3) || !weekend(-4) || workday(2) != 4 {
		t.Error("weekends are elsewhere")
	}
	if got := money("€", 123456789) + money("¥", 218400000) + money("£", 5); got != "€1,234,567.89¥2,184,000£0.05" {
		t.Error(got)
	}
}
