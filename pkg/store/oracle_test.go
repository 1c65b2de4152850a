package store

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

var (
	oracleTimes = flag.Int("oracle.times", 1, "how many times as many random questions are asked as without")
	oracleSeed  = flag.Uint64("oracle.seed", 1, "what random questions and their events are made from")
)

// cases is how many random questions a test asks, of which n are enough for every change.
func cases(n int) int { return n * *oracleTimes }

// TestOracle asks random questions and compares what the store finds with what a plain
// filter in Go does: the same events in the same order.
func TestOracle(t *testing.T) {
	t.Parallel()
	catalogue, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range oracleDates {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			s := testStore(t)
			// Merges are stopped for half of the questions, so that repeats are there.
			execute(t, s, "SYSTEM STOP MERGES actions")
			all := oracleEvents(rand.New(rand.NewPCG(*oracleSeed, uint64(i))), 500, at)
			insertWithRepeats(t, s, all)
			questions := cases(90 / len(oracleDates))
			for n := range questions {
				if n == questions/2 {
					execute(t, s, "SYSTEM START MERGES actions")
					execute(t, s, "OPTIMIZE TABLE actions FINAL")
				}
				r := rand.New(rand.NewPCG(*oracleSeed, uint64(n*len(oracleDates)+i)))
				askOracle(t, s, r, all, randomFilter(r, all, catalogue))
				if t.Failed() {
					t.Fatalf("-oracle.seed %d: question %d of data set %d", *oracleSeed, n, i)
				}
			}
		})
	}
}

// insertWithRepeats inserts events in blocks, some of them again and again.
func insertWithRepeats(t testing.TB, s *Store, all []Action) {
	t.Helper()
	again := func(from, to, by int) []Action {
		var some []Action
		for i := from; i < to; i += by {
			a := all[i]
			a.Origin.Offset += int64(len(all))
			a.Origin.Partition += by
			some = append(some, a)
		}
		return some
	}
	third := len(all) / 3
	insert(t, s, all[:third], all[third:], again(0, len(all), 2), again(third/2, len(all), 3), again(0, third, 1))
}

// askOracle compares a list that is read in pages of random sizes from a random place
// on, and an export.
func askOracle(t *testing.T, s *Store, r *rand.Rand, all []Action, f Filter) {
	t.Helper()
	q := Search{Filter: f, Order: oneOf(r, NewestFirst, OldestFirst)}
	want := oracle(all, &f, q.Order)
	if q.Order == NewestFirst {
		var got []string
		err := s.Each(t.Context(), f, func(a *Action) error { got = append(got, nameOf(a)); return nil })
		wantPlaces(t, "export", f, got, want, err)
	}
	askCounts(t, s, r, all, f, want)
	if r.IntN(3) == 0 {
		from := oneOf(r, all...)
		if r.IntN(3) == 0 { // a place where nothing is
			from.ID, from.ContentHash = nastyID(r, "a"), action.ContentHash{byte(r.IntN(256))}
		}
		q.After = from.Cursor()
		want = slices.DeleteFunc(want, func(a *Action) bool { return compare(a, &from, q.Order) <= 0 })
	}
	var told []string
	if r.IntN(2) == 0 {
		q.Progress = func(found []Action, _ time.Time) error {
			for i := range found {
				told = append(told, nameOf(&found[i]))
			}
			return nil
		}
	}
	var got []string
	for {
		q.Limit = min(1000, 1+r.IntN(10)+len(want)/8+r.IntN(len(want)+1))
		page, err := s.List(t.Context(), q)
		if err != nil || page.Partial || len(page.Actions) > q.Limit || page.Next != nil && len(page.Actions) < q.Limit && len(page.Actions) < 250 {
			t.Fatalf("a page of %d of %+v has %d events and is partial: %v; %v", q.Limit, q, len(page.Actions), page.Partial, err)
		}
		for i := range page.Actions {
			got = append(got, nameOf(&page.Actions[i]))
		}
		if page.Next == nil || len(got) > len(want)+1 {
			break
		}
		q.After = page.Next
	}
	wantPlaces(t, fmt.Sprintf("list in order %d", q.Order), f, got, want, nil)
	if q.Progress != nil {
		wantPlaces(t, "progress", f, told, want, nil)
	}
}

