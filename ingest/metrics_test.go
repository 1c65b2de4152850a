package ingest

import (
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

func TestLagSecondsAreThoseOfTheOldestThatIsNotSettled(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	f := func(after time.Duration, want time.Duration) {
		t.Helper()
		if got := m.partitions[3].lagSeconds(start.Add(after)); got != want.Seconds() {
			t.Errorf("after %s: %v seconds, want %s", after, got, want)
		}
	}
	saw := func(after time.Duration, end int64) {
		m.saw(map[int]bounds{3: {end: end}, 4: {end: 1}}, start.Add(after))
	}
	wrote := func(from, to int64) { m.wrote(&block{ranges: []store.Range{{Partition: 3, From: from, To: to}}}) }
	m.take(map[int]int64{3: 100})
	f(0, 0)
	saw(0, 100)
	f(time.Minute, 0) // everything is settled
	saw(time.Minute, 110)
	saw(2*time.Minute, 120)
	f(3*time.Minute, 2*time.Minute)
	wrote(100, 110)
	f(3*time.Minute, time.Minute)
	wrote(110, 130) // more than was seen
	f(4*time.Minute, 0)

	// The oldest is kept for as long as it takes, the number of them is bounded.
	for n := range int64(5000) {
		saw(time.Duration(n)*time.Minute, 131+n)
	}
	f(5000*time.Minute, 5000*time.Minute)
	if n := len(m.partitions[3].waiting); n > maxWaiting {
		t.Errorf("%d sightings are kept", n)
	}
	wrote(130, 5131)
	f(5000*time.Minute, 0)
}
