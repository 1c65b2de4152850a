package search

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"time"
)

// zoneNames are the names of the IANA time zone database that Go knows, one a line. A
// test holds them to Go's own.
//
//go:embed zones.txt
var zoneNames string

// LoadLocation returns the time zone with a name of the IANA database, whose case does
// not matter; an empty name is UTC. The zone's String is the name as the database has
// it. A program that must not depend on the machine it runs on imports time/tzdata. The
// error is an *Error without a column, which names a zone that was probably meant.
func LoadLocation(tz string) (*time.Location, error) {
	if tz == "" {
		return time.UTC, nil
	}
	loc, err := findZone(tz)
	if err != nil {
		return nil, err
	}
	return loc, nil
}

func findZone(tz string) (*time.Location, *Error) {
	names := strings.Fields(zoneNames)
	// A + that was not written as %2B arrives as a space: Etc/GMT 5. So does America/New York.
	for _, space := range []string{" ", "+", "_"} {
		wanted := strings.ReplaceAll(tz, " ", space)
		i := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, wanted) })
		if i < 0 {
			continue
		}
		loc, err := time.LoadLocation(names[i])
		if err != nil {
			return nil, &Error{
				Problem:    "the time zone " + names[i] + " cannot be read on the server (" + err.Error() + ")",
				Suggestion: "use UTC, or give times with an offset",
				Fault:      faultZoneFile,
				About:      names[i],
			}
		}
		return loc, nil
	}
	const forms = "give a name of the IANA time zone database such as Europe/Berlin or UTC"
	e := &Error{Problem: strconv.Quote(Short(tz)) + " is not a time zone", Suggestion: forms, Fault: faultZone, About: Short(tz)}
	if guess := nearestZone(tz, names); guess != "" {
		e.Guess = guess
		e.Suggestion = "did you mean " + guess + "? Or " + forms
	}
	return nil, e
}

// nearestZone returns the zone that was probably meant: by its whole name, or by its
// city alone.
func nearestZone(tz string, names []string) string {
	wanted := strings.ReplaceAll(tz, " ", "_")
	cities := make([]string, len(names))
	for i, name := range names {
		cities[i] = name[strings.LastIndexByte(name, '/')+1:]
	}
	city := Nearest(wanted, cities)
	if whole := Nearest(wanted, names); whole != "" && !strings.EqualFold(city, wanted) {
		return whole
	}
	if city == "" {
		return ""
	}
	return names[slices.Index(cities, city)]
}