// askCounts compares the count and a histogram, each by itself and all in all.
func askCounts(t *testing.T, s *Store, r *rand.Rand, all []Action, f Filter, want []*Action) {
	t.Helper()
	count, err := s.Count(t.Context(), f)
	if err != nil || count.Count != uint64(len(want)) || !count.Reached.IsZero() {
		t.Errorf("%s: count is %d up to %s, want %d; %v", describe(f), count.Count, count.Reached, len(want), err)
	}
	var edges []time.Time
	for range 2 + r.IntN(4) {
		edges = append(edges, randomTime(r, all).Truncate(oneOf(r, time.Second, 15*time.Minute, 24*time.Hour)))
	}
	slices.SortFunc(edges, time.Time.Compare)
	if edges = slices.Compact(edges); len(edges) < 2 {
		return
	}
	wanted := make([]map[string]uint64, len(edges)-1)
	for i := range wanted {
		wanted[i] = map[string]uint64{}
		for _, a := range want {
			if !a.Time.Before(edges[i]) && a.Time.Before(edges[i+1]) {
				wanted[i][a.Action]++
			}
		}
	}
	h, err := s.Histogram(t.Context(), f, edges)
	if err != nil || !reflect.DeepEqual(h.Counts, wanted) {
		t.Errorf("%s: the histogram of %s is %v, want %v; %v", describe(f), edges, h.Counts, wanted, err)
	}
}

// describe writes a filter in ASCII.
func describe(f Filter) string {
	f.Catalogue = nil
	return fmt.Sprintf("%+q", fmt.Sprintf("%+v", f))
}

// nameOf is what tells an event from every other.
func nameOf(a *Action) string {
	return fmt.Sprintf("%s %q %x", a.Time.Format(TimeLayout), a.ID, a.ContentHash[:4])
}

func wantPlaces(t *testing.T, what string, f Filter, got []string, want []*Action, err error) {
	t.Helper()
	wanted := make([]string, len(want))
	for i, a := range want {
		wanted[i] = nameOf(a)
	}
	if err == nil && slices.Equal(got, wanted) {
		return
	}
	at := 0
	for at < len(got) && at < len(wanted) && got[at] == wanted[at] {
		at++
	}
	next := func(all []string) string {
		if at < len(all) {
			return all[at]
		}
		return "the end"
	}
	var event string
	if at < len(want) {
		event = fmt.Sprintf("%+q; details %s", fmt.Sprintf("%+v", want[at].Event), want[at].Details)
	}
	t.Errorf("%s of %s: %d events, want %d; %v\nthe first difference, at %d: got %s, want %s\n%s", what, describe(f), len(got), len(wanted), err, at, next(got), next(wanted), event)
}

// oracle is what a question finds, in order.
func oracle(all []Action, f *Filter, order Order) []*Action {
	var found []*Action
	for i := range all {
		if matches(&all[i], f) {
			found = append(found, &all[i])
		}
	}
	slices.SortFunc(found, func(a, b *Action) int { return compare(a, b, order) })
	return found
}

var usualUUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// compare orders events by time, by id, those that are UUIDs after all others, and by
// content.
func compare(a, b *Action, order Order) int {
	isUUID := func(id string) int {
		if usualUUID.MatchString(id) && strings.Trim(id, "0-") != "" {
			return 1
		}
		return 0
	}
	c := cmp.Or(a.Time.Compare(b.Time), isUUID(a.ID)-isUUID(b.ID), cmp.Compare(a.ID, b.ID), bytes.Compare(a.ContentHash[:], b.ContentHash[:]))
	if order == NewestFirst {
		return -c
	}
	return c
}
