package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestPagesWhileEventsArrive reads lists in both orders, back and forth, while events
// arrive before, behind and between those that are shown, those that are shown arrive
// again, and parts are merged. What was there before is shown once each, in order.
func TestPagesWhileEventsArrive(t *testing.T) {
	t.Parallel()
	const seed = 1
	s := testStore(t)
	r := rand.New(rand.NewPCG(seed, 0))
	at := func(r *rand.Rand) time.Time {
		return noon.Add(time.Duration(r.IntN(60)-30) * oneOf(r, time.Millisecond, time.Hour, 24*time.Hour))
	}
	fresh := func(r *rand.Rand, n int) Action {
		return event(n, func(a *Action) { a.ID, a.Time = nastyID(r, a.ID), at(r) })
	}
	var before []Action
	for n := range 400 {
		before = append(before, fresh(r, n))
	}
	insert(t, s, before[:100], before[100:250], before[250:])

	ctx, done := context.WithCancel(t.Context())
	var writers, readers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(100+w)))
			for n := 1000 * (w + 1); ctx.Err() == nil && n < 1000*(w+1)+300; n += 10 {
				var b Batch
				for i := range 5 {
					a := fresh(r, n+i)
					b.Append(&a)
					again := before[r.IntN(len(before))]
					again.Origin.Offset += int64(n + i)
					b.Append(&again)
				}
				if err := s.InsertActions(t.Context(), &b); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Go(func() {
		for ctx.Err() == nil {
			if err := s.conn.Exec(t.Context(), "OPTIMIZE TABLE actions FINAL"); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for n := range 4 {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(200+n)))
			order := Order(n % 2)
			shown, err := readPages(t.Context(), s, r, Search{Filter: everything(), Order: order})
			if err != nil {
				t.Error(err)
				return
			}
			wantAllOnce(t, shown, before, order)
			// Back from somewhere, to the beginning.
			from := shown[r.IntN(len(shown))]
			back, err := readPages(t.Context(), s, r, Search{Filter: everything(), Order: order.Reversed(), After: from.Cursor()})
			if err != nil {
				t.Error(err)
				return
			}
			ahead := slices.DeleteFunc(slices.Clone(before), func(a Action) bool { return compare(&a, &from, order) >= 0 })
			wantAllOnce(t, back, ahead, order.Reversed())
		})
	}
	readers.Wait()
	done()
	writers.Wait()
}

func readPages(ctx context.Context, s *Store, r *rand.Rand, q Search) ([]Action, error) {
	var shown []Action
	for {
		q.Limit = 1 + r.IntN(60)
		page, err := s.List(ctx, q)
		if err != nil {
			return nil, err
		}
		shown = append(shown, page.Actions...)
		if page.Next == nil {
			return shown, nil
		}
		q.After = page.Next
	}
}

// wantAllOnce expects events in order, none twice and all of those given.
func wantAllOnce(t *testing.T, shown, given []Action, order Order) {
	t.Helper()
	seen := map[string]bool{}
	for i := range shown {
		if seen[nameOf(&shown[i])] = true; i > 0 && compare(&shown[i-1], &shown[i], order) >= 0 {
			t.Errorf("order %d: %s is shown before %s", order, nameOf(&shown[i-1]), nameOf(&shown[i]))
		}
	}
	for i := range given {
		if !seen[nameOf(&given[i])] {
			t.Errorf("order %d: %s is not shown", order, nameOf(&given[i]))
		}
	}
}

// TestPartialPagesGiveEverythingOnce reads lists with deadlines that pass in the middle
// of pages, and goes on behind what was found.
func TestPartialPagesGiveEverythingOnce(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	r := rand.New(rand.NewPCG(1, 0))
	all := oracleEvents(r, 1000, oracleDates[0])
	insertWithRepeats(t, s, all)
	partial := 0
	for n := range 4 {
		f := everything()
		q := Search{Filter: f, Order: Order(n % 2)}
		want := oracle(all, &f, q.Order)
		var got, told []string
		if n%4 > 1 {
			q.Progress = func(found []Action, _ time.Time) error {
				for i := range found {
					told = append(told, nameOf(&found[i]))
				}
				return nil
			}
		}
		patience := time.Millisecond
		for {
			q.Limit = 1 + r.IntN(300)
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.Int64N(int64(patience))))
			page, err := s.List(ctx, q)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			for i := range page.Actions {
				got = append(got, nameOf(&page.Actions[i]))
			}
			if page.Partial {
				partial++
				patience += patience / 4
			}
			if page.Next != nil {
				q.After = page.Next
			} else if !page.Partial {
				break
			}
		}
		wantPlaces(t, fmt.Sprintf("partial pages in order %d", q.Order), f, got, want, nil)
		if q.Progress != nil {
			wantPlaces(t, "progress", f, told, want, nil)
		}
	}
	if partial == 0 {
		t.Error("no page was partial")
	}
	t.Log(partial, "partial pages")
}
