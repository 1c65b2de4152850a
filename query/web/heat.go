package web

import "slices"

// Heat is when in the week something happens, as a map.
type Heat struct {
	// Days are those of the week, Monday first, each of 24 hours.
	Days [7][24]HeatCell
}

// HeatCell is an hour of the week.
type HeatCell struct {
	Count uint64
	// Level is from 0, for nothing, to 5.
	Level int
}

// The levels of a map of heat.
const (
	heatLevels = 5
	// heatFull is the part of the hours in which there is anything that are not above the
	// highest level: a burst does not make all else look like nothing.
	heatFull = 0.95
)

// NewHeat divides the hours into levels of equal height, up to that of the busiest but
// for a few. An hour with anything in it has a level: what happened once, on a Sunday
// at three in the morning, is what somebody looks for. Where there is little, one event
// is a level.
func NewHeat(counts [7][24]uint64) Heat {
	var h Heat
	var busy []uint64
	for _, day := range counts {
		for _, n := range day {
			if n > 0 {
				busy = append(busy, n)
			}
		}
	}
	slices.Sort(busy)
	full := uint64(heatLevels)
	if len(busy) > 0 {
		full = max(full, busy[int(heatFull*float64(len(busy)-1))])
	}
	for d, day := range counts {
		for hour, n := range day {
			level := heatLevels
			if n < full {
				level = int((n*heatLevels + full - 1) / full)
			}
			h.Days[d][hour] = HeatCell{n, level}
		}
	}
	return h
}
