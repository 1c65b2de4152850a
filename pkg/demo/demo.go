// Package demo makes the audit log of a small company that lets sound, light and
// video equipment, so that a newcomer has something to look at. Its events
// follow from the calendar alone: whoever asks for a window of time, whenever,
// gets the same events with the same ids, so publishing them again is harmless.
package demo

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

const (
	// chunkDays is how much is made at a time: enough that the stories that began
	// before it are not most of the work, little enough to hold in memory.
	chunkDays = 30

	// trickleSlot is how often something happens in the trickle.
	trickleSlot = 3 * time.Minute
)

// Events returns the events of [from, to), oldest first: about 60 to 150 on a working
// day and a few on the others, 6,000 to 9,000 in 90 days, of the tenant
// "default". Times are whole milliseconds in UTC.
func Events(from, to time.Time) iter.Seq[action.Event] {
	return func(yield func(action.Event) bool) {
		for start := from; start.Before(to); {
			end := start.AddDate(0, 0, chunkDays)
			if end.After(to) {
				end = to
			}
			for _, ev := range window(start, end) {
				if !yield(ev) {
					return
				}
			}
			start = end
		}
	}
}

// Trickle returns more events of [from, to), oldest first: one in each three
// minutes, day and night. They are for a demo that is being watched, which would
// otherwise see nothing move at night.
func Trickle(from, to time.Time) iter.Seq[action.Event] {
	return func(yield func(action.Event) bool) {
		for n := int(from.UnixMilli() / trickleSlot.Milliseconds()); ; n++ {
			for _, ev := range slot(n) {
				if !ev.Time.Before(to) {
					return
				}
				if !ev.Time.Before(from) && !yield(ev) {
					return
				}
			}
			if !time.UnixMilli(int64(n) * trickleSlot.Milliseconds()).Before(to) {
				return
			}
		}
	}
}

// window returns the events of [from, to) in order.
func window(from, to time.Time) []action.Event {
	var events []action.Event
	keep := func(made []action.Event) {
		for _, ev := range made {
			if !ev.Time.Before(from) && ev.Time.Before(to) {
				events = append(events, ev)
			}
		}
	}
	// A day of the company reaches a day beyond UTC's on either side.
	first, last := dayOf(from)-1, dayOf(to)+1
	for day := first - storyDays; day <= last; day++ {
		n := perDay
		if weekend(day) {
			n = day % 2 // hardly anybody calls
		}
		for i := range n {
			keep(tell(day*perDay + i))
		}
		if day >= first {
			keep(routine(day))
		}
	}
	sortEvents(events)
	return events
}

// sortEvents orders by time, then id, as the log's pages do.
func sortEvents(events []action.Event) {
	slices.SortFunc(events, func(a, b action.Event) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return cmp.Compare(a.ID, b.ID)
	})
}
