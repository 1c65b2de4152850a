package web

import "testing"

func TestHeatHasLevels(t *testing.T) {
	t.Parallel()
	f := func(counts []uint64, want ...int) {
		t.Helper()
		var week [7][24]uint64
		for i, n := range counts {
			week[i/24][i%24] = n
		}
		h := NewHeat(week)
		for i := range 7 * 24 {
			level, n := 0, uint64(0)
			if i < len(counts) {
				level, n = want[i], counts[i]
			}
			if cell := h.Days[i/24][i%24]; cell.Level != level || cell.Count != n {
				t.Errorf("%v: hour %d is %+v, want level %d", counts, i, cell, level)
			}
		}
	}
	f(nil)
	f([]uint64{1, 0, 2, 5}, 1, 0, 2, 5)
	f([]uint64{0, 1, 20, 21, 40, 41, 99, 100, 100}, 0, 1, 1, 2, 2, 3, 5, 5, 5)
	// All alike are all full, and what is rare is seen beside what is frequent.
	f([]uint64{70, 70, 70, 70}, 5, 5, 5, 5)
	f([]uint64{1, 1e6, 1e6, 5e5}, 1, 5, 5, 3)
	f([]uint64{1<<63 + 1, 1 << 62, 1 << 62}, 5, 5, 5)
}

func TestHeatIsNotBlindedByABurst(t *testing.T) {
	t.Parallel()
	var week [7][24]uint64
	for hour := range 24 {
		week[0][hour] = uint64(hour + 1)
	}
	week[6][3] = 1_000_000
	h := NewHeat(week)
	seen := map[int]int{}
	for _, cell := range h.Days[0] {
		seen[cell.Level]++
	}
	if h.Days[6][3].Level != heatLevels || len(seen) != heatLevels || seen[1] > 6 || seen[0] > 0 {
		t.Errorf("levels %v, the burst %+v", seen, h.Days[6][3])
	}
}
