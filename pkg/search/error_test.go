package search

import (
	"strings"
	"testing"
	"time"
)

func TestShortCutsBetweenCharacters(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		if got := Short(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	x := strings.Repeat("x", 62)
	f(x+"yy", x+"yy")
	f(x+"yyy", x+"yy…")
	f(x+"𝄞", x+"…")
	f(x+"yü", x+"y…")
	f(x+"üz", x+"ü…")
	f(strings.Repeat("\x80", 100), "\uFFFD")
}

func TestIsZoned(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2026", "2026-11", "2026-11-24", "2026-11-24T18:00", "2026-11-24T18:00:05.5", "today", "last month", "start of this-week"} {
		if !IsZoned(text) {
			t.Errorf("%s is taken for the same time everywhere", text)
		}
	}
	for _, text := range []string{"", "x", "now", "-24h", "-7d", "-3mo", "2026-11-24T18:00:00Z", "2026-11-24T18:00:00+01:00", "2026-11-24T18:00Z"} {
		if IsZoned(text) {
			t.Errorf("%s is taken for another time elsewhere", text)
		}
	}
}

func TestInBounds(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0001-01-01", "9999-12-31", "now"} {
		if at, err := ParseTime(text, From, time.Now(), time.UTC); err != nil || !InBounds(at) {
			t.Errorf("%s: %s, %v", text, at, err)
		}
	}
	if InBounds(minTime.Add(-1)) || InBounds(maxTime.Add(1)) {
		t.Error("what is beyond the bounds is taken")
	}
}
