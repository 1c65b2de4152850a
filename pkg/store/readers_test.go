package store

import (
	"context"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// readers are the ways to read all events, each given out one by one.
var readers = map[string]func(*Store, context.Context, func(*Action) error) error{
	"row by row": func(s *Store, ctx context.Context, f func(*Action) error) error { return s.Each(ctx, everything(), f) },
	"in batches": func(s *Store, ctx context.Context, f func(*Action) error) error {
		return s.EachBatch(ctx, everything(), eachOf(f))
	},
	"gathered": func(s *Store, ctx context.Context, f func(*Action) error) error {
		return s.eachGathered(ctx, everything(), eachOf(f))
	},
}

// eachOf gives out the events of batches.
func eachOf(f func(*Action) error) func(*Batch, []int) error {
	return func(b *Batch, rows []int) error {
		for _, i := range rows {
			a := b.Row(i)
			if err := f(&a); err != nil {
				return err
			}
		}
		return nil
	}
}

// storeOfLong is a store of so many events, whose texts are longer than what the engine
// and the network hold back.
func storeOfLong(t *testing.T, n int) *Store {
	t.Helper()
	s := testStore(t)
	var all []Action
	for i := range n {
		all = append(all, event(i, func(a *Action) { a.Description = strings.Repeat("long ", 1600) }))
	}
	insert(t, s, all)
	return s
}

func TestReadersPassErrorsOnAndStop(t *testing.T) {
	t.Parallel()
	s := storeOfLong(t, 8000)
	idle := func() bool {
		return count(t, s, "SELECT count() FROM system.processes WHERE current_database = '"+s.database+"' AND query LIKE '%FROM actions WHERE%' AND query NOT LIKE '%system.processes%'") == 0
	}
	full := errors.New("the disk is full")
	for name, read := range readers {
		seen := 0
		err := read(s, t.Context(), func(*Action) error {
			if seen++; seen == 3 {
				return full
			}
			return nil
		})
		if !errors.Is(err, full) || seen != 3 {
			t.Errorf("%s: after %d events: %v", name, seen, err)
		}
		embeddedtest.Eventually(t, name+": the engine gives up what nobody reads", idle)
		ctx, cancel := context.WithCancel(t.Context())
		seen = 0
		err = read(s, ctx, func(*Action) error {
			if seen++; seen == 2 {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: cancelled after 2, %d events came without an error: %v", name, seen, err)
		}
		embeddedtest.Eventually(t, name+": the engine gives up what was cancelled", idle)
	}
}

func TestAKilledReadNeverLooksWhole(t *testing.T) {
	t.Parallel()
	const all = 4000
	s := storeOfLong(t, all)
	for name, read := range readers {
		for range 3 { // the kill may come too late
			seen := 0
			err := read(s, t.Context(), func(*Action) error {
				if seen++; seen == 500 {
					execute(t, s, "KILL QUERY WHERE current_database = '"+s.database+"' AND query LIKE 'SELECT%FROM actions%' ASYNC")
				}
				return nil
			})
			if err == nil && seen != all {
				t.Fatalf("%s: %d events of %d came without an error", name, seen, all)
			}
		}
	}
}

func TestAFailureInTheMiddleOfAReadIsAnError(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	random := rand.NewChaCha8([32]byte{})
	var all []Action
	for n := range 4000 {
		// Together longer, compressed too, than what the engine holds back before it
		// sends: it fails when some is on its way.
		noise := make([]byte, 4000)
		_, _ = random.Read(noise) // never fails
		all = append(all, event(n, func(a *Action) { a.Description = hex.EncodeToString(noise) }))
	}
	insert(t, s, all)
	// The rows come in the order of the key; the engine fails at one of the last.
	const condition = " FROM actions WHERE tenant = ? AND throwIf(id = 'id-000100') = 0"
	limits := NewestFirst.orderBy() + " SETTINGS max_block_size = 100, max_threads = 1"
	rows := 0
	err := s.scan(t.Context(), "SELECT "+columnList+condition+limits, []any{"default"}, allColumns, func(*Action) error { rows++; return nil })
	if err == nil || rows >= len(all) {
		t.Errorf("after %d rows of %d: %v", rows, len(all), err)
	}
	for _, compressed := range []bool{false, true} {
		s.compressed = compressed
		var b Batch
		rows = 0
		err = s.eachBlock(t.Context(), shownColumns, "SELECT "+listOf(shownColumns)+condition+limits, []any{"default"}, &b, func() error {
			rows += b.Rows()
			return nil
		})
		if err == nil || rows == 0 || rows >= len(all) || !strings.Contains(err.Error(), "throwIf") && !compressed {
			t.Errorf("compressed %v: after %d rows of %d: %v", compressed, rows, len(all), err)
		}
	}
}
