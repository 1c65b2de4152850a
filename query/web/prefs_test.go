package web

import (
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/search"
)

// A zone by its present name is the same as by the former one.
func TestRenamedZonesAreTheSame(t *testing.T) {
	t.Parallel()
	for former, present := range renamedZones {
		was, err := search.LoadLocation(former)
		if err != nil {
			t.Fatal(err)
		}
		is, err := search.LoadLocation(present)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2030; at = at.AddDate(0, 0, 7) {
			_, a := at.In(was).Zone()
			_, b := at.In(is).Zone()
			if a != b {
				t.Fatalf("%s is not %s on %s", former, present, at)
			}
		}
	}
}
