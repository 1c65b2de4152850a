package store

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

// randomEvent returns event n with any of the optional fields. Each text is one of few.
func randomEvent(rng *rand.Rand, n, few int) Action {
	word := func() string {
		if rng.IntN(3) == 0 {
			return ""
		}
		return fmt.Sprintf("wörd %d", rng.IntN(few))
	}
	return event(n, func(a *Action) {
		a.Time = noon.Add(time.Duration(rng.IntN(1000)) * time.Millisecond)
		a.Tenant = "many"
		a.Actor = action.Actor{ID: word(), Name: word(), Type: "user"}
		a.OnBehalfOf = action.Actor{ID: word(), Name: word(), Type: word()}
		a.Subject = action.Record{Type: word(), ID: word(), Name: word()}
		for range rng.IntN(4) {
			a.Related = append(a.Related, action.Record{Type: word(), ID: word(), Name: word()})
		}
		a.Description, a.Reason, a.SessionID, a.RequestID, a.UserAgent = word(), word(), word(), word(), word()
		if rng.IntN(2) == 0 {
			a.IP = netip.AddrFrom4([4]byte{10, byte(rng.IntN(256)), 0, 1})
		}
		if rng.IntN(2) == 0 {
			a.Details = json.RawMessage(fmt.Sprintf(`{"n": %d}`, n))
		}
		a.Origin.Partition = rng.IntN(8)
	})
}

func TestBatchHoldsWhatWasAppended(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var b Batch
	for round := range 3 {
		var want []Action
		for range rng.IntN(1000) {
			a := randomEvent(rng, len(want), 1+rng.IntN(400))
			want = append(want, a)
			b.Append(&a)
		}
		if b.Rows() != len(want) {
			t.Fatalf("round %d: %d rows, want %d", round, b.Rows(), len(want))
		}
		for i := range want {
			if got := b.Row(i); !reflect.DeepEqual(got, want[i]) {
				t.Fatalf("round %d, row %d:\ngot  %+v\nwant %+v", round, i, got, want[i])
			}
		}
		b.Reset()
	}
}

// The keys of a dictionary are as wide as it has to be: 8, 16 or 32 bits.
func TestInsertOfFewAndOfManyDifferentTexts(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	for _, different := range []int{1, 255, 256, 65535, 65536} {
		var b Batch
		tenant := fmt.Sprintf("%d texts", different)
		for n := range different {
			a := event(n, func(a *Action) {
				a.ContentHash[0] = 1 // the ids differ already
				a.Tenant, a.Actor.ID, a.UserAgent = tenant, fmt.Sprintf("u-%d", n), fmt.Sprintf("agent %d", n%300)
			})
			b.Append(&a)
		}
		for range 2 { // the same batch again, as after an answer that was lost
			if err := s.InsertActions(t.Context(), &b); err != nil {
				t.Fatal(err)
			}
		}
		where := " FROM actions FINAL WHERE tenant = '" + tenant + "'"
		right := count(t, s, "SELECT countIf(actor_id = concat('u-', toString(offset)) AND user_agent = concat('agent ', toString(offset % 300)))"+where)
		if all := count(t, s, "SELECT count()"+where); all != uint64(different) || right != all {
			t.Errorf("%d different texts: %d rows, %d of them as they were sent", different, all, right)
		}
	}
}

func BenchmarkBatchAppend(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	events := make([]Action, 1000)
	for i := range events {
		events[i] = randomEvent(rng, i, 50)
	}
	var batch Batch
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%50_000 == 0 {
			batch.Reset()
		}
		batch.Append(&events[i%len(events)])
	}
}

// Blocks of the size that ingest sends, into the embedded engine.
func BenchmarkInsertActions(b *testing.B) {
	s := testStore(b)
	rng := rand.New(rand.NewPCG(1, 1))
	const rows = 50_000
	var batch Batch
	for i := range rows {
		a := randomEvent(rng, i, 50)
		batch.Append(&a)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.InsertActions(b.Context(), &batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
}
