package store

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Week is when in the week events happened, by calendar and clock.
type Week struct {
	// Counts are those of each hour of the clock, of Monday first. An hour that the clock
	// shows twice is one, and one that it passes over has none.
	Counts [7][24]uint64
	// Days is on how many days of the calendar anything happened.
	Days uint64
	// Reached is up to where all was counted when the context's deadline came; the zero
	// time stands for everything.
	Reached time.Time
}

// Week counts the events that match by the hours of the week in a time zone.
func (s *Store) Week(ctx context.Context, f Filter, zone *time.Location) (Week, error) {
	type slot struct {
		number int64
		events uint64
	}
	var week Week
	days := map[int64]struct{}{}
	reached, err := s.stretch(ctx, &f, nil, apart, func(ctx context.Context, window *Filter) error {
		c, err := window.condition()
		if err != nil {
			return err
		}
		grain := grainOf(zone, window.span())
		slots, err := collect(ctx, s.conn, "SELECT intDiv(toInt64(toUnixTimestamp64Milli(time)), "+strconv.FormatInt(grain*1000, 10)+") AS slot, count()"+
			" FROM actions FINAL WHERE "+c.sql()+" GROUP BY slot"+finalSettings, c.args, func(s *slot) []any { return []any{&s.number, &s.events} })
		if err != nil {
			return err
		}
		for _, s := range slots {
			shown := time.Unix(s.number*grain, 0).In(zone)
			_, offset := shown.Zone()
			days[(shown.Unix()+int64(offset)+secondsOfDay)/secondsOfDay] = struct{}{} // the first may be in 1969
			week.Counts[(shown.Weekday()+6)%7][shown.Hour()] += s.events
		}
		return nil
	})
	if err != nil {
		return Week{}, fmt.Errorf("count actions by hour of the week: %w", err)
	}
	week.Days, week.Reached = uint64(len(days)), reached
	return week, nil
}

const secondsOfDay = 24 * 60 * 60

// grainOf returns into how many seconds time can be divided so that no part lies in two
// hours that a zone's clock shows: a quarter of an hour today. But clocks in Newfoundland
// were set at one minute past midnight until 2011, and Liberia's were 44 minutes and 30
// seconds behind until 1972.
func grainOf(zone *time.Location, s span) int64 {
	grains := []int64{900, 60, 30, 1}
	odd := func(set time.Time) bool {
		return set.After(s.from) && set.Before(s.to) && set.Unix()%grains[0] != 0
	}
	for at := s.from; at.Before(s.to); {
		_, offset := at.In(zone).Zone()
		begin, end := at.In(zone).ZoneBounds()
		for int64(offset)%grains[0] != 0 || odd(begin) {
			grains = grains[1:]
		}
		if end.IsZero() {
			break
		}
		if !end.After(at) { // what Go says on the last day of a leap year
			end = at.Add(24 * time.Hour)
		}
		at = end
	}
	return grains[0]
}
