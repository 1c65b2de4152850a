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
